"""Two clusters, a directory and a name server, each service at a host of its own.

The rules of the switch between them are what the design says of who talks to whom, so
a proxy reaches its manager, its apps and the others' links, and nothing else.
"""

import contextlib
import secrets
import subprocess
import sys
import time
from pathlib import Path

import dns.message
import dns.query
import httpx
import pytest
from switch import NotPossible, Switch, Way

from domicile.client.access import Access
from domicile.client.api import Api
from domicile.host.parts import to_toml

COMMAND = Path(sys.executable).with_name("domicile")
STAGE = Path(__file__).parents[1] / "apps" / "stage"

ADDRESSES = {
    "directory": "192.0.2.1",
    "names": "192.0.2.2",
    "amber": "192.0.2.11",
    "amber-proxy": "192.0.2.12",
    "birch": "192.0.2.21",
    "birch-proxy": "192.0.2.22",
    "client": "192.0.2.100",
}
CLUSTERS = {"amber": "free", "birch": "pro"}
API, NAMES, FEED, PUBLIC, LINK, ADMIN = "8053", "53", "8081", "80", "8444", "9000"
APPS = "20000-31999"
SERVICES = ("names", *CLUSTERS, *(f"{cluster}-proxy" for cluster in CLUSTERS))

WAYS = [
    Way("client", "directory", API),
    Way("client", "names", NAMES),
    Way("client", "names", NAMES, "udp"),
    Way("names", "directory", API),
    Way("amber-proxy", "birch-proxy", LINK),
    Way("birch-proxy", "amber-proxy", LINK),
    *(Way("client", host, ADMIN) for host in SERVICES),
]
for _cluster in CLUSTERS:
    WAYS += [
        Way(_cluster, "directory", API),
        Way(f"{_cluster}-proxy", _cluster, FEED),
        Way(f"{_cluster}-proxy", _cluster, APPS),
        Way("client", f"{_cluster}-proxy", PUBLIC),
        # Who says whether it answers there (`model.health`); it does not say so itself.
        Way("names", f"{_cluster}-proxy", PUBLIC),
        *(Way(o, f"{_cluster}-proxy", PUBLIC) for o in CLUSTERS if o != _cluster),
    ]


class Hosting:
    """All services, and what is known of them; asked from the host `client`."""

    def __init__(self, switch, folder):
        self.switch = switch
        self.folder = folder
        self.secret = secrets.token_hex(16)
        """In the environment of every app."""
        self.tokens = {}
        self.api = None
        self.refused_at_first = 0
        self._processes = []

    def start(self):
        folder = self.folder
        self._start("directory", "directory", self._directory())
        token = folder / "directory" / "operator.token"
        self.wait_until(token.exists)
        self.tokens["operator"] = token.read_text().strip()
        url = f"http://{ADDRESSES['directory']}:{API}"
        self.wait_until(lambda: self._answers(f"{url}/v1/schema"))
        self.api = Api(Access(url, self.tokens["operator"]))
        self._start_names(url)
        for cluster in CLUSTERS:
            self._start_cluster(cluster, url)
        for host in SERVICES:
            self.wait_until(lambda host=host: self.is_well(host))
        for owner, plan in (("ada", "free"), ("bob", "pro")):
            added = self.api.post("/owners", {"name": owner, "plan": plan})
            self.tokens[owner] = added["token"]
        self.refused_at_first = self.switch.refused

    def _directory(self):
        return to_toml({"data": str(self.folder / "directory"),
                        "listen": f"{ADDRESSES['directory']}:{API}"}) + (
            '[[zones]]\nname = "apps.test"\n'
            f'nameservers = {{ "ns1.apps.test" = ["{ADDRESSES["names"]}"] }}\n'
        )  # fmt: skip

    def _start_names(self, url):
        self.tokens["names"] = self.api.post("/nameservers", {"name": "ns1"})["token"]
        settings = {
            "name": "ns1",
            "directory": url,
            "token_file": self._write("names.token", self.tokens["names"]),
            "data": str(self.folder / "names"),
            "listen": [f"{ADDRESSES['names']}:{NAMES}"],
            "admin": f"{ADDRESSES['names']}:{ADMIN}",
        }
        self._start("names", "nameserver", to_toml(settings))

    def _start_cluster(self, cluster, url):
        manager, proxy = ADDRESSES[cluster], ADDRESSES[f"{cluster}-proxy"]
        record = {"name": cluster, "addresses": [proxy], "links": [f"{proxy}:{LINK}"],
                  "prefers": [CLUSTERS[cluster]]}  # fmt: skip
        joined = self.api.post("/clusters", record)["token"]
        known = secrets.token_urlsafe(32)
        self.tokens |= {cluster: joined, f"{cluster}-proxy": known}
        token = self._write(f"{cluster}-proxy.token", known)
        settings = {
            "cluster": cluster,
            "data": str(self.folder / cluster),
            "directory": url,
            "token": self._write(f"{cluster}.token", joined),
            "proxy_token": token,
            "listen": f"{manager}:{FEED}",
            "admin": f"{manager}:{ADMIN}",
            "host": manager,
            "stop_seconds": 2,
            "stop_apps_on_end": True,
        }
        self._start(cluster, "manager", to_toml(settings))
        settings = {
            "name": "proxy-1",
            "cluster": cluster,
            "manager": f"http://{manager}:{FEED}",
            "token_file": token,
            "data": str(self.folder / f"{cluster}-proxy"),
            "listen": [f"{proxy}:{PUBLIC}"],
            "link": f"{proxy}:{LINK}",
            "admin": f"{proxy}:{ADMIN}",
        }
        self._start(f"{cluster}-proxy", "proxy", to_toml(settings))

    def _write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def _start(self, host, service, settings):
        config = self._write(f"{host}.toml", settings)
        # They end with us, however we end.
        command = ["setpriv", "--pdeathsig", "TERM", COMMAND, service, "--config"]
        with self.switch.at(host), (self.folder / f"{host}.log").open("ab") as log:
            self._processes += [
                subprocess.Popen(
                    [*command, config], stdin=subprocess.DEVNULL, stdout=log,
                    stderr=log, start_new_session=True,
                )
            ]  # fmt: skip

    def end(self):
        if self.api is not None:
            self.api.close()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(20)

    # From the client

    def wait_until(self, holds):
        while not holds():
            assert all(each.poll() is None for each in self._processes)
            time.sleep(0.05)

    def _answers(self, url):
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(url, trust_env=False).status_code
        return 0

    def is_well(self, host):
        return self._answers(f"http://{ADDRESSES[host]}:{ADMIN}/healthz") == 200

    def resolve(self, name):
        answer = self.ask_dns(name)
        return str(answer.answer[0][0]) if answer.answer else None

    def ask_dns(self, name):
        query = dns.message.make_query(name, "A")
        return dns.query.udp(query, ADDRESSES["names"], timeout=5)

    def place(self, cluster):
        return ADDRESSES[f"{cluster}-proxy"], int(PUBLIC)

    def fetch(self, host, cluster=None, path="/"):
        address = ADDRESSES[f"{cluster}-proxy"] if cluster else self.resolve(host)
        url = f"http://{address}:{PUBLIC}{path}"
        return httpx.get(url, headers={"Host": host}, timeout=20, trust_env=False)

    # As the operator

    def deploy(self, name, owner):
        """Deploy the stage; gives the app's host."""
        app = {
            "name": name,
            "owner": owner,
            "command": f"exec {sys.executable} app.py",
            "environment": {"SECRET": self.secret},
        }
        self.api.wait_for(self.api.deploy(app, STAGE), lambda _: None)
        return f"{name}.{owner}.apps.test"

    def plan_move(self, app, to):
        return self.api.post(f"/apps/{app}/moves", {"to": to})

    def step(self, move):
        return self.api.get(f"/moves/{move['id']}")["step"]

    def move(self, app, to):
        self.api.wait_for(self.plan_move(app, to), lambda _: None)


@pytest.fixture(scope="module")
def switch():
    """The hosts, or a reason why there are none."""
    try:
        with Switch(ADDRESSES, WAYS) as switch:
            yield switch
    except NotPossible as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def hosting(switch, tmp_path_factory):
    hosting = Hosting(switch, tmp_path_factory.mktemp("hosting"))
    try:
        with switch.at("client"):
            hosting.start()
        yield hosting
    finally:
        hosting.end()


@pytest.fixture(autouse=True)
def at_the_client(hosting):
    """Every test is there, and whatever it starts."""
    with hosting.switch.at("client"):
        yield
    hosting.switch.heal()


@pytest.fixture(scope="module")
def apps(hosting):
    """Hosts of apps that have left amber for birch, and birch for amber."""
    with hosting.switch.at("client"):
        hosts = hosting.deploy("hello", "ada"), hosting.deploy("chat", "bob")
        hosting.move("hello.ada", "birch")
        hosting.move("chat.bob", "amber")
    return dict(zip(("hello", "chat"), hosts, strict=True))
