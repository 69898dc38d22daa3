"""One app in this cluster: makes so what is wanted of it, and reports what is.

    here, release      fetch, start, write, acknowledged by the proxies, SERVING; watch
    here, no release   written as stopped, acknowledged, stop, STOPPED
    away, gone         written, acknowledged, drain, stop, forget, SETTLED

A new wish cancels what the one before had begun; each way begins from what is there.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import structlog

from domicile.clock import monotonic
from domicile.config import Address
from domicile.errors import DomicileError
from domicile.manager import ledger
from domicile.manager.fetching import CannotFetch, Releases
from domicile.manager.launch import (
    START_SECONDS,
    DidNotStart,
    Order,
    begin,
    find_endpoint,
    without_its_words,
)
from domicile.manager.ports import Left, left_by_others, others_ports
from domicile.manager.watch import Watch, holders_at
from domicile.model.moves import Report, Status
from domicile.model.records import EndpointState, Release, Residence, ResidenceState
from domicile.runtime.durable import write_durably
from domicile.runtime.ports import NoFreePort, free_port
from domicile.runtime.processes import AppProcess
from domicile.store.feed import Feed
from domicile.store.store import Store

PROXIES = ""  # whatever their names: only proxies have the token to follow us

_BACK_OFF = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_STEADY = 60.0
_DRAIN_LOOK_SECONDS = 0.05

_log = structlog.get_logger()


class PortTaken(DomicileError):
    """The one port that an app opens belongs to another process."""


@dataclass(frozen=True, slots=True)
class Site:
    """What all residents of a manager share."""

    host: str
    processes: Path
    store: Store
    feed: Feed
    releases: Releases
    tell: Callable[[Report], None]
    drain_seconds: float = 30.0
    start_seconds: float = START_SECONDS
    stop_seconds: float = 10.0
    watch: Watch = field(default_factory=Watch)


class _Lease(msgspec.Struct, frozen=True):
    """Which release was started, and which port it was told: for the next manager."""

    release: str
    told: int


@dataclass(frozen=True, slots=True)
class _Running:
    process: AppProcess
    endpoint: Address
    release: str
    told: int

    @property
    def server(self) -> tuple[AppProcess, Address]:
        return self.process, self.endpoint


class Resident:
    """An app, and the task that makes its newest wish so."""

    def __init__(self, app: str, site: Site, adopted: AppProcess | None = None) -> None:
        self._app = app
        self._site = site
        self._process = adopted
        self._stopping = False
        self._running: _Running | None = None
        self._wanted: Residence | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def leader(self) -> int:
        """Give the pid of its process, for whose end it waits itself; 0 without one."""
        return self._process.record.pid if self._process else 0

    def wish(self, wanted: Residence) -> None:
        """Take a wish, in the place of the one before."""
        if wanted == self._wanted:
            return
        self._wanted = wanted
        before = self._task
        self._task = asyncio.create_task(self._follow(wanted, before))

    async def close(self, *, stop: bool) -> None:
        """Leave the app as it is, or stop it: it is wanted still."""
        await _cancel(self._task)
        if stop:
            wanted = self._wanted
            if wanted and wanted.release and await self._lives_here(wanted):
                await ledger.wait_in(self._site.store, wanted, EndpointState.STARTING)
            await self._stop()

    async def _follow(
        self, wanted: Residence, before: asyncio.Task[None] | None
    ) -> None:
        await _cancel(before)
        failures = 0
        while True:
            try:
                await self._obey(wanted)
            except Exception:  # noqa: BLE001 - the border: one app's trouble stays its own
                _log.exception("an app is not as it is wanted", **_who(wanted))
                await asyncio.sleep(_BACK_OFF[min(failures, len(_BACK_OFF) - 1)])
                failures += 1
            else:
                return

    async def _obey(self, wanted: Residence) -> None:
        match wanted.state:
            case ResidenceState.HERE if wanted.release is not None:
                await self._serve(wanted, wanted.release)
            case ResidenceState.HERE:
                await self._rest(wanted)
            case ResidenceState.AWAY | ResidenceState.GONE:
                await self._leave(wanted)
            case ResidenceState.HELD:
                # Of exclusive moves, which nothing asks for yet.
                pass

    async def _serve(self, wanted: Residence, release: Release) -> None:
        """Have it run until another wish comes; returns where it cannot start."""
        lives_here = await self._lives_here(wanted)
        failures = 0
        while True:
            began = monotonic()
            try:
                await self._run_once(wanted, release)
            except CannotFetch as error:
                _log.warning("a release is not here", **_who(wanted), error=str(error))
            except DomicileError as error:
                if not lives_here:
                    await self._stop()
                    self._tell(wanted, Status.FAILED, detail=str(error))
                    return
                why = without_its_words(str(error))
                _log.warning("an app did not start", **_who(wanted), error=why)
            else:
                lives_here = True
            if monotonic() - began >= _STEADY:
                failures = 0
            if lives_here:
                await ledger.wait_in(self._site.store, wanted, EndpointState.STARTING)
                await self._stop()
            await asyncio.sleep(_BACK_OFF[min(failures, len(_BACK_OFF) - 1)])
            failures += 1

    async def _run_once(self, wanted: Residence, release: Release) -> None:
        """Start it, or go on with what runs, say so, and return when it is lost."""
        running = await self._started(wanted, release)
        serial = await ledger.settle_in(self._site.store, wanted, running.endpoint)
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(self._tell_served(wanted, running, serial))
            await self._site.watch.until_lost(*running.server)
            telling.cancel()
        _log.warning("an app is at its port no more", **_who(wanted))

    async def _tell_served(
        self, wanted: Residence, running: _Running, serial: int
    ) -> None:
        await self._acknowledged(serial)
        port = running.endpoint.port
        ignored = port != running.told or port == wanted.port
        self._tell(wanted, Status.SERVING, port=port if ignored else 0)

    async def _started(self, wanted: Residence, release: Release) -> _Running:
        if self._running is None and self._process is not None and not self._stopping:
            self._running = await self._recover(wanted, release)
        kept = self._running
        if kept and kept.release == release.id and holders_at(*kept.server):
            return kept
        if await self._lives_here(wanted):
            await ledger.wait_in(self._site.store, wanted, EndpointState.STARTING)
        await self._stop()
        self._running = await self._start(wanted, release)
        return self._running

    async def _start(self, wanted: Residence, release: Release) -> _Running:
        folder = await self._site.releases.fetch(release)
        store = self._site.store
        left = await left_by_others(store, self._site.feed, self._app)
        avoid = await others_ports(store, self._app) | {p.address.port for p in left}
        port = _port_for(wanted, avoid)
        order = self._order(wanted, release, folder, port)
        lease = _Lease(release.id, order.port)
        write_durably(self._lease_file, msgspec.json.encode(lease))
        # From here on it is ours to stop, whatever comes in between.
        process = self._process = begin(order, self._site.processes)
        endpoint = await find_endpoint(process, order, self._site.start_seconds)
        # Anew, for others may have come and gone meanwhile.
        left = await left_by_others(store, self._site.feed, self._app)
        _refuse_anothers(wanted, endpoint, left)
        process.note_port(endpoint.port)
        return _Running(process, endpoint, release.id, order.port)

    async def _recover(self, wanted: Residence, release: Release) -> _Running | None:
        """Find out about a process that an earlier manager started."""
        process = self._process
        assert process is not None
        order = self._order(wanted, release, Path(), process.record.port)
        with contextlib.suppress(OSError, msgspec.DecodeError, DidNotStart):
            lease = msgspec.json.decode(self._lease_file.read_bytes(), type=_Lease)
            if lease.release == release.id:
                endpoint = await find_endpoint(process, order, self._site.start_seconds)
                return _Running(process, endpoint, lease.release, lease.told)
        return None

    def _order(
        self, wanted: Residence, release: Release, folder: Path, port: int
    ) -> Order:
        log = self._site.releases.log_of(self._app)
        return Order(wanted, release, folder, log, self._site.host, port)

    async def _rest(self, wanted: Residence) -> None:
        serial = await ledger.wait_in(self._site.store, wanted, EndpointState.STOPPED)
        await self._acknowledged(serial)
        await self._stop()
        self._tell(wanted, Status.STOPPED)

    async def _leave(self, wanted: Residence) -> None:
        serial = await ledger.withdraw(self._site.store, wanted)
        await self._acknowledged(serial)
        cut = await self._drain(serial) if self._process else 0
        await self._stop()
        await ledger.forget_endpoint(self._site.store, wanted)
        self._tell(wanted, Status.SETTLED, cut=cut)

    async def _drain(self, serial: int) -> int:
        """Wait for the requests in flight; gives how many the deadline cuts."""
        deadline = monotonic() + self._site.drain_seconds
        while (left := in_flight(self._site.feed, self._app, serial)) != 0:
            if monotonic() >= deadline:
                return max(left, 0)
            await asyncio.sleep(_DRAIN_LOOK_SECONDS)
        return 0

    async def _stop(self) -> None:
        # Forgotten only when stopped: who is cancelled in between leaves it to the next.
        self._running = None
        if self._process is not None:
            self._stopping = True
            await self._process.stop(self._site.stop_seconds)
            self._process, self._stopping = None, False

    async def _acknowledged(self, serial: int) -> None:
        await self._site.feed.acknowledged(serial, PROXIES, math.inf)

    async def _lives_here(self, wanted: Residence) -> bool:
        """Whether it was once served here since it came: then it is tried for ever."""
        async with self._site.store.reading() as reading:
            known = await reading.get(Residence, wanted.key)
        return known is not None and known.state is ResidenceState.HERE

    def _tell(
        self,
        wanted: Residence,
        status: Status,
        detail: str = "",
        port: int = 0,
        cut: int = 0,
    ) -> None:
        why = without_its_words(detail)
        told = {"status": status.value, "port": port, "cut": cut, "error": why}
        _log.info("reported", **_who(wanted), **{k: v for k, v in told.items() if v})
        self._site.tell(
            Report(
                self._app, wanted.cluster, wanted.generation, status, detail, port, cut
            )
        )

    @property
    def _lease_file(self) -> Path:
        return self._site.releases.folder_of(self._app) / "lease.json"


def _who(wanted: Residence) -> dict[str, Any]:
    """Give what every line of the log about an app says."""
    return {
        "app": wanted.app,
        "name": wanted.name,
        "generation": wanted.generation,
    }


def in_flight(feed: Feed, app: str, serial: int) -> int:
    """Count what the proxies still do for the app, or -1 while one has not said."""
    notes = [
        note
        for follower in feed.followers
        if not feed.is_behind(follower)
        for note in follower.notes.values()
    ]
    count = sum(note.in_flight.get(app, 0) for note in notes)
    return count or (-1 if any(note.serial < serial for note in notes) else 0)


def _port_for(wanted: Residence, avoid: Collection[int]) -> int:
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


def _refuse_anothers(wanted: Residence, endpoint: Address, left: list[Left]) -> None:
    """Go on only where no proxy may take it for another app; raises PortTaken."""
    for each in left:
        # By port alone: who listens on all addresses is met at each of them.
        if each.address.port == endpoint.port:
            raise PortTaken(
                f"{wanted.name} listens on port {endpoint.port}, which was another "
                f"app's, and {', '.join(each.unaware)} may not know that it is so no "
                "more: try again once that is heard of"
            )


async def _cancel(task: "asyncio.Task[None] | None") -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
