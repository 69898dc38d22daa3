"""Between a service's follower and its workers: a pair of datagram sockets for each.

Made before forking and kept open by the parent, so a restarted worker goes on where the
dead one was. Nobody ever waits here: "changed" says only that the replica is worth a
look, and a queue that is full of it has said so already.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping

import msgspec

from domicile.clock import monotonic
from domicile.model.feed import WorkerNote

_CHANGED = b"changed"
_LONGEST = 256 * 1024
# A worker tells something every second, and one that hangs is ended before that.
_SILENT_SECONDS = 15.0
_LARGEST_BUFFER = 4 * 1024 * 1024

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(WorkerNote)


class WorkerEnd:
    """What a worker holds."""

    __slots__ = ("_socket",)

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    def call_on_change(
        self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]
    ) -> None:
        """Call back after each change of the replica; several may be one call."""
        loop.add_reader(self._socket, self._look, callback)

    def tell(self, note: WorkerNote) -> bool:
        """Tell the follower; False if its queue is full, and to be told again later.

        A new follower knows nothing, so a note is told again now and then anyway.
        """
        try:
            self._socket.send(_encoder.encode(note))
        except BlockingIOError:
            return False
        return True

    def _look(self, callback: Callable[[], None]) -> None:
        if _take_all(self._socket):
            callback()


class FollowerEnd:
    """What the follower holds: an end for each worker, and each worker's last note.

    A worker that has not said anything yet has seen nothing: serial 0.
    """

    __slots__ = ("_heard", "_notes", "_sockets")

    def __init__(self, ends: Mapping[str, socket.socket]) -> None:
        self._sockets = dict(ends)
        self._notes = dict.fromkeys(ends, WorkerNote(0))
        self._heard = dict.fromkeys(ends, monotonic())

    def tell_changed(self) -> None:
        """Tell every worker that the replica has changed."""
        for end in self._sockets.values():
            try:
                end.send(_CHANGED)
            except BlockingIOError:
                continue  # It has that many to read: it is told.

    def notes(self) -> dict[str, WorkerNote]:
        """Give the last note of every worker, for the follower's Ask.

        One that has been silent for long, as if it cannot start, serves nothing, so it
        is not waited for.
        """
        now = monotonic()
        for worker, end in self._sockets.items():
            if told := _take_all(end):
                self._notes[worker] = _decoder.decode(told[-1])
                self._heard[worker] = now
        return {
            worker: note
            for worker, note in self._notes.items()
            if now - self._heard[worker] < _SILENT_SECONDS
        }

    def call_on_note(
        self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]
    ) -> None:
        """Call back when a worker has told something new: read `notes` there."""
        for end in self._sockets.values():
            loop.add_reader(end, callback)


def open_channels(workers: list[str]) -> tuple[FollowerEnd, dict[str, WorkerEnd]]:
    """Make the ends, before the fork: one follower's, and one for each worker."""
    follower: dict[str, socket.socket] = {}
    ends: dict[str, WorkerEnd] = {}
    for worker in workers:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for end in (ours, theirs):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LARGEST_BUFFER)
        follower[worker] = ours
        ends[worker] = WorkerEnd(theirs)
    return FollowerEnd(follower), ends


def _take_all(end: socket.socket) -> list[bytes]:
    """Take all that waits, without waiting."""
    taken = []
    try:
        while True:
            taken.append(end.recv(_LONGEST))
    except BlockingIOError:
        return taken
