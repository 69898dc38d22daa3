"""Probes the addresses of clusters, in the background, and tells the directory.

Nobody serves by what is seen here: the directory gathers what all reporters say, and
what it decides comes back as a change like any other (`model.health`).
"""

import asyncio
import contextlib
import errno
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import NamedTuple

import httpx
import msgspec
import structlog
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from domicile.config import Address, BadConfiguration
from domicile.http.head import ResponseHead, parse_response_head
from domicile.model.health import LONGEST_DETAIL, PROBE_PATH, Sighting
from domicile.model.records import Cluster
from domicile.replica.faults import ReplicaFault
from domicile.replica.replica import Replica
from domicile.service.logs import Sparing

PROBE_SECONDS = 10.0
"""From one round to the next; no more, or a round that is lost makes us unheard."""

_PATIENCE = 3.0
_AT_ONCE = 32
_JITTER = 0.2
_LONGEST_ANSWER = 4096
_OK = 200

# That we have no way there says nothing of who is there.
_OURS = frozenset(
    {
        errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EMFILE, errno.ENETDOWN,
        errno.ENETUNREACH, errno.ENFILE, errno.ENOBUFS,
    }
)  # fmt: skip

_log = structlog.get_logger()

Clusters = Callable[[], Iterable[Cluster]]


class Seen(NamedTuple):
    """What a probe came to: what is wrong, if anything, and if we can tell at all."""

    ill: str = ""
    can_tell: bool = True


def clusters_in(replica: Replica, but: str = "") -> Clusters:
    """Give who gives the clusters of a replica, but one; none where it is damaged."""

    def clusters() -> list[Cluster]:
        try:
            with replica.view() as view:
                return [each for each in view.all(Cluster) if each.name != but]
        except ReplicaFault:
            return []

    return clusters


class Prober(Collector):
    """Probes every address of the clusters that `clusters` gives, round after round."""

    def __init__(self, service: str, clusters: Clusters) -> None:
        self._prefix = f"domicile_{service}"
        self._clusters = clusters
        self._last: dict[tuple[str, str], Sighting] = {}
        self._counted: Counter[str] = Counter()

    async def look(self) -> list[Sighting]:
        """Probe all once, and give what is known of each."""
        asked = [(each, at) for each in self._clusters() for at in each.addresses]
        free = asyncio.Semaphore(_AT_ONCE)

        async def seen(cluster: Cluster, address: str) -> Seen:
            async with free:
                return await probe(cluster, address)

        found = await asyncio.gather(*(seen(*each) for each in asked))
        self._last = {
            (cluster.name, address): sighting
            for (cluster, address), each in zip(asked, found, strict=True)
            if (sighting := self._sighting(cluster.name, address, each))
        }
        return list(self._last.values())

    def _sighting(self, cluster: str, address: str, seen: Seen) -> Sighting | None:
        before = self._last.get((cluster, address))
        if not seen.can_tell:
            self._counted["unknown"] += 1
            return None
        well = not seen.ill
        self._counted["well" if well else "ill"] += 1
        if before is None or before.well is not well:
            _tell_change(cluster, address, seen.ill, known=before is not None)
            return Sighting(cluster, address, well, 1, seen.ill)
        return msgspec.structs.replace(before, row=before.row + 1, detail=seen.ill)

    def collect(self) -> Iterator[Metric]:
        """Give the numbers to prometheus-client."""
        probes = CounterMetricFamily(
            f"{self._prefix}_probes",
            "Probes of clusters' addresses, by what they came to.",
            labels=["outcome"],
        )
        for outcome in ("well", "ill", "unknown"):
            probes.add_metric([outcome], self._counted[outcome])
        yield probes
        ill = sum(not each.well for each in self._last.values())
        yield GaugeMetricFamily(
            f"{self._prefix}_addresses_ill", "Addresses that did not answer.", ill
        )


def _tell_change(cluster: str, address: str, ill: str, *, known: bool) -> None:
    if ill:
        _log.warning("an address is ill", address=address, target=cluster, error=ill)
    elif known:
        _log.info("an address is well again", address=address, target=cluster)


async def probe(cluster: Cluster, address: str, patience: float = _PATIENCE) -> Seen:
    """Ask at an address for the name of its cluster."""
    try:
        async with asyncio.timeout(patience):
            answer = await _ask(Address(address, cluster.port))
    except TimeoutError:
        return Seen(f"no whole answer in {patience:g} s")
    except OSError as error:
        if error.errno in _OURS:
            return Seen(can_tell=False)
        return Seen(_in_short(os.strerror(error.errno) if error.errno else str(error)))
    return _judge(cluster, answer)


def _judge(cluster: Cluster, answer: bytes) -> Seen:
    head = parse_response_head(answer, method=b"GET")
    if not isinstance(head, ResponseHead):
        return Seen("what answers speaks no HTTP")
    if head.status != _OK:
        return Seen(f"a proxy of {cluster.name} was expected, and {head.status} came")
    if answer[head.end :].strip() != cluster.name.encode("ascii"):
        return Seen(f"what answers is no proxy of {cluster.name}")
    return Seen()


async def _ask(at: Address) -> bytes:
    """Give what comes until the end, or too much of it."""
    reader, writer = await asyncio.open_connection(at.host, at.port)
    try:
        # HTTP/1.0: who passes it on does not send the answer in chunks.
        writer.write(f"GET {PROBE_PATH} HTTP/1.0\r\nHost: {at}\r\n\r\n".encode("ascii"))
        answer = b""
        while len(answer) < _LONGEST_ANSWER and (piece := await reader.read(1024)):
            answer += piece
        return answer
    finally:
        writer.transport.abort()


def _in_short(text: str) -> str:
    return text[:LONGEST_DETAIL]


@contextlib.asynccontextmanager
async def probing(
    prober: Prober, client: httpx.AsyncClient, seconds: float
) -> AsyncIterator[None]:
    """Probe every so many seconds during the block, 0 being never, and tell of it."""
    if not seconds:
        yield
        return
    task = asyncio.create_task(_probe_always(prober, client, seconds), name="probing")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _probe_always(
    prober: Prober, client: httpx.AsyncClient, seconds: float
) -> None:
    sparing = Sparing()
    # Spread from the start on, for all that are started at once.
    await asyncio.sleep(random.uniform(0, seconds))  # noqa: S311
    while True:
        try:
            if sightings := await prober.look():
                await _tell(client, sightings)
        except (httpx.HTTPError, OSError) as error:
            if times := sparing.count():
                said = f"{type(error).__name__}: {error}"
                _log.warning("sightings were not taken", error=said, times=times)
        except Exception:  # noqa: BLE001 - the border: probed again
            _log.exception("addresses are not probed")
        jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
        await asyncio.sleep(seconds * jitter)


async def _tell(client: httpx.AsyncClient, sightings: list[Sighting]) -> None:
    response = await client.post(
        "/v1/sightings",
        content=msgspec.json.encode(sightings),
        headers={"Content-Type": "application/json"},
    )
    response.raise_for_status()


def check_probe_seconds(seconds: float) -> None:
    """Raise BadConfiguration for what is no time between rounds."""
    if not (seconds == 0 or 0.1 <= seconds <= PROBE_SECONDS):
        raise BadConfiguration(
            f"probe_seconds is {seconds}, where 0 (never) or 0.1 to {PROBE_SECONDS:g} "
            "is expected"
        )
