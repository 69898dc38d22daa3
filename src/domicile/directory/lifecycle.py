"""How an app is stopped, started again, deleted, and at last forgotten.

Each function is one transaction. It writes what is wanted; the app's state follows when
its cluster reports that it is so. No generation is taken by stopping: the app stays
where it is.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import structlog
from sqlalchemy import delete as delete_rows
from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError

from domicile.directory.apps import NotLive, refuse_open_move, withdraw_schedule
from domicile.directory.challenges import forget_ended
from domicile.directory.idempotency import drop_old
from domicile.model.moves import Report, Status, fulfils
from domicile.model.records import (
    App,
    AppState,
    Domain,
    Placement,
    Release,
    Residence,
    ResidenceState,
    app_key,
)
from domicile.store.dialect import StoreFull
from domicile.store.schema import deletions
from domicile.store.store import Store
from domicile.store.transaction import Transaction

# So long a deleted app's names lead to the page that says so.
FAREWELL_SECONDS = 7 * 86400.0
_LOOK_SECONDS = 60.0

# Asleep or not is no state of ours: an app that sleeps would change its record all day,
# and every name server would follow that. It is shown as its cluster reports it.
_LASTING = {
    Status.STOPPED: AppState.STOPPED,
    Status.SERVING: AppState.RUNNING,
    Status.ASLEEP: AppState.RUNNING,
}

_log = structlog.get_logger()


async def stop_app(tx: Transaction, app: App) -> None:
    """Want the app to rest where it is: nothing runs, and its hosts say so."""
    here = await _residence(tx, app)
    if here.release is not None:
        await tx.put(msgspec.structs.replace(here, release=None))


async def start_app(tx: Transaction, app: App) -> None:
    """Want a stopped app to run again."""
    here = await _residence(tx, app)
    if here.release is None:
        release = await tx.get(Release, app.release)
        await tx.put(msgspec.structs.replace(here, release=release))


async def _residence(tx: Transaction, app: App) -> Residence:
    """Give the residence where the app lives; raises NotLive or MoveInProgress."""
    await refuse_open_move(tx, app)
    placement = await tx.get(Placement, app.id)
    if placement is None or app.state is AppState.DELETED:
        raise NotLive(f"{app.name}.{app.owner} is {app.state}: it lives nowhere")
    residence = await tx.get(Residence, f"{placement.cluster}/{app.id}")
    assert residence is not None, "where an app is placed it has a residence"
    return residence


async def learn(tx: Transaction, report: Report) -> None:
    """Have the state of an app that does not move follow what its cluster says."""
    app = await tx.get(App, report.app)
    state = _LASTING.get(report.status)
    if app is None or state is None or app.state is state:
        return
    if app.state not in _LASTING.values():
        return
    here = await tx.get(Residence, f"{report.cluster}/{report.app}")
    if here is None or here.state is not ResidenceState.HERE:
        return
    if fulfils(report, here):
        await tx.put(msgspec.structs.replace(app, state=state))


async def delete_app(tx: Transaction, app: App) -> None:
    """Want the app gone, wherever it is or has a tombstone; raises MoveInProgress.

    Its placement stays for a while, so that its names lead to the page that says so.
    Its domains are linked no more, and lead to that page too where it was.
    """
    if app.state is AppState.DELETED:
        return
    await refuse_open_move(tx, app)
    await withdraw_schedule(tx, app, "the app was deleted before")
    generation = app.generation + 1
    for residence in await tx.find_all(Residence, app_key(app.id)):
        await tx.put(_gone(residence, generation))
    for domain in await tx.find_all(Domain, app_key(app.id)):
        await tx.delete(Domain, domain.key)
    placement = await tx.get(Placement, app.id)
    if placement is not None:
        await tx.put(
            msgspec.structs.replace(placement, generation=generation, moves_at=0.0)
        )
    await tx.put(
        msgspec.structs.replace(
            app,
            generation=generation,
            state=AppState.DELETED,
            detail="",
            deleted_at=tx.now,
        )
    )
    await tx.execute(insert(deletions).values(app=app.id, at=tx.now))


def _gone(residence: Residence, generation: int) -> Residence:
    return msgspec.structs.replace(
        residence,
        generation=generation,
        state=ResidenceState.GONE,
        to="",
        release=None,
        port=0,
        sleep_seconds=0.0,
    )


async def forget_deleted(tx: Transaction) -> int:
    """Take the placements of those deleted long ago: their names lead nowhere more.

    Their records stay, so that no name and no id is ever somebody else's.
    """
    over = deletions.c.at < tx.now - FAREWELL_SECONDS
    ids = (await tx.execute(select(deletions.c.app).where(over))).scalars().all()
    for app in ids:
        await tx.delete(Placement, app)
    await tx.execute(delete_rows(deletions).where(over))
    return len(ids)


@asynccontextmanager
async def forgetting(store: Store) -> AsyncIterator[None]:
    """Forget what was deleted long ago, or has ended, now and again during the block."""
    task = asyncio.create_task(_forget_always(store), name="forgetting")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _forget_always(store: Store) -> None:
    while True:
        try:
            async with store.transaction() as tx:
                await forget_deleted(tx)
                await forget_ended(tx)
                await drop_old(tx)
        except (DBAPIError, StoreFull) as error:
            _log.warning("deleted apps are not forgotten yet", error=str(error))
        await asyncio.sleep(_LOOK_SECONDS)
