"""The feed of a store, without its HTTP: answers followers, knows who is where.

Asking for what comes after N acknowledges N, if the follower's history is ours.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator

from sqlalchemy import delete, insert, select, update

from domicile.clock import Clock, monotonic
from domicile.model.feed import Ask, WorkerNote, encode_answer
from domicile.store.bell import Bell
from domicile.store.history import Piece, piece_for
from domicile.store.schema import followers
from domicile.store.store import Store

POLL_SECONDS = 1.0  # an answer comes at least so often
BEHIND_SECONDS = 5.0  # a follower without an answer for so long is behind
SILENT_SECONDS = 10.0  # and nobody waits for one that is silent for so long

_PIECE_BYTES = 64 * 1024


class Follower:
    """What we know of one follower, since the start of this process.

    `serial` is what it acknowledged, its workers included; `asked` is when, by the
    feed's clock, it asked last.
    """

    __slots__ = ("admin", "asked", "cluster", "name", "notes", "serial")

    def __init__(self, name: str, asked: float) -> None:
        self.name = name
        self.asked = asked
        self.serial = 0
        self.cluster = ""
        self.admin = ""
        self.notes: dict[str, WorkerNote] = {}

    def heard(self, ask: Ask, asked: float, joined: bool) -> None:
        self.asked = asked
        self.cluster = ask.cluster
        self.admin = ask.admin
        self.notes = ask.notes
        seen = [ask.after, *(note.serial for note in ask.notes.values())]
        # Of a history that is not ours no serial says anything.
        self.serial = min(seen) if joined else 0

    def silent_for(self, now: float) -> float:
        return now - self.asked


class Feed:
    """Answers the followers of one store; get one by `open`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._followers: dict[str, Follower] = {}
        self._heard = Bell()

    @classmethod
    async def open(cls, store: Store, clock: Clock = monotonic) -> "Feed":
        """Open the feed; whom the store knows counts as seen just now."""
        feed = cls(store, clock)
        async with store.reading() as reading:
            names = (await reading.execute(select(followers.c.name))).scalars().all()
        feed._followers = {name: Follower(name, clock()) for name in names}
        return feed

    @property
    def followers(self) -> list[Follower]:
        return list(self._followers.values())

    def is_behind(self, follower: Follower) -> bool:
        return follower.silent_for(self._clock()) > BEHIND_SECONDS

    def silence_of(self, follower: Follower) -> float:
        """Give the seconds since it asked last."""
        return follower.silent_for(self._clock())

    async def answer(self, ask: Ask) -> AsyncIterator[bytes]:
        """Give the frames of an answer: at once if there is news, else in a second."""
        piece = await self._piece(ask)
        await self._hear(ask, joined=not piece.begin.snapshot)
        if not _is_news(piece):
            await self._store.changed(ask.after, POLL_SECONDS)
            piece = await self._piece(ask)
        for frames in _joined(encode_answer(piece.begin, piece.changes)):
            yield frames

    async def acknowledged(
        self, serial: int, by: str | Collection[str], deadline: float
    ) -> set[str]:
        """Wait until followers have acknowledged a serial; give who has not.

        `by` is a prefix of their names, or the names. `deadline` is by the feed's
        clock. Who was silent for ten seconds serves nothing for certain any more, so
        it is neither waited for nor missing.
        """
        while missing := self._awaited(serial, by):
            now = self._clock()
            if now >= deadline:
                break
            gives_up = min(one.asked for one in missing) + SILENT_SECONDS
            await self._heard.wait(min(deadline, gives_up) - now)
        return {one.name for one in missing}

    async def forget(self, name: str) -> None:
        """Know a follower no more, until it asks again."""
        self._followers.pop(name, None)
        self._heard.ring()
        async with self._store.transaction() as tx:
            await tx.execute(delete(followers).where(followers.c.name == name))

    def _awaited(self, serial: int, by: str | Collection[str]) -> list[Follower]:
        now = self._clock()
        return [
            one
            for one in self._followers.values()
            if (one.name.startswith(by) if isinstance(by, str) else one.name in by)
            and one.serial < serial
            and one.silent_for(now) < SILENT_SECONDS
        ]

    async def _piece(self, ask: Ask) -> Piece:
        async with self._store.reading() as reading:
            return await piece_for(reading, ask)

    async def _hear(self, ask: Ask, joined: bool) -> None:
        follower = self._followers.get(ask.follower)
        if follower is None:
            await self._remember(ask.follower)
            follower = self._followers.setdefault(
                ask.follower, Follower(ask.follower, self._clock())
            )
        follower.heard(ask, self._clock(), joined)
        self._heard.ring()

    async def _remember(self, name: str) -> None:
        """Keep the name of a follower for our next start, before it gets an answer."""
        async with self._store.transaction() as tx:
            seen = {"seen_at": tx.now}
            known = await tx.execute(
                update(followers).where(followers.c.name == name).values(seen)
            )
            if known.rowcount == 0:
                await tx.execute(insert(followers).values(name=name, **seen))


def _is_news(piece: Piece) -> bool:
    return piece.begin.snapshot or piece.begin.up_to > piece.begin.after


def _joined(frames: Iterable[bytes]) -> Iterator[bytes]:
    """Put small frames together, so that each is not a packet of its own."""
    buffer = bytearray()
    for frame in frames:
        buffer += frame
        if len(buffer) >= _PIECE_BYTES:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer)
