"""The one process of a proxy that writes: follows the manager, enrols, tells operators.

Workers serve on without it.
"""

import asyncio
import socket
from datetime import UTC, datetime
from typing import Any

import httpx
import structlog
from prometheus_client import CollectorRegistry

from domicile.clock import monotonic
from domicile.model.feed import Ask
from domicile.model.routing import route
from domicile.proxy.enrol import (
    NotEnrolled,
    enrol,
    is_due,
    link_files,
    out_of_date,
    write_trust,
)
from domicile.proxy.settings import Settings
from domicile.replica.faults import ReplicaFault
from domicile.replica.follower import Follower, Readers, Source
from domicile.replica.replica import Replica
from domicile.service import lifeline
from domicile.service.admin import Admin
from domicile.service.arrival import show_arrival
from domicile.service.channel import FollowerEnd
from domicile.service.counters import Counters
from domicile.service.follower_metrics import follower_metrics
from domicile.service.room import lack_of_room

KINDS = ("residence", "endpoint", "cluster", "authority", "consent")

REPLICA = "replica"
"""The replica's folder in the proxy's data."""

_LOOK_SECONDS = 2.0
_REST_SECONDS = 60.0
"""After a certificate that is due at once: our clock, or the directory's, is wrong."""

_log = structlog.get_logger()


class Keeper:
    """Keeps the replica and the link certificate."""

    def __init__(self, settings: Settings, token: str, end: FollowerEnd) -> None:
        self._settings = settings
        self._token = token
        self._replica = Replica.open_to_follow(settings.folder / REPLICA)
        self._follower = Follower(
            self._replica,
            Source(settings.manager, token),
            Ask(settings.name, KINDS, cluster=settings.cluster, admin=settings.admin),
            Readers(end.tell_changed, end.notes),
        )

    async def run(self, admin: socket.socket | None, counters: Counters) -> None:
        """Run until SIGTERM, SIGINT or the parent's death."""
        tasks = [
            asyncio.create_task(self._follower.run()),
            asyncio.create_task(show_arrival(lambda: self._follower.arrival)),
            asyncio.create_task(self._stay_enrolled()),
        ]
        server = None
        if admin is not None:
            routes = {"/status": self._status, "/explain": self._explain}
            registry = self._metrics(counters)
            server = await Admin(routes, self._trouble, registry).serve(admin)
        try:
            await lifeline.wait_for_end(asyncio.get_running_loop())
        finally:
            if server is not None:
                server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._replica.close()

    async def _stay_enrolled(self) -> None:
        files = link_files(self._settings.folder)
        headers = {"Authorization": f"Bearer {self._token}"}
        rests_until = 0.0
        async with httpx.AsyncClient(
            base_url=self._settings.manager, headers=headers, trust_env=False
        ) as manager:
            while True:
                try:
                    bundle = self._trusted()
                    if bundle:
                        write_trust(files, bundle)
                    rests = monotonic() < rests_until
                    if not rests and is_due(files, datetime.now(UTC), bundle):
                        await enrol(manager, files)
                        _log.info("enrolled")
                        if is_due(files, datetime.now(UTC)):
                            rests_until = monotonic() + _REST_SECONDS
                except (NotEnrolled, ReplicaFault, OSError) as error:
                    _log.warning("not enrolled", error=str(error))
                await asyncio.sleep(_LOOK_SECONDS)

    def _trusted(self) -> tuple[str, ...]:
        with self._replica.view() as view:
            authority = view.authority()
        return () if authority is None else authority.bundle

    def _trouble(self) -> str:
        if self._follower.behind:
            reason = self._follower.trouble or "there was no answer yet"
            return f"behind {self._settings.manager}: {reason}"
        files = link_files(self._settings.folder)
        if not files.certificate.exists():
            return f"no link certificate of {self._settings.manager} yet"
        return (
            out_of_date(files, datetime.now(UTC))
            or self._follower.trouble
            or lack_of_room(self._settings.folder)
        )

    def _metrics(self, counters: Counters) -> CollectorRegistry:
        registry = follower_metrics("proxy", self._replica, self._follower)
        registry.register(counters)
        return registry

    async def _status(self, _query: dict[str, str]) -> Any:
        with self._replica.view() as view:
            return {"serial": view.serial, "behind": view.behind}

    async def _explain(self, query: dict[str, str]) -> Any:
        host = query.get("host", "").lower()
        with self._replica.view() as view:
            way = route(view, host, None)
            found = view.residence_of_host(host)
            return {
                "host": host,
                "serial": view.serial,
                "behind": view.behind,
                "outcome": type(way).__name__,
                "way": way,
                "residence": found,
            }
