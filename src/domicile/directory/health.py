"""Gathers what is seen of clusters' addresses, and writes which are answered.

What is said is kept in plain tables; what is decided (`model.health`) is a change of
the cluster's record, and that is all that name servers know of it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager

import msgspec
import structlog
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import delete, insert, select

from domicile.clock import Clock, wall
from domicile.directory.access import Role
from domicile.directory.leadership import Leadership
from domicile.directory.service import Directory
from domicile.model.health import Hearing, Sighting, Word, hear, withdrawn_of
from domicile.model.records import Cluster
from domicile.store.schema import sightings, withdrawals
from domicile.store.store import Store
from domicile.store.transaction import Reading, Transaction

_LOOK_SECONDS = 1.0

_encoder = msgspec.msgpack.Encoder()
_seen = msgspec.msgpack.Decoder(tuple[Sighting, ...])

_log = structlog.get_logger()


class Withdrawal(msgspec.Struct, frozen=True):
    """Since when an address is answered no more, and what was said of it."""

    address: str
    at: float
    said: str


async def take_sightings(
    tx: Transaction, role: Role, subject: str, seen: Iterable[Sighting]
) -> None:
    """Keep what a reporter sees, in the place of what it saw before.

    What a cluster says of itself is not kept: its network is not that of its clients.
    Nor is what is no address of any cluster.
    """
    known = {
        (cluster.name, address)
        for cluster in await tx.all(Cluster)
        if (role, subject) != (Role.CLUSTER, cluster.name)
        for address in cluster.addresses
    }
    kept = tuple(each for each in seen if (each.cluster, each.address) in known)
    reporter = f"{role}/{subject}"
    await tx.execute(delete(sightings).where(sightings.c.reporter == reporter))
    row = {"reporter": reporter, "at": tx.now, "value": _encoder.encode(kept)}
    await tx.execute(insert(sightings).values(row))


async def hearing_of(reading: Reading, now: float) -> Hearing:
    """Give what is said now, by those who count."""
    rows = (await reading.execute(select(sightings))).all()
    words = [Word(row.reporter, row.at, _seen.decode(row.value)) for row in rows]
    return hear(words, now)


async def withdrawals_of(reading: Reading) -> dict[tuple[str, str], Withdrawal]:
    """Give what is withdrawn, by cluster and address."""
    rows = (await reading.execute(select(withdrawals))).all()
    return {
        (row.cluster, row.address): Withdrawal(row.address, row.at, row.said)
        for row in rows
    }


def say(hearing: Hearing, cluster: str, address: str) -> str:
    """Say who speaks against an address, and why."""
    against = hearing.on(cluster, address).against
    return "; ".join(f"{who}: {each.detail}" for who, each in sorted(against.items()))


@asynccontextmanager
async def judging(
    directory: Directory, leadership: Leadership
) -> AsyncIterator["Judge"]:
    """Decide during the block which addresses are answered, whenever we lead."""
    judge = Judge(directory.store, leadership, directory.clock)
    task = asyncio.create_task(judge.run(), name="judge")
    try:
        yield judge
    finally:
        task.cancel()
        await asyncio.wait([task])


class Judge(Collector):
    """Looks at what is said, and writes what follows from it."""

    def __init__(
        self, store: Store, leadership: Leadership, clock: Clock = wall
    ) -> None:
        self._store = store
        self._leadership = leadership
        self._clock = clock
        self._withdrawn = 0
        self._reporters = 0

    async def run(self) -> None:
        """Look until cancelled; no failure ends it."""
        while True:
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - the border: looked at again
                _log.exception("the health of addresses is not judged")
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        async with self._store.reading() as reading:
            clusters = await reading.all(Cluster)
            hearing = await hearing_of(reading, self._clock())
        self._withdrawn = sum(len(each.withdrawn) for each in clusters)
        heard = (each.sightings for each in hearing.voices.values())
        self._reporters = len({who for each in heard for who in each})
        if not self._leadership.leads:
            return
        for cluster in clusters:
            if withdrawn_of(cluster, hearing) != cluster.withdrawn:
                await self._write(cluster.name)

    async def _write(self, name: str) -> None:
        """Decide by what is there in the transaction that writes it."""
        async with self._store.transaction() as tx:
            await self._leadership.demand(tx)
            before = await tx.get(Cluster, name)
            if before is None:
                return
            hearing = await hearing_of(tx, self._clock())
            after = withdrawn_of(before, hearing)
            if after == before.withdrawn:
                return
            await tx.put(msgspec.structs.replace(before, withdrawn=after))
            gone = [each for each in after if each not in before.withdrawn]
            back = [each for each in before.withdrawn if each not in after]
            await _note(
                tx, name, {each: say(hearing, name, each) for each in gone}, back
            )
        for address in gone:
            said = say(hearing, name, address)
            _log.warning("address withdrawn", target=name, address=address, said=said)
        for address in back:
            _log.info("address answered again", target=name, address=address)

    def collect(self) -> Iterator[Metric]:
        """Give the numbers to prometheus-client."""
        for name, text, number in (
            ("addresses_withdrawn", "Addresses of clusters that are answered no more.",
             self._withdrawn),
            ("reporters", "Who is heard on the health of addresses.", self._reporters),
        ):  # fmt: skip
            yield GaugeMetricFamily(f"domicile_directory_{name}", text, number)


async def _note(
    tx: Transaction, cluster: str, gone: dict[str, str], back: Iterable[str]
) -> None:
    for address in (*gone, *back):
        here = (withdrawals.c.cluster == cluster) & (withdrawals.c.address == address)
        await tx.execute(delete(withdrawals).where(here))
    for address, said in gone.items():
        row = {"cluster": cluster, "address": address, "at": tx.now, "said": said}
        await tx.execute(insert(withdrawals).values(row))
