"""Replies out of one replica, a batch of messages at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import structlog

from domicile.dns.answer import Answer
from domicile.dns.responder import respond
from domicile.nameserver.answers import answer
from domicile.replica.datafile import DamagedReplica
from domicile.replica.replica import Replica

log = structlog.get_logger()

Reply = Callable[[bytes], bytes | None]


class Replies:
    """Answers each batch from one view of the replica, as of one serial."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._damaged = False

    @contextmanager
    def batch(self, *, stream: bool = False) -> Iterator[Reply]:
        """Open what answers until the batch ends; never raises DamagedReplica."""
        try:
            view = self._replica.view()
        except DamagedReplica as damage:
            self._report(damage)
            yield partial(respond, look_up=_fail, stream=stream)
            return
        with view:

            def look_up(name: bytes, rdtype: int) -> Answer:
                try:
                    found = answer(view, name, rdtype)
                except DamagedReplica as damage:
                    self._report(damage)
                    return Answer.serv_fail()
                self._damaged = False
                return found

            yield partial(respond, look_up=look_up, stream=stream)

    def _report(self, damage: DamagedReplica) -> None:
        # One line, not one for each query, until an answer is found again.
        if not self._damaged:
            log.error("replica_damaged", reason=str(damage))
        self._damaged = True


def _fail(_name: bytes, _rdtype: int) -> Answer:
    return Answer.serv_fail()
