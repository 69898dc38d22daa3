"""Replies out of one replica, a batch of messages at a time."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial

import structlog

from domicile.dns.answer import Answer
from domicile.dns.responder import respond
from domicile.dns.zone import Nodes
from domicile.nameserver.answers import ServedView, answer
from domicile.nameserver.counts import Tally
from domicile.replica.replica import Replica
from domicile.service.logs import Sparing

log = structlog.get_logger()

Reply = Callable[[bytes], bytes | None]


class Replies:
    """Answers each batch from one view of the replica, as of one serial."""

    def __init__(
        self,
        replica: Replica,
        tally: Tally | None = None,
        files: Mapping[bytes, Nodes] | None = None,
    ) -> None:
        """`files` are the zones of master files, by their apexes."""
        self._replica = replica
        self._files = files or {}
        self._tally = tally
        self._sparing = Sparing()

    @contextmanager
    def batch(self, *, stream: bool = False) -> Iterator[Reply]:
        """Open what answers until the batch ends; no bad data makes it raise."""
        with ExitStack() as stack:
            try:
                view = stack.enter_context(self._replica.view())
            except Exception as error:  # noqa: BLE001 - the border: see _report
                self._report(error)
                yield partial(self._fail, stream)
            else:
                yield partial(self._reply, view, stream)

    def _reply(self, view: ServedView, stream: bool, packet: bytes) -> bytes | None:
        try:
            found = respond(packet, partial(answer, view, self._files), stream=stream)
        except Exception as error:  # noqa: BLE001 - the border: see _report
            self._report(error)
            return self._fail(stream, packet)
        return self._counted(found, stream)

    def _fail(self, stream: bool, packet: bytes) -> bytes | None:
        return self._counted(respond(packet, _serv_fail, stream=stream), stream)

    def _counted(self, reply: bytes | None, stream: bool) -> bytes | None:
        if self._tally is not None:
            self._tally.count(reply, stream)
        return reply

    def _report(self, error: Exception) -> None:
        """Say that the records are damaged, or hold what no answer can bear."""
        if times := self._sparing.count():
            reason = f"{type(error).__name__}: {error}"
            log.error("cannot_answer", reason=reason, times=times)


def _serv_fail(_name: bytes, _rdtype: int) -> Answer:
    return Answer.serv_fail()
