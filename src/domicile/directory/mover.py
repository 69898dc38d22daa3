"""Carries moves through: looks at the facts, enters the next step, waits again.

A notification wakes, the journal tells: whoever is killed here is followed by another
who finds each move at the step that was committed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from domicile.clock import Clock, monotonic, wall
from domicile.directory import journal
from domicile.directory.access import Role
from domicile.directory.apps import lodging_of
from domicile.directory.journal import Entry
from domicile.directory.leadership import Leadership
from domicile.directory.schedules import begin_scheduled
from domicile.directory.service import Directory
from domicile.directory.settings import STEP_SECONDS
from domicile.model.moves import Facts, Move, Step, advance, records_of
from domicile.model.records import App, Cluster
from domicile.store.bell import Bell
from domicile.store.store import Store

# The steps that wait no longer than `step_seconds`, since we have seen them first, by a
# clock that nobody sets: they are then undone, or given up as undone. After the switch a
# move waits for ever, and is served meanwhile.
_TIMED = frozenset({Step.PREPARING, Step.UNDOING, Step.CLEARING})

# What no bell tells (a follower that fell silent, a deadline) is looked for this often.
LOOK_SECONDS = 0.5

_log = structlog.get_logger()

# How the feed names followers that are name servers.
NAMESERVERS = f"{Role.NAMESERVER}/"

Acknowledged = Callable[[int], Awaitable[bool]]


@asynccontextmanager
async def moving(
    directory: Directory, leadership: Leadership
) -> "AsyncIterator[Mover]":
    """Advance the directory's moves during the block, whenever we lead."""

    async def acknowledged(serial: int) -> bool:
        feed = directory.feed
        return not await feed.acknowledged(serial, NAMESERVERS, deadline=0.0)

    mover = Mover(directory.store, leadership, acknowledged, directory.reported)
    mover.step_seconds = directory.step_seconds
    mover.wall = directory.clock
    task = asyncio.create_task(mover.run(), name="mover")
    try:
        yield mover
    finally:
        task.cancel()
        await asyncio.wait([task])


class Mover:
    """The one who advances moves.

    It does so only while it leads. `acknowledged(serial)` is of the name servers; `bell` rings when a move was planned
    or a cluster has reported, and is rung when a step was taken. `trouble` says what
    kept it from looking at a move, the last time that it looked.
    """

    def __init__(
        self,
        store: Store,
        leadership: Leadership,
        acknowledged: Acknowledged,
        bell: Bell,
        clock: Clock = monotonic,
    ) -> None:
        self._store = store
        self._leadership = leadership
        self._acknowledged = acknowledged
        self._bell = bell
        self._clock = clock
        self.step_seconds = STEP_SECONDS
        # An operator's time is that of the wall, and the leader's clock decides.
        self.wall: Clock = wall
        self.trouble = ""
        self._logged: set[str] = set()
        self._seen: dict[str, tuple[Step, float]] = {}

    async def run(self) -> None:
        """Advance moves until cancelled; no failure ends it."""
        while True:
            advanced = False
            try:
                advanced = await self.look()
            except Exception as error:  # noqa: BLE001 - the border: looked at again
                self._note("the moves cannot be read", error)
            if not advanced:
                await self._bell.wait(LOOK_SECONDS)

    async def look(self) -> bool:
        """Advance each open move by a step if it can; whether any did."""
        if not self._leadership.leads:
            return False
        async with self._store.reading() as reading:
            entries = await journal.open_moves(reading)
            entries += await journal.due_moves(reading, self.wall())
        self.trouble = ""
        self._seen = {entry.move.id: self._sight(entry.move) for entry in entries}
        advanced = [await self._try(entry) for entry in entries]
        if not self.trouble:
            self._logged.clear()
        return any(advanced)

    def _sight(self, move: Move) -> tuple[Step, float]:
        """Tell since when we have seen the move at its step."""
        first = self._seen.get(move.id)
        return first if first and first[0] is move.step else (move.step, self._clock())

    async def _try(self, entry: Entry) -> bool:
        """Advance a move; its trouble is not that of the others."""
        try:
            return await self._advance(entry)
        except Exception as error:  # noqa: BLE001 - see above
            self._note(f"the move {entry.move.id} cannot be advanced", error)
            return False

    def _note(self, what: str, error: Exception) -> None:
        self.trouble = f"{what}: {error}"
        if self.trouble not in self._logged:
            self._logged.add(self.trouble)
            _log.error("mover", trouble=what, exc_info=error)

    async def _advance(self, entry: Entry) -> bool:
        after = await self._step(entry)
        if after is None:
            return False
        _log.info(
            "move",
            id=after.id,
            app=after.app,
            generation=after.generation,
            source=after.source,
            target=after.target,
            step=after.step.value,
        )
        self._bell.ring()
        return True

    async def _step(self, entry: Entry) -> Move | None:
        """Take a move's next step, if there is one to take and nobody was faster."""
        if entry.move.step is Step.SCHEDULED:
            return await self._begin(entry)
        after = advance(entry.move, await self._facts(entry))
        return after if after and await self._enter(entry, after) else None

    async def _begin(self, entry: Entry) -> Move | None:
        async with self._store.transaction() as tx:
            await self._leadership.demand(tx)
            current = await journal.move_by_id(tx, entry.move.id)
            if current is None or current.move != entry.move:
                return None
            return await begin_scheduled(tx, entry.move)

    async def _facts(self, entry: Entry) -> Facts:
        async with self._store.reading() as reading:
            reports = await journal.reports_on(reading, entry.move.app)
            source = await reading.get(Cluster, entry.move.source)
        _, since = self._sight(entry.move)
        return Facts(
            reports,
            acknowledged=await self._acknowledged(entry.serial),
            expired=entry.move.step in _TIMED
            and self._clock() > since + self.step_seconds,
            source_lost=source is not None and source.lost,
        )

    async def _enter(self, entry: Entry, after: Move) -> bool:
        """Write the step and its records at once; False if another was faster."""
        async with self._store.transaction() as tx:
            await self._leadership.demand(tx)
            current = await journal.move_by_id(tx, entry.move.id)
            if current is None or current.move != entry.move:
                return False
            app = await tx.get(App, after.app)
            assert app is not None, "an app that moves is not forgotten"
            lodging = await lodging_of(tx, app, after)
            for record in records_of(after, app, lodging):
                await tx.put(record)
            await journal.set_move(tx, after, tx.serial)
        return True
