"""One app in this cluster: makes so what is wanted of it, and reports what is.

    here, release      fetch, start, write, acknowledged by the proxies, SERVING; watch
    here, nobody asks  written as asleep, acknowledged, and if nobody came meanwhile:
                       stop, ASLEEP; started again once it is woken
    here, no release   written as stopped, acknowledged, stop, STOPPED
    away, gone         written, acknowledged, drain, stop, forget, SETTLED

A new wish cancels what the one before had begun; each way begins from what is there.
"""

import asyncio
import contextlib
import math
from typing import Any

import structlog

from domicile.clock import monotonic
from domicile.errors import DomicileError
from domicile.manager import ledger
from domicile.manager.activity import in_flight
from domicile.manager.events import What, note
from domicile.manager.fetching import CannotFetch
from domicile.manager.instance import Instance, Running
from domicile.manager.launch import without_its_words
from domicile.manager.site import Site
from domicile.model.idleness import Idle
from domicile.model.moves import Report, Status
from domicile.model.records import EndpointState, Release, Residence, ResidenceState
from domicile.runtime.processes import AppProcess

PROXIES = ""  # whatever their names: only proxies have the token to follow us

_BACK_OFF = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_STEADY = 60.0
_DRAIN_LOOK_SECONDS = 0.05
_AWARE_LOOK_SECONDS = 0.5

_log = structlog.get_logger()


class Resident:
    """An app, and the task that makes its newest wish so."""

    def __init__(self, app: str, site: Site, adopted: AppProcess | None = None) -> None:
        self._app = app
        self._site = site
        self._instance = Instance(app, site, adopted)
        self._wanted: Residence | None = None
        self._task: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        self._woken_at = 0.0
        self._ready_for: float | None = None
        self._failure = ""

    @property
    def leader(self) -> int:
        """Give the pid of its process, for whose end it waits itself; 0 without one."""
        process = self._instance.process
        return process.record.pid if process else 0

    def wish(self, wanted: Residence) -> None:
        """Take a wish, in the place of the one before."""
        if wanted == self._wanted:
            return
        self._wanted = wanted
        before = self._task
        self._task = asyncio.create_task(self._follow(wanted, before))

    def wake(self) -> None:
        """Have it started if it sleeps, or stay awake if it is about to fall asleep."""
        if not self._woken.is_set():
            self._woken_at = monotonic()
            self._woken.set()

    async def close(self, *, stop: bool) -> None:
        """Leave the app as it is, or stop it: it is wanted still."""
        await _cancel(self._task)
        if stop and self._instance.process:
            wanted = self._wanted
            if (
                wanted
                and wanted.release
                and await ledger.lives_here(self._site.store, wanted)
            ):
                await ledger.wait_in(self._site.store, wanted, EndpointState.STARTING)
            await self._instance.stop()

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
        failures = 0
        while True:
            began = monotonic()
            try:
                await self._live(wanted, release)
            except CannotFetch as error:
                _log.warning("a release is not here", **_who(wanted), error=str(error))
            except DomicileError as error:
                await self._note_failure(str(error))
                if not await ledger.lives_here(self._site.store, wanted):
                    await self._give_up(wanted, str(error))
                    return
                why = without_its_words(str(error))
                _log.warning("an app did not start", **_who(wanted), error=why)
            if monotonic() - began >= _STEADY:
                failures = 0
            if await ledger.lives_here(self._site.store, wanted):
                await ledger.wait_in(self._site.store, wanted, EndpointState.STARTING)
                await self._instance.stop()
            await asyncio.sleep(_BACK_OFF[min(failures, len(_BACK_OFF) - 1)])
            failures += 1

    async def _live(self, wanted: Residence, release: Release) -> None:
        """Have it run or sleep, as often as it is woken; return when it is lost."""
        while True:
            if await self._is_asleep(wanted, release):
                await self._sleep(wanted)
            if not await self._run_once(wanted, release):
                return

    async def _give_up(self, wanted: Residence, why: str) -> None:
        await self._instance.stop()
        serial = (await self._site.store.head()).serial
        self._tell(wanted, Status.FAILED, serial, detail=why)

    async def _run_once(self, wanted: Residence, release: Release) -> bool:
        """Start it, or go on with what runs, say so, and return when it is lost.

        True if it was not lost, but sleeps.
        """
        began, before = monotonic(), self._instance.process
        running = await self._instance.ready(wanted, release)
        while True:
            serial = await ledger.settle_in(self._site.store, wanted, running.endpoint)
            if running.process is not before:
                before = running.process
                await self._note_ready(began)
            idle = await self._until_idle(wanted, running, serial)
            if idle is None:
                _log.warning("an app is at its port no more", **_who(wanted))
                await self._note(What.LOST, "it was at its port no more")
                return False
            if await self._falls_asleep(wanted, idle):
                return True

    async def _until_idle(
        self, wanted: Residence, running: Running, serial: int
    ) -> Idle | None:
        """Return once nobody has asked for it for long; None where it is lost."""
        site = self._site
        telling = self._tell_served(wanted, running.port_of_its_own(wanted), serial)
        idle = site.activity.until_idle(self._app, wanted.sleep_seconds)
        async with asyncio.TaskGroup() as tasks:
            told = tasks.create_task(telling)
            idling = tasks.create_task(idle)
            lost = tasks.create_task(site.watch.until_lost(*running.server))
            await asyncio.wait({idling, lost}, return_when=asyncio.FIRST_COMPLETED)
            found = None if lost.done() else idling.result()
            for each in (told, idling, lost):
                each.cancel()
        return found

    async def _tell_served(self, wanted: Residence, port: int, serial: int) -> None:
        await self._acknowledged(serial)
        self._tell(wanted, Status.SERVING, serial, port=port)

    async def _note_ready(self, began: float) -> None:
        """Note a start, by the request that it is for if there is one."""
        self._failure = ""
        asked, self._ready_for = self._ready_for, None
        if asked is None:
            seconds = monotonic() - began
            await self._note(What.STARTED, f"ready after {1000 * seconds:.0f} ms")
            return
        seconds = monotonic() - asked
        self._site.counts.woke(seconds)
        text = f"by a request, and ready after {1000 * seconds:.0f} ms"
        await self._note(What.WOKEN, text)

    async def _note_failure(self, why: str) -> None:
        """Note it once, however often it is tried."""
        if why != self._failure:
            self._failure = why
            await self._note(What.FAILED, why)

    async def _falls_asleep(self, wanted: Residence, idle: Idle) -> bool:
        """Say that it sleeps, and stop it; False where somebody came meanwhile.

        Who comes once that is said waits, and is known here by then: so what nobody
        has asked for when all proxies have acknowledged it fails no request.
        """
        self._woken.clear()
        serial = await self._say_asleep(wanted)
        await self._acknowledged(serial)
        if self._woken.is_set() or self._site.activity.came(self._app, idle, serial):
            return False
        await self._instance.stop()
        self._site.counts.sleeps += 1
        seconds = monotonic() - idle.since
        await self._note(What.ASLEEP, f"after {seconds:.0f} s without a request")
        return True

    async def _is_asleep(self, wanted: Residence, release: Release) -> bool:
        """Whether it was put to sleep here, if by an earlier manager, and may be so on."""
        if self._instance.running is not None or not wanted.sleep_seconds:
            return False
        lease = self._instance.lease
        if lease is None or lease.release != release.id:
            return False
        known = await ledger.endpoint_of(self._site.store, self._app)
        asleep = known is not None and known.state is EndpointState.ASLEEP
        return asleep and await ledger.lives_here(self._site.store, wanted)

    async def _sleep(self, wanted: Residence) -> None:
        """Have it sleep, and return once it is woken."""
        serial = await self._say_asleep(wanted)
        await self._acknowledged(serial)
        if self._instance.process:
            # Of an earlier manager, and nobody knows whether it was told to end.
            await self._until_aware(serial)
            await self._drain(serial)
            await self._instance.stop()
        lease = self._instance.lease
        port = lease.port if lease else 0
        self._tell(wanted, Status.ASLEEP, serial, port=port)
        with self._site.counts.sleeping():
            await self._woken.wait()
        self._site.counts.wakes += 1
        self._ready_for = self._woken_at

    async def _until_aware(self, serial: int) -> None:
        """Wait for silent proxies too, for they may serve; but not once it is woken."""
        while self._site.feed.unaware(serial):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AWARE_LOOK_SECONDS):
                    await self._woken.wait()
                    return

    async def _say_asleep(self, wanted: Residence) -> int:
        return await ledger.wait_in(self._site.store, wanted, EndpointState.ASLEEP)

    async def _rest(self, wanted: Residence) -> None:
        known = await ledger.endpoint_of(self._site.store, self._app)
        serial = await ledger.wait_in(self._site.store, wanted, EndpointState.STOPPED)
        await self._acknowledged(serial)
        await self._instance.stop()
        if known and known.state is not EndpointState.STOPPED:
            await self._note(What.STOPPED, "as it is wanted")
        self._tell(wanted, Status.STOPPED, serial)

    async def _leave(self, wanted: Residence) -> None:
        known = await ledger.endpoint_of(self._site.store, self._app)
        serial = await ledger.withdraw(self._site.store, wanted)
        await self._acknowledged(serial)
        cut = await self._drain(serial) if self._instance.process else 0
        await self._instance.stop()
        serial = await ledger.forget_endpoint(self._site.store, wanted)
        if known:
            gone = wanted.state is ResidenceState.GONE
            await self._note(What.LEFT, "deleted" if gone else f"for {wanted.to}")
        self._tell(wanted, Status.SETTLED, serial, cut=cut)

    async def _drain(self, serial: int) -> int:
        """Wait for the requests in flight; gives how many the deadline cuts."""
        deadline = monotonic() + self._site.drain_seconds
        while (left := in_flight(self._site.feed, self._app, serial)) != 0:
            if monotonic() >= deadline:
                return max(left, 0)
            await asyncio.sleep(_DRAIN_LOOK_SECONDS)
        return 0

    async def _acknowledged(self, serial: int) -> None:
        await self._site.feed.acknowledged(serial, PROXIES, math.inf)

    async def _note(self, what: What, detail: str) -> None:
        await note(self._site.store, self._app, what, detail)

    def _tell(
        self, wanted: Residence, status: Status, serial: int, **more: Any
    ) -> None:
        where = (self._app, wanted.cluster, wanted.generation)
        report = Report(*where, status, serial=serial, **more)
        told = {
            "status": status.value,
            "port": report.port,
            "cut": report.cut,
            "error": without_its_words(report.detail),
        }
        _log.info("reported", **_who(wanted), **{k: v for k, v in told.items() if v})
        self._site.tell(report)


def _who(wanted: Residence) -> dict[str, Any]:
    """Give what every line of the log about an app says."""
    return {
        "app": wanted.app,
        "name": wanted.name,
        "generation": wanted.generation,
    }


async def _cancel(task: "asyncio.Task[None] | None") -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
