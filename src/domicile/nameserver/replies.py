"""Replies out of one replica, a batch of messages at a time.

What was replied to a datagram is remembered for as long as it is what the replica says:
until a view shows another copy or serial, or it is behind now and was not, or was and
is not, or another hour has begun. Each batch opens a view, and so does the worker's
word to its follower; so nobody is told a serial while older replies are given.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final, NamedTuple

import structlog

from domicile.clock import Clock, wall
from domicile.dns.answer import Answer
from domicile.dns.cache import ReplyCache
from domicile.dns.client import Client
from domicile.dns.responder import SILENT, Server, respond
from domicile.dns.signatures import PER_SECOND
from domicile.dns.zonefile import StaticZone
from domicile.dns.zones import FindZone
from domicile.errors import DomicileError
from domicile.nameserver.alone import NoRecords
from domicile.nameserver.answers import (
    ServedView,
    answer_from,
    answer_without_records,
    zones_of,
)
from domicile.nameserver.counts import Tally
from domicile.nameserver.plain import PlainQuestions
from domicile.nameserver.plain_zones import plain_zones
from domicile.nameserver.signed import Signing
from domicile.nameserver.where import Network, is_where, may_ask, tell_where
from domicile.replica.replica import Replica
from domicile.replica.view import View
from domicile.service.logs import Sparing

log = structlog.get_logger()

Reply = Callable[[bytes, Client], bytes | None]

# What is signed is renewed days before it expires, and not on a change of records.
_HOUR: Final = 3600

_ROOM: Final = 64 * 1024 * 1024
"""Octets of replies to remember: those of some 100,000 names, in each worker."""


class Own(NamedTuple):
    """What a server has of its own, whatever the directory's records are.

    `files` are the zones of master files by their apexes, `told` the networks that may
    ask `_where`. So many `signatures` are made within a second.
    """

    files: Mapping[bytes, StaticZone] = {}
    identity: Server = SILENT
    told: tuple[Network, ...] = ()
    sealing_key: bytes | None = None
    signatures: float = PER_SECOND


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
        self.plain = PlainQuestions()
        self.remembered = ReplyCache(_ROOM)
        self._as_of: tuple[str, int, bool, int] | None = None
        self._view: View | NoRecords | None = None
        self._server = self._own.identity
        self._signing = Signing(self._own.sealing_key, self._own.signatures)

    def serial(self) -> int:
        """Give the serial as of which all is answered now, 0 where it cannot be told."""
        try:
            with self._replica.view() as view:
                self._remember_as_of(view)
                return view.serial
        except (DomicileError, OSError):
            self._forget()
            return 0

    def count_remembered(self, count: int, missing: int) -> None:
        """Count replies over UDP that were known, and those that there is no such name."""
        if self._tally is not None and count:
            self._tally.count_remembered(count, missing)

    @contextmanager
    def batch(self) -> Iterator[Reply]:
        """Open what answers until the batch ends; no bad data makes it raise."""
        self.begin()
        try:
            yield self.reply
        finally:
            self.end()

    def begin(self) -> None:
        """Open the view that all is answered from until the `end`."""
        self._server = self._own.identity._replace(now=int(self._clock()))
        try:
            self._view = self._replica.view().__enter__()
        except Exception as error:  # noqa: BLE001 - the border: see _report
            self._report(error)
            self._forget()
            return
        self._remember_as_of(self._view)
        # What is behind has more to say than what it said before.
        is_sure = self._as_of is not None and not self._as_of[2]
        self.plain.see(self._view.glance() if is_sure else None)

    def end(self) -> None:
        self.plain.see(None)
        if self._view is not None:
            self._view.__exit__(None, None, None)
            self._view = None

    def reply(self, packet: bytes, client: Client) -> bytes | None:
        """Reply to what is not known yet."""
        if self._view is None:
            return self._fail(packet, client)
        self._signing.denied = False
        try:
            found = self._respond(self._view, packet, client)
        except Exception as error:  # noqa: BLE001 - the border: see _report
            self._report(error)
            return self._fail(packet, client)
        if found is not None and not client.is_stream:
            self._keep(packet, found)
        return self._counted(found, client)

    def _respond(
        self, view: View | NoRecords, packet: bytes, client: Client
    ) -> bytes | None:
        if self._as_of is None:
            # Nothing is remembered of it; that it is damaged is not for us to ignore.
            self._signing.load(view)
        find_zone = zones_of(view, self._own.files, self._signing.zones)
        look_up = partial(self._look_up, view, find_zone, client)
        sign = partial(self._signing.sign, find_zone, client, self._server.now)
        return respond(packet, client, look_up, self._server, sign)

    def _keep(self, packet: bytes, reply: bytes) -> None:
        # Of names that are not there is no end, whatever the rcode is.
        if self._as_of is None or self._signing.denied:
            return
        if not self.plain.learn(packet, reply):
            self.remembered.keep(packet, reply)

    def _look_up(
        self,
        view: ServedView,
        find_zone: FindZone,
        client: Client,
        name: bytes,
        rdtype: int,
    ) -> Answer:
        if is_where(name) and may_ask(self._own.told, client.address):
            return tell_where(view, name, rdtype)
        return answer_from(view, find_zone, name, rdtype)

    def _fail(self, packet: bytes, client: Client) -> bytes | None:
        look_up = partial(answer_without_records, self._own.files)
        reply = respond(packet, client, look_up, self._server, self._signing.refuse)
        return self._counted(reply, client)

    def _remember_as_of(self, view: View | NoRecords) -> None:
        """Forget what another view's replies were; with a damaged one, remember none."""
        try:
            hour = int(self._clock() // _HOUR)
            as_of = self._replica.open_name, view.serial, view.behind, hour
            if as_of != self._as_of:
                self._signing.load(view)
        except Exception:  # noqa: BLE001 - whoever asks for what is damaged reports it
            self._forget()
            return
        if as_of != self._as_of:
            self._forget()
            self._as_of = as_of
            signed = self._signing.zones
            self.plain.forget(plain_zones(view, self._own.files, signed))

    def _forget(self) -> None:
        self.remembered.clear()
        self.plain.forget()
        self._as_of = None

    def _counted(self, reply: bytes | None, client: Client) -> bytes | None:
        if self._tally is not None:
            self._tally.count(reply, client.transport)
        return reply

    def _report(self, error: Exception) -> None:
        """Say that the records are damaged, or hold what no answer can bear."""
        if times := self._sparing.count():
            reason = f"{type(error).__name__}: {error}"
            log.error("cannot_answer", reason=reason, times=times)
