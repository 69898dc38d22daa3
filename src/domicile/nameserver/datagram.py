"""UDP: take what waits, answer it from what is remembered or from one view, go back."""

import asyncio
import socket
from typing import Final

from domicile.dns.client import Client, Transport
from domicile.nameserver.mmsg import Batch
from domicile.nameserver.replies import Replies

# Enough to spread the cost of a wake and of a view, few enough that TCP gets its turn.
BATCH: Final = 64
# What came while a batch was answered is taken at once: that is cheaper than a wake.
BATCHES: Final = 4


class Datagrams:
    """Answers the datagrams of one socket."""

    def __init__(self, udp: socket.socket, replies: Replies) -> None:
        self._socket = udp
        self._replies = replies
        self._batch = Batch(udp, BATCH)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.add_reader(self._socket, self._serve)

    def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.remove_reader(self._socket)

    def _serve(self) -> None:
        for _ in range(BATCHES):
            taken = self._batch.receive()
            if not taken:
                return
            self._serve_batch(taken)

    def _serve_batch(self, taken: int) -> None:
        batch = self._batch
        remembered = self._replies.remembered()
        missed = []
        for place in range(taken):
            found = remembered.find(batch.packet(place))
            if found is None:
                missed.append(place)
            else:
                batch.reply(place, found)
        self._replies.count_remembered(taken - len(missed))
        if missed:
            self._answer(missed)
        batch.send()

    def _answer(self, places: list[int]) -> None:
        """Answer what nobody has asked before, from the replica."""
        batch = self._batch
        with self._replies.batch() as reply:
            for place in places:
                client = Client(Transport.UDP, batch.address(place))
                message = reply(batch.packet(place), client)
                if message is not None:
                    batch.reply(place, message)
