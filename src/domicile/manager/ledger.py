"""What the cluster's store says of an app: its residence and its endpoint.

Proxies follow this store, so what is written here in one transaction is what they see
at once: never a residence without the endpoint that belongs to it.
"""

import msgspec

from domicile.config import Address
from domicile.manager import ports
from domicile.model.moves import supersedes
from domicile.model.record import Record
from domicile.model.records import (
    Authority,
    Cluster,
    Consent,
    Endpoint,
    EndpointState,
    Residence,
    ResidenceState,
)
from domicile.store.store import Store
from domicile.store.transaction import Transaction


async def settle_in(store: Store, wanted: Residence, endpoint: Address) -> int:
    """Say that the app is here and listens there; gives the serial to wait for."""
    running = Endpoint(
        wanted.app,
        wanted.generation,
        EndpointState.RUNNING,
        endpoint.host,
        endpoint.port,
    )
    return await _write(store, wanted, running)


async def wait_in(store: Store, wanted: Residence, state: EndpointState) -> int:
    """Say that the app is here, and that its web server cannot be asked."""
    return await _write(store, wanted, Endpoint(wanted.app, wanted.generation, state))


async def withdraw(store: Store, wanted: Residence) -> int:
    """Say that the app is away or gone, in the words of the directory.

    Its endpoint stays until it is forgotten: requests in flight still go there. Its port
    is nobody else's from here on.
    """
    told = _for_proxies(wanted)
    async with store.transaction() as tx:
        if await _put_if_newer(tx, told):
            await ports.leave(tx, await tx.get(Endpoint, wanted.app))
    return tx.serial or (await store.head()).serial


async def forget_endpoint(store: Store, wanted: Residence) -> int:
    """Say that nothing listens any more, once it was withdrawn, drained and stopped.

    The endpoint of a newer residence stays: who asks comes too late (promise 4).
    """
    async with store.transaction() as tx:
        if await tx.get(Residence, wanted.key) == _for_proxies(wanted):
            known = await tx.get(Endpoint, wanted.app)
            await tx.delete(Endpoint, wanted.app)
            await ports.leave(tx, known)
    return tx.serial or (await store.head()).serial


async def lives_here(store: Store, wanted: Residence) -> bool:
    """Whether it was once served here since it came: then it is tried for ever."""
    async with store.reading() as reading:
        known = await reading.get(Residence, wanted.key)
    return known is not None and known.state is ResidenceState.HERE


async def endpoint_of(store: Store, app: str) -> Endpoint | None:
    async with store.reading() as reading:
        return await reading.get(Endpoint, app)


async def copy_common(store: Store, records: list[Record]) -> None:
    """Copy what all clusters are told: the clusters with their links, the authority."""
    async with store.transaction() as tx:
        for record in records:
            assert isinstance(record, Cluster | Authority)
            if await tx.get(type(record), record.key) != record:
                await tx.put(record)


async def pass_on(store: Store, consent: Consent) -> None:
    """Give a consent to our proxies, once."""
    async with store.transaction() as tx:
        known = await tx.get(Consent, consent.key)
        if known is None or known.number != consent.number:
            await tx.put(consent)


async def _write(
    store: Store, wanted: Residence, endpoint: Endpoint | None = None
) -> int:
    """Write what differs; gives the serial by which it is there."""
    told = _for_proxies(wanted)
    async with store.transaction() as tx:
        if not await _put_if_newer(tx, told):
            return (await tx.head()).serial
        known = endpoint and await tx.get(Endpoint, endpoint.key)
        if endpoint and known != endpoint:
            await tx.put(endpoint)
            if known and _place_of(known) != _place_of(endpoint):
                await ports.leave(tx, known)
    return tx.serial or (await store.head()).serial


async def _put_if_newer(tx: Transaction, told: Residence) -> bool:
    """Write a residence that differs; False where a newer one is there."""
    current = await tx.get(Residence, told.key)
    if not supersedes(told, current):
        return False
    if current != told:
        await tx.put(told)
    return True


def _place_of(endpoint: Endpoint) -> tuple[str, int]:
    return endpoint.address, endpoint.port


def _for_proxies(wanted: Residence) -> Residence:
    """A release has its app's secrets: they stop at the manager."""
    return msgspec.structs.replace(wanted, release=None, port=0, sleep_seconds=0.0)
