"""Whose a port still is: an app's, until every proxy knows that the app has left it.

Also a proxy that has been silent for long serves what it knows, and would send one app's
requests to whoever listens at its port now (promise 9). Nobody waits for such a proxy; but
no other app gets the port. They are kept beside the records, for the next manager.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import delete, insert, select

from domicile.config import Address
from domicile.errors import DomicileError
from domicile.model.records import Endpoint, EndpointState, Residence
from domicile.runtime.ports import NoFreePort, free_port
from domicile.store.feed import Feed
from domicile.store.schema import ports
from domicile.store.store import Store
from domicile.store.transaction import Transaction


class PortTaken(DomicileError):
    """The one port that an app opens belongs to another process."""


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


def port_for(wanted: Residence, avoid: Collection[int]) -> int:
    """Choose the port to tell it; raises PortTaken where only one is possible."""
    if not wanted.port:
        return free_port(avoid)
    try:
        return free_port(among=range(wanted.port, wanted.port + 1))
    except NoFreePort:
        raise PortTaken(
            f"{wanted.name} always listens on port {wanted.port}, which is taken on "
            "this machine: it cannot overlap with itself here"
        ) from None


def refuse_anothers(wanted: Residence, endpoint: Address, left: list[Left]) -> None:
    """Go on only where no proxy may take it for another app; raises PortTaken."""
    for each in left:
        # By port alone: who listens on all addresses is met at each of them.
        if each.address.port == endpoint.port:
            raise PortTaken(
                f"{wanted.name} listens on port {endpoint.port}, which was another "
                f"app's, and {', '.join(each.unaware)} may not know that it is so no "
                "more: try again once that is heard of"
            )
