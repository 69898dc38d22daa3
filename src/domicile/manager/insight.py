"""What the manager tells operators on its admin listener, its proxies' words included."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx

from domicile.manager.events import events_of
from domicile.manager.fetching import Releases
from domicile.manager.tail import Mark, read_on, tail
from domicile.model.ids import looks_like_id
from domicile.model.records import Endpoint, Residence
from domicile.replica.replica import Replica
from domicile.service.asking import NoAnswer, Question, ask_admin
from domicile.store.feed import Feed
from domicile.store.followers import Follower as Proxy
from domicile.store.store import Store

_LINES = 100
# Shorter than the directory's own, so that one dead proxy is not the manager's silence.
_PROXY_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Insight:
    """The pages /explain, /logs and /events; `replica` is of the directory's records."""

    cluster: str
    replica: Replica
    store: Store
    feed: Feed
    releases: Releases
    client: httpx.AsyncClient

    async def explain(self, query: dict[str, str]) -> dict[str, Any]:
        """Say what of a host is wanted here, what is, and what each proxy makes of it."""
        host = query.get("host", "").lower()
        with self.replica.view() as view:
            wanted = view.find(Residence, host)
            serial, behind = view.serial, view.behind
        async with self.store.reading() as reading:
            residence = await reading.find(Residence, host)
            endpoint = await reading.get(Endpoint, residence.app) if residence else None
            own_serial = (await reading.head()).serial
        proxies = [self._ask(proxy, host) for proxy in self.feed.followers]
        return {
            "cluster": self.cluster,
            "serial": serial,
            "behind": behind,
            # Not the release: it has the app's secrets.
            "wanted": wanted
            and {"state": wanted.state, "generation": wanted.generation},
            "store_serial": own_serial,
            "residence": residence,
            "endpoint": endpoint,
            "proxies": await asyncio.gather(*proxies),
        }

    async def events(self, query: dict[str, str]) -> dict[str, Any]:
        """Give what befell an app here lately, the newest last."""
        app = query.get("app", "")
        rows = await events_of(self.store, app)
        return {"cluster": self.cluster, "app": app, "rows": rows}

    async def logs(self, query: dict[str, str]) -> dict[str, Any]:
        """Give the last lines that an app wrote here, or those after a mark of ours.

        The marks that `after` has, by commas, are those of all clusters whose logs
        were read: an app that comes back goes on with the log that it had here.
        """
        app = query.get("app", "")
        lines = query.get("lines", "")
        told = {"cluster": self.cluster, "app": app}
        log = self.releases.log_of(app)
        if not looks_like_id(app) or not log.exists():
            return told | {"lines": [], "end": ""}
        count = int(lines) if lines.isascii() and lines.isdigit() else _LINES
        mark = self._own_mark(query.get("after", ""))
        found = await asyncio.to_thread(read_on, log, mark) if mark else None
        if found is None:
            found = await asyncio.to_thread(tail, log, count)
        return told | {"lines": found.lines, "end": f"{self.cluster}:{found.end}"}

    def _own_mark(self, after: str) -> Mark | None:
        marks = dict(each.split(":", 1) for each in after.split(",") if ":" in each)
        return Mark.parse(marks.get(self.cluster, ""))

    async def _ask(self, proxy: Proxy, host: str) -> dict[str, Any]:
        try:
            question = Question("/explain", {"host": host}, _PROXY_PATIENCE)
            page = await ask_admin(self.client, proxy.admin, question, dict[str, Any])
        except NoAnswer as error:
            return {"proxy": proxy.name, "error": str(error)}
        return {"proxy": proxy.name, **page}
