"""Moves at a time that an operator has named: noted, listed, withdrawn, and begun.

Each function is one transaction. Until its time comes such a move has taken no
generation, so it is in nobody's way: an app that is stopped moves as it is, one that is
moved or deleted before does not move again, and where it cannot move when it is due the
move has failed, which is said and changes nothing.
"""

import msgspec

from domicile.directory import journal
from domicile.directory.apps import (
    AlreadyThere,
    NotLive,
    begin_move,
    check_move,
    end_schedule,
    withdraw_schedule,
)
from domicile.errors import DomicileError
from domicile.model.ids import new_id
from domicile.model.moves import Move, Step
from domicile.model.records import App
from domicile.model.schedules import read_time, write_time
from domicile.store.transaction import Transaction


class WantedMove(msgspec.Struct, frozen=True):
    """A move as it is asked for: to where, at which time, seeing which generation."""

    to: str
    at: str
    seen: int | None = None


async def schedule_move(tx: Transaction, app: App, wanted: WantedMove) -> Move:
    """Note that an app shall move at a time; raises BadTime and what keeps it."""
    at = read_time(wanted.at, tx.now)
    placement = await check_move(tx, app, wanted.to, wanted.seen)
    for entry in await journal.scheduled_moves(tx, app.id):
        raise AlreadyThere(
            f"{app.name}.{app.owner} is scheduled to move to {entry.move.target} at "
            f"{entry.move.at}: withdraw that first, by `domicile move withdraw`"
        )
    await tx.put(msgspec.structs.replace(placement, moves_at=at))
    move = Move(
        new_id(),
        app.id,
        0,
        placement.cluster,
        wanted.to,
        step=Step.SCHEDULED,
        at=write_time(at),
    )
    await journal.add_move(tx, move, due=at)
    return move


async def withdraw_move(tx: Transaction, app: App) -> Move:
    """Withdraw the move that is scheduled for an app; raises NotLive."""
    withdrawn = await withdraw_schedule(tx, app, "it was withdrawn")
    if withdrawn is None:
        raise NotLive(
            f"no move of {app.name}.{app.owner} is scheduled: one that has begun goes "
            "on, and can be followed by one back"
        )
    return withdrawn


async def begin_scheduled(tx: Transaction, scheduled: Move) -> Move:
    """Begin a move whose time has come, or note why it cannot be."""
    app = await tx.get(App, scheduled.app)
    assert app is not None, "an app that is to move is not forgotten"
    try:
        placement = await check_move(tx, app, scheduled.target)
    except DomicileError as error:
        return await end_schedule(tx, scheduled, Step.FAILED, str(error))
    return await begin_move(tx, app, placement.cluster, scheduled.target, scheduled)
