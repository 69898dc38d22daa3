"""Replies out of one replica, a batch of messages at a time.

What was replied to a datagram is remembered for as long as it is what the replica says:
until a glance shows another copy, or that it was written to, or that it is behind now
and was not, or was and is not. What depends on the time of day is not remembered. A view
is opened for what is not known, and for the worker's word to its follower, after which
the next glance is no older; so nobody is told a serial while older replies are given.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from typing import Final, NamedTuple

import structlog

from domicile.clock import Clock, wall
from domicile.dns.answer import Answer
from domicile.dns.cache import ReplyCache
from domicile.dns.client import Client
from domicile.dns.responder import SILENT, Server, respond
from domicile.dns.signed_query import may_be_signed, reply_to_signed
from domicile.dns.tsig import Key
from domicile.dns.zonefile import StaticZone
from domicile.errors import DomicileError
from domicile.nameserver.alone import NoRecords
from domicile.nameserver.answers import ServedView, answer, answer_without_records
from domicile.nameserver.counts import Tally
from domicile.nameserver.keyring import NO_KEYS, Keyring
from domicile.nameserver.live import Moment
from domicile.nameserver.plain import PlainQuestions
from domicile.nameserver.plain_zones import plain_zones
from domicile.nameserver.published import Published
from domicile.nameserver.where import Network, is_where, may_ask, tell_where
from domicile.replica.glance import Glance
from domicile.replica.replica import Replica
from domicile.replica.view import View
from domicile.service.logs import Sparing

log = structlog.get_logger()

Reply = Callable[[bytes, Client], bytes | None]

_ROOM: Final = 64 * 1024 * 1024
"""Octets of replies to remember: those of some 100,000 names, in each worker."""


class Own(NamedTuple):
    """What a server has of its own, whatever the directory's records are.

    `files` are the zones of master files by their apexes, `told` the networks that may
    ask `_where`, `published` the serials of zones that secondaries take, `keys` those by
    which secondaries sign and that are no records; the `sealing_key` is for secrets in
    records.
    """

    files: Mapping[bytes, StaticZone] = {}
    identity: Server = SILENT
    told: tuple[Network, ...] = ()
    sealing_key: bytes | None = None
    published: Published | None = None
    keys: Mapping[str, Key] = NO_KEYS


class Replies:
    """Answers each batch from one view of the replica, as of one serial."""

    def __init__(
        self,
        replica: Replica | NoRecords,
        tally: Tally | None = None,
        own: Own | None = None,
        clock: Clock = wall,
    ) -> None:
        self._replica = replica
        self._own = own or Own()
        self._tally = tally
        self._clock = clock
        self._sparing = Sparing()
        self._glance = Glance(replica)
        self._keys = Keyring(self._own.sealing_key, self._own.keys)
        self.plain = PlainQuestions(self._glance)
        self.remembered = ReplyCache(_ROOM)
        self._view: View | NoRecords | None = None
        self._server = self._own.identity
        self._lasting = False

    def serial(self) -> int:
        """Give the serial as of which all is answered from now on, 0 if none can tell."""
        try:
            with self._replica.view() as view:
                self._glance.look_anew()
                return view.serial
        except (DomicileError, OSError):
            return 0

    def count_remembered(self, count: int, missing: int) -> None:
        """Count replies over UDP that were known, and those that there is no such name."""
        if self._tally is not None and count:
            self._tally.count_remembered(count, missing)

    def begin(self) -> None:
        """Have what is `plain` and `remembered` be as of now, until the `end`."""
        if not self._glance.begin():
            self._renew()

    def end(self) -> None:
        self._glance.end()

    @contextmanager
    def batch(self) -> Iterator[Reply]:
        """Open what answers until the batch ends; no bad data makes it raise."""
        self._server = self._own.identity._replace(now=int(self._clock()))
        with ExitStack() as stack:
            try:
                opened: AbstractContextManager[View | NoRecords] = self._replica.view()
                self._view = stack.enter_context(opened)
                self._lasting = self._is_glanced_at(self._view)
            except Exception as error:  # noqa: BLE001 - the border: see _report
                self._report(error)
                self._view = None
            yield self.reply

    def reply(self, packet: bytes, client: Client) -> bytes | None:
        """Reply to what is not known."""
        signed = self._view is not None and may_be_signed(packet)
        replied = (self._reply_signed if signed else self._reply)(packet, client)
        if self._tally is not None:
            self._tally.count(replied, client.transport)
        return replied

    def _reply_signed(self, packet: bytes, client: Client) -> bytes | None:
        assert self._view is not None
        find_key = partial(self._keys.find, self._view)
        now = self._server.now
        try:
            return reply_to_signed(packet, client, find_key, now, self._reply)
        except Exception as error:  # noqa: BLE001 - the border: see _report
            self._report(error)
            return self._fail(packet, client)

    def _reply(self, packet: bytes, client: Client) -> bytes | None:
        if self._view is None:
            return self._fail(packet, client)
        moment = Moment(self._server.now)
        look_up = partial(self._look_up, self._view, client, moment)
        try:
            found = respond(packet, client, look_up, self._server)
        except Exception as error:  # noqa: BLE001 - the border: see _report
            self._report(error)
            return self._fail(packet, client)
        if found is not None and not (client.is_stream or moment.is_passing):
            self._keep(packet, found)
        return found

    def _keep(self, packet: bytes, reply: bytes) -> None:
        """Keep what may be given again, if that is as of what is glanced at."""
        if self._lasting and not self.plain.learn(packet, reply):
            self.remembered.keep(packet, reply)

    def _look_up(
        self,
        view: ServedView,
        client: Client,
        moment: Moment,
        name: bytes,
        rdtype: int,
    ) -> Answer:
        if is_where(name) and may_ask(self._own.told, client.address):
            return tell_where(view, name, rdtype)
        found = answer(view, self._own.files, moment, name, rdtype)
        published = self._own.published
        return published.renumbered(found) if published else found

    def _fail(self, packet: bytes, client: Client) -> bytes | None:
        look_up = partial(answer_without_records, self._own.files)
        return respond(packet, client, look_up, self._server)

    def _renew(self) -> None:
        """Forget what other records said."""
        self.remembered.clear()
        self.plain.forget()
        # What is behind has more to say than what it said before.
        if self._glance.behind:
            return
        with suppress(DomicileError, OSError), self._replica.view() as view:
            if self._is_glanced_at(view):
                self.plain.forget(plain_zones(view, self._own.files))

    def _is_glanced_at(self, view: View | NoRecords) -> bool:
        glance = self._glance
        return (view.number, view.behind) == (glance.number, glance.behind) and (
            self._replica.open_name == glance.as_of
        )

    def _report(self, error: Exception) -> None:
        """Say that the records are damaged, or hold what no answer can bear."""
        if times := self._sparing.count():
            reason = f"{type(error).__name__}: {error}"
            log.error("cannot_answer", reason=reason, times=times)
