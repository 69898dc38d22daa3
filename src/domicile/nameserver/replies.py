"""Replies out of one replica, a batch of messages at a time.

What was replied to a datagram is remembered for as long as it is what the replica says:
until a view shows another copy or serial, or it is behind now and was not, or was and
is not, or another hour has begun. A view is opened for what is not remembered, and for the worker's word to its
follower; so nobody is told a serial while older replies are given.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
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
        self._remembered = ReplyCache(_ROOM)
        self._as_of: tuple[str, int, bool, int] | None = None
        self._signing = Signing(self._own.sealing_key, self._own.signatures)

    def remembered(self) -> ReplyCache:
        """Give the replies to datagrams that may be given again now."""
        if self._as_of is not None and self._as_of[2] != self._replica.behind_as_open():
            self._forget()
        return self._remembered

    def serial(self) -> int:
        """Give the serial as of which all is answered now, 0 where it cannot be told."""
        try:
            with self._replica.view() as view:
                self._remember_as_of(view)
                return view.serial
        except (DomicileError, OSError):
            self._forget()
            return 0

    def count_remembered(self, count: int) -> None:
        """Count replies that were given again."""
        if self._tally is not None and count:
            self._tally.count_remembered(count)

    @contextmanager
    def batch(self) -> Iterator[Reply]:
        """Open what answers until the batch ends; no bad data makes it raise."""
        server = self._own.identity._replace(now=int(self._clock()))
        with ExitStack() as stack:
            try:
                opened: AbstractContextManager[View | NoRecords] = self._replica.view()
                view = stack.enter_context(opened)
            except Exception as error:  # noqa: BLE001 - the border: see _report
                self._report(error)
                yield partial(self._fail, server)
            else:
                self._remember_as_of(view)
                yield partial(self._reply, view, server)

    def _reply(
        self, view: View | NoRecords, server: Server, packet: bytes, client: Client
    ) -> bytes | None:
        self._signing.denied = False
        try:
            if self._as_of is None:
                self._signing.load(view)
            find_zone = zones_of(view, self._own.files, self._signing.zones)
            look_up = partial(self._look_up, view, find_zone, client)
            sign = partial(self._signing.sign, find_zone, client, server.now)
            found = respond(packet, client, look_up, server, sign)
        except Exception as error:  # noqa: BLE001 - the border: see _report
            self._report(error)
            return self._fail(server, packet, client)
        # Of names that are not there is no end, whatever the rcode is.
        lasting = self._as_of is not None and not self._signing.denied
        if found is not None and not client.is_stream and lasting:
            self._remembered.keep(packet, found)
        return self._counted(found, client)

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

    def _fail(self, server: Server, packet: bytes, client: Client) -> bytes | None:
        look_up = partial(answer_without_records, self._own.files)
        reply = respond(packet, client, look_up, server, self._signing.refuse)
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

    def _forget(self) -> None:
        self._remembered.clear()
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
