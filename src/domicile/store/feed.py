"""The feed of a store, without its HTTP: answers followers, knows who is where.

Asking for what comes after N acknowledges N, if the follower's history is ours.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing, asynccontextmanager

import structlog

from domicile.clock import Clock, monotonic
from domicile.model.feed import Ask, Begin, End, Entry, encode_frame
from domicile.store.ahead import read_ahead
from domicile.store.bell import Bell
from domicile.store.followers import Follower, Word, all_shared, forget, share
from domicile.store.history import PAGE, Piece, begin_for, piece_for
from domicile.store.store import Store

POLL_SECONDS = 1.0  # an answer comes at least so often
BEHIND_SECONDS = 5.0  # a follower without an answer for so long is behind
SILENT_SECONDS = 10.0  # and nobody waits for one that is silent for so long
LOST_SECONDS = 7 * 86400.0  # and after that it is known no more
SHARE_SECONDS = 1.0  # so often the owners of a store tell each other whom they heard

# What this process heard itself is newer than what another shared so long ago.
_OURS_SECONDS = 2 * SHARE_SECONDS
_PIECE_BYTES = 64 * 1024

# Each holds a state of the store while it is sent; who takes no piece for so long gets
# no more, or it would hold that for ever.
_LONG_AT_ONCE = 4
STALL_SECONDS = 30.0

_log = structlog.get_logger()


class Feed:
    """Answers the followers of one store; get one by `open`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._followers: dict[str, Follower] = {}
        self._beats: dict[str, int] = {}
        self._heard_at: dict[str, float] = {}
        self._unshared: dict[str, Word] = {}
        self._bell = Bell()
        self._long = asyncio.Semaphore(_LONG_AT_ONCE)

    @classmethod
    async def open(cls, store: Store, clock: Clock = monotonic) -> "Feed":
        """Open the feed; whom the store knows counts as seen just now."""
        feed = cls(store, clock)
        async with store.reading() as reading:
            for name, beat, _ in await all_shared(reading):
                feed._followers[name] = Follower(name, clock())
                feed._beats[name] = beat
        return feed

    @property
    def followers(self) -> list[Follower]:
        return list(self._followers.values())

    def is_behind(self, follower: Follower) -> bool:
        return follower.silent_for(self._clock()) > BEHIND_SECONDS

    def silence_of(self, follower: Follower) -> float:
        """Give the seconds since it had an answer that it took in."""
        return follower.silent_for(self._clock())

    async def answer(self, ask: Ask) -> AsyncIterator[bytes]:
        """Give the frames of an answer: at once if there is news, else in a second."""
        if ask.follower not in self._followers:
            # Before we read what it is told: nobody may think meanwhile that all know.
            await self._hear(ask.follower, Word.of(ask, joined=False))
        begin = await self._look(ask)
        await self._hear(ask.follower, Word.of(ask, joined=not begin.snapshot))
        if not _is_news(begin):
            await self._store.changed(ask.after, POLL_SECONDS)
        if begin.snapshot or begin.up_to - begin.after > PAGE:
            frames = read_ahead(self._long_answer(ask), STALL_SECONDS)
        else:
            frames = self._brief_answer(ask)
        async with aclosing(frames):
            async for joined in frames:
                yield joined

    async def acknowledged(
        self,
        serial: int,
        by: str | Collection[str],
        deadline: float,
        patience: float = SILENT_SECONDS,
    ) -> set[str]:
        """Wait until followers have acknowledged a serial; give who has not.

        `by` is a prefix of their names, or the names. `deadline` is by the feed's
        clock. Who was silent for ten seconds serves nothing for certain any more, so
        it is neither waited for nor missing; `patience` is for who may wait shorter.
        """
        while missing := self._awaited(serial, by, patience):
            now = self._clock()
            if now >= deadline:
                break
            gives_up = min(one.followed for one in missing) + patience
            await self._bell.wait(min(deadline, gives_up) - now)
        return {one.name for one in missing}

    def unaware(self, serial: int) -> list[str]:
        """Name the followers that have not acknowledged a serial, silent ones too."""
        return sorted(
            one.name for one in self._followers.values() if one.serial < serial
        )

    async def forget_lost(self) -> list[str]:
        """Know those no more that have been silent for days; names them."""
        lost = [
            one.name
            for one in self._followers.values()
            if one.silent_for(self._clock()) > LOST_SECONDS
        ]
        for name in lost:
            await self.forget(name)
        return lost

    async def forget(self, name: str) -> None:
        """Know a follower no more, until it asks again."""
        self._followers.pop(name, None)
        self._unshared.pop(name, None)
        self._heard_at.pop(name, None)
        self._bell.ring()
        async with self._store.transaction() as tx:
            await forget(tx, name)

    async def share(self) -> None:
        """Tell the store's other owners whom we heard, and learn whom they did."""
        words, self._unshared = self._unshared, {}
        try:
            async with self._store.transaction() as tx:
                await share(tx, words)
                shared = await all_shared(tx)
        except BaseException:
            self._unshared = words | self._unshared
            raise
        now = self._clock()
        for name, beat, word in shared:
            before, self._beats[name] = self._beats.get(name, 0), beat
            follower = self._followers.setdefault(name, Follower(name, now))
            ours = now - self._heard_at.get(name, -math.inf) < _OURS_SECONDS
            if beat != before and not ours:
                follower.heard(word, now)
        self._bell.ring()

    def _awaited(
        self, serial: int, by: str | Collection[str], patience: float
    ) -> list[Follower]:
        now = self._clock()
        return [
            one
            for one in self._followers.values()
            if (one.name.startswith(by) if isinstance(by, str) else one.name in by)
            and one.serial < serial
            and one.silent_for(now) < patience
        ]

    async def _look(self, ask: Ask) -> Begin:
        async with self._store.reading() as reading:
            return await begin_for(reading, ask)

    async def _brief_answer(self, ask: Ask) -> AsyncGenerator[bytes]:
        async with self._store.reading() as reading:
            frames = [each async for each in _encoded(await piece_for(reading, ask))]
        for joined in frames:
            yield joined

    async def _long_answer(self, ask: Ask) -> AsyncGenerator[bytes]:
        async with self._long, self._store.long_reading() as reading:
            async for joined in _encoded(await piece_for(reading, ask)):
                yield joined

    async def _hear(self, name: str, word: Word) -> None:
        follower = self._followers.get(name)
        if follower is None:
            # Known to our next start, and to the other owners, before it has an answer.
            async with self._store.transaction() as tx:
                await share(tx, {name: word})
            self._beats[name] = self._beats.get(name, 0) + 1
            follower = self._followers.setdefault(name, Follower(name, self._clock()))
        now = self._heard_at[name] = self._clock()
        follower.heard(word, now)
        self._unshared[name] = word
        self._bell.ring()


@asynccontextmanager
async def sharing(feed: Feed) -> AsyncIterator[None]:
    """Share with the store's other owners during the block."""
    task = asyncio.create_task(_share_always(feed), name="sharing")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _share_always(feed: Feed) -> None:
    while True:
        try:
            await feed.share()
        except Exception as error:  # noqa: BLE001 - the border: shared the next time
            _log.warning("followers are not shared", error=str(error))
        await asyncio.sleep(SHARE_SECONDS)


def _is_news(begin: Begin) -> bool:
    return begin.snapshot or begin.up_to > begin.after


async def _encoded(piece: Piece) -> AsyncIterator[bytes]:
    """Encode, with small frames put together: each is not a packet of its own."""
    buffer = bytearray(encode_frame(piece.begin))
    count = 0
    async for page in piece.pages:
        count += len(page)
        for change in page:
            buffer += encode_frame(Entry(change))
            if len(buffer) >= _PIECE_BYTES:
                yield bytes(buffer)
                buffer.clear()
    buffer += encode_frame(End(count, piece.digest))
    yield bytes(buffer)
