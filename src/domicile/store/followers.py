"""What the owner of a store knows of its followers, by their own words.

Several processes may own one store and answer its followers: each shares what it heard
in a plain table. A follower's beat is a number that grows whenever somebody heard it:
who sees another beat than before knows that it spoke since, by its own clock. So no
process compares its clock with another's.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import delete, insert, select, update

from domicile.model.changes import NO_CHAIN
from domicile.model.feed import Ask, WorkerNote
from domicile.store.schema import followers
from domicile.store.transaction import Reading, Transaction


class Word(msgspec.Struct, frozen=True):
    """What a follower last said of itself.

    `serial` is what it acknowledged, its workers included; `chain` that of what it holds.
    """

    serial: int = 0
    chain: bytes = NO_CHAIN
    cluster: str = ""
    admin: str = ""
    notes: dict[str, WorkerNote] = {}
    trouble: str = ""
    behind: bool = False

    @classmethod
    def of(cls, ask: Ask, *, joined: bool) -> "Word":
        """Take it from a question; of a history that is not ours no serial counts."""
        seen = min([ask.after, *(note.serial for note in ask.notes.values())])
        return cls(
            seen if joined else 0,
            ask.holds,
            ask.cluster,
            ask.admin,
            ask.notes,
            ask.trouble,
            ask.behind,
        )


class Follower:
    """One follower, since the start of this process.

    `asked` is when it asked last, `followed` when it asked last and was not behind by
    its own account, both by the clock of this process.
    """

    __slots__ = ("asked", "followed", "name", "word")

    def __init__(self, name: str, now: float) -> None:
        self.name = name
        self.asked = now
        self.followed = now
        self.word = Word()

    @property
    def serial(self) -> int:
        return self.word.serial

    @property
    def admin(self) -> str:
        return self.word.admin

    @property
    def notes(self) -> dict[str, WorkerNote]:
        return self.word.notes

    @property
    def trouble(self) -> str:
        return self.word.trouble

    def heard(self, word: Word, now: float) -> None:
        self.word = word
        self.asked = now
        if not word.behind:
            self.followed = now

    def silent_for(self, now: float) -> float:
        """Give the seconds since it had an answer that it took in."""
        return now - self.followed


class Shared(NamedTuple):
    """A follower as the table has it."""

    name: str
    beat: int
    word: Word


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Word)


async def all_shared(reading: Reading) -> list[Shared]:
    query = select(followers.c.name, followers.c.beat, followers.c.word)
    rows = await reading.execute(query.order_by(followers.c.name))
    return [Shared(row.name, row.beat, _decoder.decode(row.word)) for row in rows]


async def share(tx: Transaction, words: Mapping[str, Word]) -> None:
    """Write what this process heard since it shared last."""
    for name, word in words.items():
        row = {"word": _encoder.encode(word), "seen_at": tx.now}
        known = await tx.execute(
            update(followers)
            .where(followers.c.name == name)
            .values(**row, beat=followers.c.beat + 1)
        )
        if known.rowcount == 0:
            await tx.execute(insert(followers).values(name=name, beat=1, **row))


async def forget(tx: Transaction, name: str) -> None:
    await tx.execute(delete(followers).where(followers.c.name == name))
