"""The journal of moves and the clusters' reports: plain tables beside the records."""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, insert, select, update
from sqlalchemy.sql import Select

from domicile.model.moves import ENDS, Move, Report, Status, Step
from domicile.store.schema import moves, reports
from domicile.store.transaction import Reading, Transaction

# No report is under way for so long: a serial that is lower then is that of a cluster
# whose store begins anew, or from a backup.
_LATEST_SECONDS = 120.0

_NOT_OPEN = [step.value for step in (*ENDS, Step.SCHEDULED)]
_SCHEDULED = moves.c.step == Step.SCHEDULED.value

_encoder = msgspec.msgpack.Encoder()
_move: msgspec.msgpack.Decoder[Move] = msgspec.msgpack.Decoder(Move)
_report: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)


class Entry(NamedTuple):
    """A move, the serial of what its step wrote, and when it took that step.

    Of one that is scheduled, `since` is when it is due.
    """

    move: Move
    serial: int
    since: float


async def add_move(tx: Transaction, move: Move, due: float | None = None) -> None:
    """Note a move that begins now, or one that is `due` then."""
    await tx.execute(
        insert(moves).values(
            id=move.id,
            app=move.app,
            step=move.step.value,
            serial=tx.serial,
            since=tx.now if due is None else due,
            body=_encoder.encode(move),
        )
    )


async def set_move(tx: Transaction, move: Move, serial: int) -> None:
    await tx.execute(
        update(moves)
        .where(moves.c.id == move.id)
        .values(
            step=move.step.value,
            serial=serial,
            since=tx.now,
            body=_encoder.encode(move),
        )
    )


async def move_by_id(reading: Reading, move_id: str) -> Entry | None:
    row = (await reading.execute(_entries().where(moves.c.id == move_id))).first()
    return None if row is None else _entry(row)


async def open_moves(reading: Reading, app: str = "") -> list[Entry]:
    """Give the moves that are under way, oldest first; of one app if it is named."""
    query = _entries().where(moves.c.step.not_in(_NOT_OPEN))
    return await _all(reading, query, app)


async def scheduled_moves(reading: Reading, app: str = "") -> list[Entry]:
    """Give the moves that are scheduled; of an app there is one at most."""
    return await _all(reading, _entries().where(_SCHEDULED), app)


async def due_moves(reading: Reading, now: float) -> list[Entry]:
    """Give the scheduled moves whose time has come."""
    return await _all(reading, _entries().where(_SCHEDULED, moves.c.since <= now), "")


async def all_moves(reading: Reading, app: str = "") -> list[Entry]:
    return await _all(reading, _entries(), app)


async def take_report(tx: Transaction, report: Report) -> bool:
    """Keep a cluster's report; False where a newer one is there, which came before.

    What was said before is not written again.
    """
    here = (reports.c.app == report.app) & (reports.c.cluster == report.cluster)
    value = _encoder.encode(report)
    row = {"generation": report.generation, "value": value, "at": tx.now}
    query = select(reports.c.value, reports.c.at).where(here)
    stored = (await tx.execute(query)).one_or_none()
    if stored is None:
        key = {"app": report.app, "cluster": report.cluster}
        await tx.execute(insert(reports).values(key | row))
        return True
    known = _report.decode(stored.value)
    begins_anew = (
        report.generation == known.generation and tx.now - stored.at > _LATEST_SECONDS
    )
    if not report.replaces(known) and not begins_anew:
        return False
    if stored.value != value:
        await tx.execute(update(reports).where(here).values(row))
    return True


async def reports_on(reading: Reading, app: str) -> dict[str, Report]:
    """Give the last report of each cluster on the app, by the cluster's name."""
    query = select(reports.c.value).where(reports.c.app == app)
    found = [_report.decode(body) for body in (await reading.execute(query)).scalars()]
    return {report.cluster: report for report in found}


async def asleep(reading: Reading, app: str = "") -> frozenset[tuple[str, str, int]]:
    """Give app, cluster and generation of all that sleep; of one app if it is named."""
    query = select(reports.c.value)
    if app:
        query = query.where(reports.c.app == app)
    told = map(_report.decode, (await reading.execute(query)).scalars())
    return frozenset(
        (each.app, each.cluster, each.generation)
        for each in told
        if each.status is Status.ASLEEP
    )


def _entries() -> Select[Any]:
    return select(moves.c.body, moves.c.serial, moves.c.since).order_by(moves.c.number)


def _entry(row: Row[Any]) -> Entry:
    return Entry(_move.decode(row.body), row.serial, row.since)


async def _all(reading: Reading, query: Select[Any], app: str) -> list[Entry]:
    if app:
        query = query.where(moves.c.app == app)
    return [_entry(row) for row in (await reading.execute(query)).all()]
