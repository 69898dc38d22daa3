"""The process of one app here: started, found again, kept and stopped."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from domicile.config import Address
from domicile.manager import ledger
from domicile.manager.launch import DidNotStart, Order, begin, find_endpoint
from domicile.manager.lease import Lease
from domicile.manager.ports import (
    left_by_others,
    others_ports,
    port_for,
    refuse_anothers,
)
from domicile.manager.site import Site
from domicile.manager.watch import holders_at
from domicile.model.records import EndpointState, Release, Residence
from domicile.runtime.processes import AppProcess


@dataclass(frozen=True, slots=True)
class Running:
    """A process that serves, and where."""

    process: AppProcess
    endpoint: Address
    release: str
    told: int

    @property
    def server(self) -> tuple[AppProcess, Address]:
        return self.process, self.endpoint

    def port_of_its_own(self, wanted: Residence) -> int:
        """Give the port that it opens whatever it is told, or 0."""
        port = self.endpoint.port
        return port if port != self.told or port == wanted.port else 0


class Instance:
    """What runs of an app; `running` once it is known to serve."""

    def __init__(self, app: str, site: Site, adopted: AppProcess | None = None) -> None:
        self._app = app
        self._site = site
        self._stopping = False
        self.process = adopted
        self.running: Running | None = None

    @property
    def lease(self) -> Lease | None:
        """Give what is known of its last start."""
        return Lease.read(self._lease_file)

    async def ready(self, wanted: Residence, release: Release) -> Running:
        """Have it run, or go on; raises CannotFetch, DidNotStart and their like."""
        if self.running is None and self.process is not None and not self._stopping:
            self.running = await self._recover(wanted, release)
        kept = self.running
        if kept and kept.release == release.id and holders_at(*kept.server):
            return kept
        lives_here = await ledger.lives_here(self._site.store, wanted)
        if lives_here:
            await ledger.wait_in(self._site.store, wanted, EndpointState.STARTING)
        await self.stop()
        folder = await self._site.releases.fetch(release)
        async with self._site.starts.turn(arrives=not lives_here):
            self.running = await self._start(wanted, release, folder)
        return self.running

    async def _start(
        self, wanted: Residence, release: Release, folder: Path
    ) -> Running:
        store = self._site.store
        left = await left_by_others(store, self._site.feed, self._app)
        avoid = await others_ports(store, self._app) | {p.address.port for p in left}
        port = port_for(wanted, avoid)
        order = self._order(wanted, release, folder, port)
        Lease(release.id, port).write(self._lease_file)
        # From here on it is ours to stop, whatever comes in between.
        process = self.process = begin(order, self._site.processes)
        endpoint = await find_endpoint(process, order, self._site.start_seconds)
        # Anew, for others may have come and gone meanwhile.
        left = await left_by_others(store, self._site.feed, self._app)
        refuse_anothers(wanted, endpoint, left)
        process.note_port(endpoint.port)
        running = Running(process, endpoint, release.id, port)
        Lease(release.id, port, running.port_of_its_own(wanted)).write(self._lease_file)
        return running

    async def _recover(self, wanted: Residence, release: Release) -> Running | None:
        """Find out about a process that an earlier manager started."""
        process = self.process
        assert process is not None
        order = self._order(wanted, release, Path(), process.record.port)
        lease = self.lease
        if lease is not None and lease.release == release.id:
            with contextlib.suppress(OSError, DidNotStart):
                endpoint = await find_endpoint(process, order, self._site.start_seconds)
                return Running(process, endpoint, lease.release, lease.told)
        return None

    def _order(
        self, wanted: Residence, release: Release, folder: Path, port: int
    ) -> Order:
        log = self._site.releases.log_of(self._app)
        return Order(wanted, release, folder, log, self._site.host, port)

    async def stop(self) -> None:
        # Forgotten only when stopped: who is cancelled in between leaves it to the next.
        self.running = None
        if self.process is not None:
            self._stopping = True
            await self.process.stop(self._site.stop_seconds)
            self.process, self._stopping = None, False

    @property
    def _lease_file(self) -> Path:
        return self._site.releases.folder_of(self._app) / "lease.json"
