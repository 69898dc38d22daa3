"""What the demo does once its folder is its own: start, join, deploy, tell.

Each step finds what an earlier start of the same folder has done, and goes on.
"""

import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import httpx

from domicile.client.access import Access, write_access
from domicile.client.api import Api, Json, Refused
from domicile.client.recognition import recognise
from domicile.demo.plan import (
    AppPlan,
    ClusterPlan,
    Plan,
    directory_settings,
    manager_settings,
    nameserver_settings,
    proxy_settings,
)
from domicile.demo.samples import LeftOut, lay_out
from domicile.demo.services import Services
from domicile.runtime.durable import write_durably

_SECRET = 0o600
_RUNNING = "running"
_OK = httpx.codes.OK

Say = Callable[[str], None]


class Story:
    """One start of the demo, from the directory to the last app that answers."""

    def __init__(self, plan: Plan, data: Path, services: Services, say: Say) -> None:
        self._plan = plan
        self._data = data
        self._services = services
        self._say = say
        self._web = httpx.Client(trust_env=False)

    def play(self) -> dict[str, ClusterPlan]:
        """Start everything; when what runs answers, give where each app lives."""
        api = Api(self._start_directory())
        self._start_nameserver(api)
        for cluster in self._plan.clusters:
            self._start_cluster(api, cluster)
        self._wait_for_services()
        self._deploy_all(api)
        there = {
            f"{row['name']}.{row['owner']}": row for row in api.get("/apps")["rows"]
        }
        homes = {}
        for app in self._plan.apps:
            row = there.get(app.full_name)
            if row and (home := self._wait_for_app(app.full_name, row)):
                homes[app.full_name] = home
        api.close()
        return homes

    def _start_directory(self) -> Access:
        plan, folder = self._plan, self._data / "directory"
        config = self._write("directory.toml", directory_settings(plan, str(folder)))
        self._services.start("directory", "directory", config)
        self._services.wait_until("directory", lambda: self._answers(plan.url))
        token = (folder / "operator.token").read_text(encoding="utf-8").strip()
        access = Access(plan.url, token)
        write_access(self._data, access)
        self._say(f"directory: {plan.url}")
        return access

    def _start_nameserver(self, api: Api) -> None:
        token = self._data / "nameserver.token"
        if not token.exists():
            _write_secret(token, api.post("/nameservers", {"name": "ns1"})["token"])
        settings = nameserver_settings(
            self._plan, str(self._data / "nameserver"), str(token)
        )
        config = self._write("nameserver.toml", settings)
        self._services.start("nameserver", "nameserver", config)

    def _start_cluster(self, api: Api, cluster: ClusterPlan) -> None:
        folder, name = self._data / cluster.name, cluster.name
        folder.mkdir(exist_ok=True)
        self._join(api, cluster, folder)
        settings = manager_settings(self._plan, cluster, str(folder))
        manager = self._write(f"manager-{name}.toml", settings)
        proxy = self._write(f"proxy-{name}.toml", proxy_settings(cluster, str(folder)))
        self._services.start(f"manager-{name}", "manager", manager)
        self._services.start(f"proxy-{name}", "proxy", proxy)

    def _join(self, api: Api, cluster: ClusterPlan, folder: Path) -> None:
        """Add the cluster to the directory, or have it know what was changed since."""
        planned = {
            "name": cluster.name,
            "addresses": [cluster.host],
            "links": [f"{cluster.host}:{cluster.link}"],
            "prefers": list(cluster.prefers),
        }
        if (folder / "token").exists():
            known = api.get(f"/clusters/{cluster.name}")
            api.put(f"/clusters/{cluster.name}", known | planned)
            return
        # A start that was killed in between gets the same token again.
        join = api.post("/clusters", planned, key=f"demo {cluster.name}")
        _write_secret(folder / "proxy.token", secrets.token_urlsafe(32))
        _write_secret(folder / "token", join["token"])

    def _wait_for_services(self) -> None:
        plan, wait_until = self._plan, self._services.wait_until
        wait_until("nameserver", lambda: self._resolve(plan.zone) is not None)
        wait_until("nameserver", self._is_well(plan.host, plan.nameserver_admin))
        self._say(f"name server: {plan.host} port {plan.nameserver}")
        for cluster in plan.clusters:
            name, host = cluster.name, cluster.host
            url = f"http://{host}:{cluster.proxy}"
            wait_until(f"manager-{name}", self._is_well(host, cluster.manager_admin))
            wait_until(f"proxy-{name}", partial(self._answers, url))
            wait_until(f"proxy-{name}", self._is_well(host, cluster.proxy_admin))
            self._say(f"cluster {name}: {url}")

    def _is_well(self, host: str, admin: int) -> Callable[[], bool]:
        """Say whether a service follows, and has all that it needs to serve."""
        url = f"http://{host}:{admin}/healthz"
        return lambda: self._status(url, None) == _OK

    def _deploy(self, api: Api, app: AppPlan) -> Json | None:
        """Plan the app's deployment, unless it is there."""
        try:
            api.get(f"/apps/{app.full_name}")
        except Refused:
            try:
                run = partial(self._services.run, "npm")
                folder = lay_out(app.name, self._data / "samples", run)
            except LeftOut as error:
                self._say(f"app {app.full_name}: left out: {error}")
                return None
            command = recognise(folder).command
            wanted = {"owner": app.owner, "name": app.name, "command": command}
            return api.deploy(wanted, folder)
        return None

    def _deploy_all(self, api: Api) -> None:
        """Deploy the sample apps once a folder: what was deleted since stays so."""
        done = self._data / "deployed"
        if done.exists():
            return
        for owner, plan in self._plan.owners.items():
            _unless_there(api, "/owners", {"name": owner, "plan": plan})
        moves = [self._deploy(api, app) for app in self._plan.apps]
        for app, move in zip(self._plan.apps, moves, strict=True):
            if move is not None:
                api.wait_for(move, lambda _: None)
                self._say(f"app {app.full_name}: deployed to {move['target']}")
        write_durably(done, b"")

    def _wait_for_app(self, name: str, app: Json) -> ClusterPlan | None:
        """Wait until a running app answers, and give where it lives."""
        place = self._plan.find_cluster(app.get("cluster", ""))
        if app["state"] != _RUNNING or place is None:
            self._say(f"app {name}: {app['state']}")
            return None
        host = f"{name}.{self._plan.zone}"
        url, wait_until = (
            f"http://{place.host}:{place.proxy}/",
            self._services.wait_until,
        )
        wait_until("nameserver", lambda: self._resolve(host) == place.host)
        wait_until(f"proxy-{place.name}", lambda: self._status(url, host) == _OK)
        self._say(f"app {name}: answers in {place.name}")
        return place

    def _resolve(self, name: str) -> str | None:
        """Ask the name server for an address; None without one."""
        query = dns.message.make_query(name, "A")
        try:
            answer = dns.query.udp(
                query, self._plan.host, timeout=1, port=self._plan.nameserver
            )
        except (dns.exception.DNSException, OSError):
            return None
        return str(answer.answer[0][0]) if answer.answer else None

    def _answers(self, url: str) -> bool:
        return self._status(url, None) is not None

    def _status(self, url: str, host: str | None) -> int | None:
        try:
            headers = {"Host": host} if host else {}
            return self._web.get(url, headers=headers).status_code
        except httpx.TransportError:
            return None

    def _write(self, name: str, text: str) -> Path:
        path = self._data / name
        write_durably(path, text.encode())
        return path


def _unless_there(api: Api, path: str, body: dict[str, str]) -> None:
    try:
        api.get(f"{path}/{body['name']}")
    except Refused:
        api.post(path, body)


def _write_secret(path: Path, secret: str) -> None:
    write_durably(path, f"{secret}\n".encode(), _SECRET)
