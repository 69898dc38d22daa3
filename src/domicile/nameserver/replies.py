"""Replies out of one replica, a batch of messages at a time.

What was replied to a datagram is remembered for as long as it is what the replica says:
until a view shows another copy or serial, or it is behind now and was not, or was and
is not. A view is opened for what is not remembered, and for the worker's word to its
follower; so nobody is told a serial while older replies are given.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Final

import structlog

from domicile.dns.cache import ReplyCache
from domicile.dns.responder import respond
from domicile.dns.zonefile import StaticZone
from domicile.errors import DomicileError
from domicile.nameserver.alone import NoRecords
from domicile.nameserver.answers import ServedView, answer, answer_without_records
from domicile.nameserver.counts import Tally
from domicile.replica.replica import Replica
from domicile.replica.view import View
from domicile.service.logs import Sparing

log = structlog.get_logger()

Reply = Callable[[bytes], bytes | None]

_ROOM: Final = 64 * 1024 * 1024
"""Octets of replies to remember: those of some 100,000 names, in each worker."""


class Replies:
    """Answers each batch from one view of the replica, as of one serial."""

    def __init__(
        self,
        replica: Replica | NoRecords,
        tally: Tally | None = None,
        files: Mapping[bytes, StaticZone] | None = None,
    ) -> None:
        """`files` are the zones of master files, by their apexes."""
        self._replica = replica
        self._files = files or {}
        self._tally = tally
        self._sparing = Sparing()
        self._remembered = ReplyCache(_ROOM)
        self._as_of: tuple[str, int, bool] | None = None

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
    def batch(self, *, stream: bool = False) -> Iterator[Reply]:
        """Open what answers until the batch ends; no bad data makes it raise."""
        with ExitStack() as stack:
            try:
                opened: AbstractContextManager[View | NoRecords] = self._replica.view()
                view = stack.enter_context(opened)
            except Exception as error:  # noqa: BLE001 - the border: see _report
                self._report(error)
                yield partial(self._fail, stream)
            else:
                self._remember_as_of(view)
                yield partial(self._reply, view, stream)

    def _reply(self, view: ServedView, stream: bool, packet: bytes) -> bytes | None:
        try:
            found = respond(packet, partial(answer, view, self._files), stream=stream)
        except Exception as error:  # noqa: BLE001 - the border: see _report
            self._report(error)
            return self._fail(stream, packet)
        if found is not None and not stream and self._as_of is not None:
            self._remembered.keep(packet, found)
        return self._counted(found, stream)

    def _fail(self, stream: bool, packet: bytes) -> bytes | None:
        look_up = partial(answer_without_records, self._files)
        return self._counted(respond(packet, look_up, stream=stream), stream)

    def _remember_as_of(self, view: View | NoRecords) -> None:
        """Forget what another view's replies were; with a damaged one, remember none."""
        try:
            as_of = self._replica.open_name, view.serial, view.behind
        except Exception:  # noqa: BLE001 - whoever asks for what is damaged reports it
            self._forget()
            return
        if as_of != self._as_of:
            self._forget()
            self._as_of = as_of

    def _forget(self) -> None:
        self._remembered.clear()
        self._as_of = None

    def _counted(self, reply: bytes | None, stream: bool) -> bytes | None:
        if self._tally is not None:
            self._tally.count(reply, stream)
        return reply

    def _report(self, error: Exception) -> None:
        """Say that the records are damaged, or hold what no answer can bear."""
        if times := self._sparing.count():
            reason = f"{type(error).__name__}: {error}"
            log.error("cannot_answer", reason=reason, times=times)
