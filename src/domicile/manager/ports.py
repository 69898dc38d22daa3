"""Whose a port still is: an app's, until every proxy knows that the app has left it.

Also a proxy that has been silent for long serves what it knows, and would send one app's
requests to whoever listens at its port now (promise 9). Nobody waits for such a proxy; but
no other app gets the port. They are kept beside the records, for the next manager.
"""

from typing import NamedTuple

from sqlalchemy import delete, insert, select

from domicile.config import Address
from domicile.model.records import Endpoint, EndpointState
from domicile.store.feed import Feed
from domicile.store.schema import ports
from domicile.store.store import Store
from domicile.store.transaction import Transaction


class Left(NamedTuple):
    """A port that an app has left, and who has not heard of it."""

    app: str
    address: Address
    unaware: tuple[str, ...]


async def leave(tx: Transaction, endpoint: Endpoint | None) -> None:
    """Note that the app is there no more, as of the transaction's last change."""
    if endpoint is None or endpoint.state is not EndpointState.RUNNING:
        return
    row = {
        "address": endpoint.address,
        "port": endpoint.port,
        "app": endpoint.app,
    }
    here = [getattr(ports.c, key) == value for key, value in row.items()]
    serial = tx.serial or (await tx.head()).serial
    await tx.execute(delete(ports).where(*here))
    await tx.execute(insert(ports).values(**row, serial=serial))


async def others_ports(store: Store, app: str) -> set[int]:
    """Give the ports where other apps are, whether or not they listen just now."""
    async with store.reading() as reading:
        endpoints = await reading.all(Endpoint)
    return {each.port for each in endpoints if each.app != app and each.port}


async def left_by_others(store: Store, feed: Feed, app: str) -> list[Left]:
    """Give the ports that are not this app's to take; forgets those that all know of."""
    async with store.reading() as reading:
        rows = (await reading.execute(select(ports))).all()
    known = {row: feed.unaware(row.serial) for row in rows}
    if over := [row.serial for row, unaware in known.items() if not unaware]:
        async with store.transaction() as tx:
            await tx.execute(delete(ports).where(ports.c.serial.in_(over)))
    return [
        Left(row.app, Address(row.address, row.port), tuple(unaware))
        for row, unaware in known.items()
        if unaware and row.app != app
    ]
