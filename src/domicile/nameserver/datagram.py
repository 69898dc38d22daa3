"""UDP: take what waits, answer it from one view, go back."""

import asyncio
import socket
from functools import partial
from time import sleep
from typing import Any, Final

from domicile.clock import Clock, monotonic
from domicile.dns.client import Client, Transport
from domicile.dns.update import is_update
from domicile.nameserver.mmsg import Batch
from domicile.nameserver.plain import Question, compose
from domicile.nameserver.replies import Replies
from domicile.nameserver.restraint import Restraint
from domicile.nameserver.updates import Updates

# Enough to spread the cost of a wake and of a view, few enough that TCP gets its turn.
BATCH: Final = 64
# What came meanwhile is taken at once: that is cheaper than a wake.
BATCHES: Final = 16
# Where so many wait at once, others follow on their heels. Half of what a query costs is
# calls of the kernel and wakes, so they are let gather for a moment: 20 µs, of which the
# kernel's timers make 70 by default (PR_SET_TIMERSLACK). Behind a full batch are others.
CROWD: Final = 4
_MOMENT: Final = 20e-6
_RCODE: Final = 0x0F
_HEAD: Final = 10  # of a piece, what stands before the question


class Datagrams:
    """Answers the datagrams of one socket."""

    def __init__(
        self,
        udp: socket.socket,
        replies: Replies,
        restraint: Restraint | None = None,
        clock: Clock = monotonic,
        updates: Updates | None = None,
    ) -> None:
        self._socket = udp
        self._replies = replies
        self._glance = replies.glance
        self._plain = replies.plain
        self._remembered = replies.remembered
        self._tally = replies.tally
        self._restraint = restraint
        self._budget = restraint.budget if restraint else None
        self._updates = updates
        self._clock = clock
        self._batch = Batch(udp, BATCH)
        self._questions = [Question() for _ in range(BATCH)]

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.add_reader(self._socket, self._serve)

    def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.remove_reader(self._socket)

    def _serve(self) -> None:
        glance = self._glance
        try:
            for _ in range(BATCHES):
                taken = self._batch.receive()
                if not taken:
                    return
                if not (glance.is_open or glance.begin()):
                    self._replies.renew()
                self._serve_batch(taken)
                if CROWD <= taken < BATCH:
                    sleep(_MOMENT)
        finally:
            glance.end()

    def _serve_batch(self, taken: int) -> None:
        batch = self._batch
        missed: list[int] = []
        plain = self._plain
        budget = self._budget
        now = 0 if budget is None else int(self._clock() * 1_000_000)
        missing = 0
        # All are read first: what they need has come to hand when it is looked at.
        for place in range(taken):
            plain.read(self._questions[place], batch.octets(place), batch.size(place))
        for place in range(taken):
            plain.approach(self._questions[place])
        for place in range(taken):
            question = self._questions[place]
            piece = plain.match(question)
            if piece is None:
                if not self._recall(place):
                    missed.append(place)
                continue
            if piece[1] & _RCODE:
                missing += 1
            size = batch.size(place)
            length = question.end + len(piece) - _HEAD + (2 if question.pointer else 0)
            if (
                2 * length <= 3 * size
                or budget is None
                or budget.allows(batch.prefix(place), size, length, now)
            ):
                batch.rewrite(place, piece, question.end, question.pointer)
            else:
                packet = batch.packet(place)
                self._restrain(place, packet, compose(packet, question, piece))
        if self._tally is not None:
            self._tally.count_remembered(taken - len(missed), missing)
        if missed:
            # A view may have to take on a map that has grown, which nobody may be using.
            self._glance.end()
            self._answer(missed)
        batch.send()

    def _recall(self, place: int) -> bool:
        """Answer what was answered before in the same words."""
        packet = self._batch.packet(place)
        found = self._remembered.find(packet)
        if found is not None:
            self._reply(place, packet, found)
        return found is not None

    def _answer(self, places: list[int]) -> None:
        """Answer what nobody has asked before."""
        batch = self._batch
        with self._replies.batch() as reply:
            for place in places:
                packet = batch.packet(place)
                client = self._client(place)
                if self._updates is not None and is_update(packet):
                    to = batch.peer(place), batch.prefix(place), len(packet)
                    send = partial(self._send, to)
                    self._updates.take(packet, client, send)
                else:
                    self._reply(place, packet, reply(packet, client))

    def _send(self, to: tuple[Any, int, int], message: bytes) -> None:
        """Send to a peer within the budget of its prefix, by the size of what it sent."""
        peer, prefix, asked = to
        now = int(self._clock() * 1_000_000)
        budget = self._budget
        if budget is not None and not budget.allows(prefix, asked, len(message), now):
            return
        try:
            self._socket.sendto(message, peer)
        except OSError:
            # A full buffer or no route: UDP loses messages, and the client asks again.
            return

    def _reply(self, place: int, packet: bytes, message: bytes | None) -> None:
        """Reply, if that is within the budget of whom the query came from."""
        if message is None:
            return
        budget = self._budget
        if budget is not None:
            now = int(self._clock() * 1_000_000)
            prefix = self._batch.prefix(place)
            if not budget.allows(prefix, len(packet), len(message), now):
                self._restrain(place, packet, message)
                return
        self._batch.reply(place, message)

    def _restrain(self, place: int, packet: bytes, message: bytes) -> None:
        """Reply with what may go out in place of that."""
        assert self._restraint is not None
        instead = self._restraint.instead_of(message, packet, self._client(place))
        if instead is not None:
            self._batch.reply(place, instead)

    def _client(self, place: int) -> Client:
        return Client(Transport.UDP, self._batch.address(place))
