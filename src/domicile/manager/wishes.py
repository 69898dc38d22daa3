"""Reads what the directory wants of this cluster, and hands it to the residents."""

import asyncio
from pathlib import Path

import msgspec
import structlog

from domicile.manager import ledger
from domicile.manager.resident import Resident
from domicile.manager.site import Site
from domicile.model.record import Record
from domicile.model.records import LOSS, Authority, Cluster, Consent, Residence
from domicile.replica.replica import Replica
from domicile.runtime import orphans
from domicile.runtime.processes import AppProcess, adopt

_log = structlog.get_logger()

_AGAIN_SECONDS = 1.0
_BURY_SECONDS = 5.0

KINDS = (Residence.kind, Cluster.kind, Authority.kind, Consent.kind)


class Household:
    """All residents of this cluster, by their app's id.

    An app of which the directory says nothing is left as it is: absence is no wish.
    """

    def __init__(self, site: Site, cluster: str, replica: Replica) -> None:
        self._site = site
        self._cluster = cluster
        self._replica = replica
        self._residents = {
            app: Resident(app, site, process)
            for app, process in _adopted(site.processes).items()
        }
        self._consent: int | None = None
        self._changed = asyncio.Event()
        self._changed.set()

    def wake(self) -> None:
        """Say that the replica has changed."""
        self._changed.set()

    def wake_app(self, app: str) -> bool:
        """Have an app woken; False where there is none of that id here."""
        resident = self._residents.get(app)
        if resident is not None:
            resident.wake()
        return resident is not None

    async def run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._look()
            except Exception:  # noqa: BLE001 - the border: seen again, not given up
                _log.exception("the wishes of the directory cannot be read")
                await asyncio.sleep(_AGAIN_SECONDS)
                self._changed.set()

    async def bury(self) -> None:
        """Collect, again and again, the daemons of apps that end: they are ours."""
        while True:
            await asyncio.sleep(_BURY_SECONDS)
            orphans.bury({each.leader for each in self._residents.values()})

    async def status(self, _query: dict[str, str]) -> dict[str, object]:
        """Tell operators how far we follow, and which apps we know."""
        with self._replica.view() as view:
            return {
                "serial": view.serial,
                "behind": view.behind,
                "apps": sorted(self._residents),
            }

    async def close(self, *, stop: bool) -> None:
        residents = self._residents.values()
        await asyncio.gather(*(each.close(stop=stop) for each in residents))

    async def _look(self) -> None:
        with self._replica.view() as view:
            wanted = [r for r in view.all(Residence) if r.cluster == self._cluster]
            common: list[Record] = [*view.all(Cluster), *view.all(Authority)]
            consent = view.get(Consent, LOSS)
        await ledger.copy_common(self._site.store, common)
        # Not what was there when we began: it was about what we held then.
        number = consent.number if consent else 0
        if consent and self._consent is not None and number != self._consent:
            await self._pass_on(consent)
        self._consent = number
        for residence in wanted:
            self._resident(residence.app).wish(residence)

    async def _pass_on(self, consent: Consent) -> None:
        """Let our proxies take in what they hold back, if that is meant for us."""
        ours = f"cluster/{self._cluster}/"
        if any(name.startswith(ours) for name in consent.chains):
            proxies = self._site.feed.followers
            chains = {each.name: each.word.chain for each in proxies if each.trouble}
            passed = msgspec.structs.replace(consent, chains=chains)
            await ledger.pass_on(self._site.store, passed)

    def _resident(self, app: str) -> Resident:
        if app not in self._residents:
            self._residents[app] = Resident(app, self._site)
        return self._residents[app]


def _adopted(processes: Path) -> dict[str, AppProcess]:
    """A process is recorded as `<app>-<generation>`."""
    return {
        name.rpartition("-")[0]: process for name, process in adopt(processes).items()
    }
