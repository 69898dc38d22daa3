"""Brings a store's tables up to date, whenever it is opened."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncEngine

from domicile.errors import DomicileError
from domicile.store.dialect import writer

_MIGRATIONS = Path(__file__).parent / "migrations"


class UnusableStore(DomicileError):
    """The database is not a store that this version can use."""


async def migrate(engine: AsyncEngine) -> None:
    """Bring the tables up to date, all of it or nothing; raises UnusableStore."""
    try:
        # A writer from the start: of two that open a new store, one waits.
        async with writer(engine).begin() as connection:
            await connection.run_sync(_upgrade)
    except CommandError as error:
        raise UnusableStore(
            f"the store {engine.url.database} was written by a newer version "
            f"of Domicile: upgrade this one ({error})"
        ) from error
    except DatabaseError as error:
        raise UnusableStore(
            f"the store {engine.url.database} cannot be opened: {error.orig}"
        ) from error


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
