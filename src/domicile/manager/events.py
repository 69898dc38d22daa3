"""What befell each app here lately: a plain table beside the records, bounded for each."""

from datetime import UTC, datetime
from enum import StrEnum

import msgspec
import structlog
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import DBAPIError

from domicile.store.dialect import StoreFull
from domicile.store.schema import events
from domicile.store.store import Store

MOST = 100
"""So many of an app are kept, the newest."""

_log = structlog.get_logger()


class What(StrEnum):
    """The kinds of event."""

    STARTED = "started"
    FAILED = "failed"
    LOST = "lost"
    ASLEEP = "asleep"
    WOKEN = "woken"
    STOPPED = "stopped"
    LEFT = "left"


class Event(msgspec.Struct, frozen=True):
    """What happened, when (in UTC), and a few words on it."""

    at: str
    event: str
    detail: str


async def note(store: Store, app: str, what: What, detail: str) -> None:
    """Write an event; what cannot be written is logged, for it changes nothing."""
    try:
        async with store.transaction() as tx:
            row = {"app": app, "at": tx.now, "what": what.value, "detail": detail}
            await tx.execute(insert(events).values(row))
            of_app = select(events.c.number).where(events.c.app == app)
            over = of_app.order_by(events.c.number.desc()).offset(MOST).limit(1)
            oldest = (await tx.execute(over)).scalar()
            if oldest is not None:
                mine = (events.c.app == app) & (events.c.number <= oldest)
                await tx.execute(delete(events).where(mine))
    except (DBAPIError, StoreFull) as error:
        _log.warning("an event is not kept", app=app, what=what, error=str(error))


async def events_of(store: Store, app: str) -> list[Event]:
    """Give what befell the app here, the newest last."""
    columns = (events.c.at, events.c.what, events.c.detail)
    query = select(*columns).where(events.c.app == app).order_by(events.c.number)
    async with store.reading() as reading:
        rows = (await reading.execute(query)).all()
    return [Event(_shown(row.at), row.what, row.detail) for row in rows]


def _shown(at: float) -> str:
    shown = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return shown.replace("+00:00", "Z")
