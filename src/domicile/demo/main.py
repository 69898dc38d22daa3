"""The demo: a directory, a name server, two clusters and sample apps, here."""

import os
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import httpx
import msgspec

import domicile
from domicile.client.access import Access, write_access
from domicile.client.api import Api, Refused
from domicile.demo.plan import (
    AppPlan,
    ClusterPlan,
    Plan,
    directory_settings,
    manager_settings,
    nameserver_settings,
    proxy_settings,
)
from domicile.demo.services import Services

_APPS = Path(domicile.__file__).parent / "demo" / "apps"
_LOOK_SECONDS = 0.2

Say = Callable[[str], None]


class Ended(BaseException):
    """Somebody asked the demo to end."""


class Demo:
    """One folder's demo: made on the first start, gone on with on the next."""

    def __init__(self, plan: Plan, data: Path, say: Say) -> None:
        self._plan = plan
        self._data = data.absolute()
        self._say = say
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._services = Services(self._data / "logs")

    def run(self, ready_file: Path | None, parent: int | None) -> None:
        """Run until SIGTERM, SIGINT or, if it is named, the parent's end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _end)
        try:
            self._start()
            if ready_file:
                ready_file.write_bytes(msgspec.json.encode(self._services.pids()))
            while parent is None or os.getppid() == parent:
                for name, status in self._services.ended():
                    self._say(f"{name} ended with status {status}; the rest goes on")
                time.sleep(_LOOK_SECONDS)
        except Ended:
            self._say("ending")
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            self._services.stop()

    def _start(self) -> None:
        plan, api = self._plan, self._start_directory()
        try:
            self._start_nameserver(api)
            for cluster in plan.clusters:
                self._start_cluster(api, cluster)
            for owner, owner_plan in plan.owners.items():
                _unless_there(api, "/owners", {"name": owner, "plan": owner_plan})
            for app in plan.apps:
                self._deploy(api, app)
            for app in plan.apps:
                self._wait_until_served(api, app)
        finally:
            api.close()
        self._tell()

    def _start_directory(self) -> Api:
        folder = self._data / "directory"
        config = self._write(
            "directory.toml", directory_settings(self._plan, str(folder))
        )
        self._services.start("directory", "directory", config)
        self._services.wait_until("directory", lambda: _answers(self._plan.url))
        token = (folder / "operator.token").read_text(encoding="utf-8").strip()
        access = Access(self._plan.url, token)
        write_access(self._data, access)
        self._say(f"directory: {self._plan.url}")
        return Api(access)

    def _start_nameserver(self, api: Api) -> None:
        token = self._data / "nameserver.token"
        if not token.exists():
            _write_secret(token, api.post("/nameservers", {"name": "ns1"})["token"])
        settings = nameserver_settings(
            self._plan, str(self._data / "nameserver"), str(token)
        )
        config = self._write("nameserver.toml", settings)
        self._services.start("nameserver", "nameserver", config)
        self._services.wait_until(
            "nameserver", lambda: self._resolve(self._plan.zone) is not None
        )
        self._say(f"name server: {self._plan.host} port {self._plan.nameserver}")

    def _start_cluster(self, api: Api, cluster: ClusterPlan) -> None:
        folder = self._data / cluster.name
        folder.mkdir(exist_ok=True)
        if not (folder / "token").exists():
            join = api.post(
                "/clusters",
                {
                    "name": cluster.name,
                    "addresses": [cluster.host],
                    "links": [f"{cluster.host}:{cluster.link}"],
                    "prefers": list(cluster.prefers),
                },
            )
            _write_secret(folder / "token", join["token"])
            _write_secret(folder / "proxy.token", secrets.token_urlsafe(32))
        manager = self._write(
            f"manager-{cluster.name}.toml",
            manager_settings(self._plan, cluster, str(folder)),
        )
        proxy = self._write(
            f"proxy-{cluster.name}.toml", proxy_settings(cluster, str(folder))
        )
        name = f"manager-{cluster.name}"
        self._services.start(name, "manager", manager)
        url = f"http://{cluster.host}:{cluster.manager}"
        self._services.wait_until(name, lambda: _answers(url))
        self._services.start(f"proxy-{cluster.name}", "proxy", proxy)
        url = f"http://{cluster.host}:{cluster.proxy}"
        self._services.wait_until(f"proxy-{cluster.name}", lambda: _answers(url))
        self._say(f"cluster {cluster.name}: {url}")

    def _deploy(self, api: Api, app: AppPlan) -> None:
        name = f"{app.name}.{app.owner}"
        try:
            api.get(f"/apps/{name}")
        except Refused:
            wanted = {"owner": app.owner, "name": app.name, "command": "python app.py"}
            move = api.deploy(wanted, _APPS / app.name)
            api.wait_for(move, lambda _: None)
            self._say(f"app {name}: deployed to {move['target']}")

    def _wait_until_served(self, api: Api, app: AppPlan) -> None:
        host = f"{app.name}.{app.owner}.{self._plan.zone}"
        cluster = api.get(f"/apps/{app.name}.{app.owner}")["cluster"]
        place = next(each for each in self._plan.clusters if each.name == cluster)
        url = f"http://{place.host}:{place.proxy}/"
        proxy = f"proxy-{cluster}"
        self._services.wait_until(proxy, lambda: self._resolve(host) == place.host)
        self._services.wait_until(proxy, lambda: _status(url, host) == httpx.codes.OK)
        self._say(f"app {app.name}.{app.owner}: answers in {cluster}")

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

    def _tell(self) -> None:
        plan = self._plan
        first = plan.apps[0]
        host = f"{first.name}.{first.owner}.{plan.zone}"
        place = plan.clusters[0]
        self._say("ready; try")
        self._say(f"  dig @{plan.host} -p {plan.nameserver} {host}")
        self._say(f"  curl -H 'Host: {host}' http://{place.host}:{place.proxy}/")
        self._say(f"  domicile app list --data {self._data}")

    def _write(self, name: str, text: str) -> Path:
        path = self._data / name
        path.write_text(text, encoding="utf-8")
        return path


def _end(_number: int, _frame: object) -> None:
    # Ctrl-C and the group's SIGTERM may both come: one end is enough.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise Ended


def _unless_there(api: Api, path: str, body: dict[str, str]) -> None:
    try:
        api.get(f"{path}/{body['name']}")
    except Refused:
        api.post(path, body)


def _answers(url: str) -> bool:
    return _status(url, None) is not None


def _status(url: str, host: str | None) -> int | None:
    try:
        headers = {"Host": host} if host else {}
        return httpx.get(url, headers=headers, trust_env=False).status_code
    except httpx.TransportError:
        return None


def _write_secret(path: Path, secret: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secret + "\n")
