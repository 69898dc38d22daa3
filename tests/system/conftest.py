"""A demo on ports of its own, asked as its users would; shared where nothing is hurt."""

import contextlib
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import dns.exception
import dns.message
import dns.query
import dns.rcode
import httpx
import psutil
import pytest
from customer import CustomerDns
from waiting import wait_until
from websockets.sync.client import connect

COMMAND = Path(sys.executable).with_name("domicile")
STAGE = Path(__file__).parent / "apps" / "stage"
HOSTS = {"amber": "127.0.0.11", "birch": "127.0.0.12"}
PLANS = {"amber": "free", "birch": "pro"}
CLUSTER_KEYS = ("manager", "manager_admin", "proxy", "link", "proxy_admin")

# So that an app that never starts, or never answers, does not keep the tests waiting.
START_SECONDS = 12.0
ANSWER_SECONDS = 4.0

# So long a move waits for a cluster that is away.
STEP_SECONDS = 20.0

# So that a slow machine has time for what is to be seen before the drain is over.
DRAIN_SECONDS = 20.0


def free_ports(count):
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


# Not express: npm would have to be waited for, again and again.
APPS = ("hello.ada", "upload.ada", "events.ada", "chat.bob", "site.bob")


class Demo:
    """A demo in a folder, with a client's view of it."""

    free_ports = staticmethod(free_ports)

    def __init__(self, folder, customer, settings=()):
        """`settings` are further lines of the demo's configuration."""
        self.folder = folder
        self.settings = settings
        self.customer = customer
        self.data = folder / "data"
        self.ready = folder / "ready.json"
        self.restarted = {}
        self.killed = set()
        self._write_plan(iter(free_ports(4 + 2 * len(CLUSTER_KEYS))))

    def _write_plan(self, ports):
        keys = ("nameserver", "directory", "nameserver_admin", "directory_admin")
        self.ports = {key: next(ports) for key in keys}
        lines = [f"{key} = {port}" for key, port in self.ports.items()]
        lines += [f"start_seconds = {START_SECONDS}"]
        lines += [f"step_seconds = {STEP_SECONDS}"]
        lines += [f'resolvers = ["{self.customer.address}"]']
        lines += [f"drain_seconds = {DRAIN_SECONDS}", *self.settings]
        for name, host in HOSTS.items():
            self.ports[name] = {key: next(ports) for key in CLUSTER_KEYS}
            lines += ["[[clusters]]", f'name = "{name}"', f'host = "{host}"']
            lines += [f'prefers = ["{PLANS[name]}"]']
            lines += [f"answer_seconds = {ANSWER_SECONDS}"]
            lines += [f"{key} = {port}" for key, port in self.ports[name].items()]
        for app in APPS:
            name, owner = app.split(".")
            lines += ["[[apps]]", f'name = "{name}"', f'owner = "{owner}"']
        (self.folder / "demo.toml").write_text("\n".join(lines))

    def start(self):
        self.ready.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                COMMAND, "demo", "--data", self.data,
                "--config", self.folder / "demo.toml", "--ready-file", self.ready,
            ],
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        while not self.ready.exists():
            assert self.process.poll() is None
            time.sleep(0.05)
        self.services = json.loads(self.ready.read_text())["services"]

    def end(self):
        for process in self.restarted.values():
            process.terminate()
            process.wait(20)
        self.restarted.clear()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0

    def held_ports(self):
        """Give the ports of the plan at which somebody listens."""
        every = [
            (HOSTS[name], port) for name in HOSTS for port in self.ports[name].values()
        ]
        every += [
            ("127.0.0.1", port) for port in self.ports.values() if isinstance(port, int)
        ]
        return [place for place in every if listens(place)]

    def pid(self, name):
        """Give the service's parent process."""
        restarted = self.restarted.get(name)
        return restarted.pid if restarted else self.services[name]["pid"]

    def kill(self, *names, kill=os.killpg):
        """Kill those services that run with all their processes, apps apart."""
        for name in set(names) - self.killed:
            self.killed.add(name)
            kill(self.pid(name), signal.SIGKILL)
            if name in self.restarted:
                self.restarted.pop(name).wait()

    def kill_parent(self, name):
        """Kill a service's parent alone, and wait until the rest has gone with it."""
        children = self.children(name).values()
        self.kill(name, kill=os.kill)
        wait_until(lambda: not any(map(runs, children)))

    def restart(self, *names, before=()):
        """Start those services that were killed, as before, or by another command."""
        for name in set(names) & self.killed:
            self.killed.remove(name)
            config = self.services[name]["config"]
            self.restarted[name] = self.run_service(name, config, before)

    def run_service(self, name, config, before=()):
        """Start a service of this demo's, or one more."""
        with (self.data / "logs" / f"{name}.log").open("a") as log:
            return subprocess.Popen(
                [*before, COMMAND, name.partition("-")[0], "--config", config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def mend(self):
        """Start all that were killed, and wait until everybody says to be well."""
        self.restart(*self.services)
        wait_until(lambda: all(map(self.is_well, self.services)))

    def is_well(self, name):
        return self.health(name)["status"] == "ok"

    def health(self, name):
        try:
            return httpx.get(f"{self.admin(name)}/healthz").json()
        except httpx.TransportError as error:
            return {"status": "down", "message": repr(error)}

    def admin(self, name):
        service, _, cluster = name.partition("-")
        host = HOSTS.get(cluster, "127.0.0.1")
        ports = self.ports[cluster] if cluster else self.ports
        return f"http://{host}:{ports[service + '_admin']}"

    def children(self, name):
        """Give the processes below a service's parent, by what each does.

        Where it has just lost one, that one is missing; apps are its grandchildren.
        """
        found = psutil.Process(self.pid(name)).children()
        return {each.name(): each for each in found if runs(each)}

    def app_groups(self):
        """Give the process group of each app that runs, as the managers recorded it."""
        found = []
        for record in self.data.glob("*/manager/run/*.json"):
            # One that is stopped is forgotten meanwhile.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                group = json.loads(record.read_bytes())["pid"]
                os.killpg(group, 0)
                found.append(group)
        return found

    def left(self):
        """Give what runs that has to do with the folder."""
        return [each for each in psutil.process_iter() if self._concerns(each)]

    def _concerns(self, process):
        with contextlib.suppress(psutil.Error):
            told = [*process.cmdline(), process.cwd()]
            mine = process.pid == os.getpid()
            return not mine and any(str(self.folder) in each for each in told)
        return False

    # As a client

    def resolve(self, name, kind="A", ask=dns.query.udp):
        answer = self.ask_dns(dns.message.make_query(name, kind), ask)
        return str(answer.answer[0][0]) if answer.answer else None

    def ask_dns(self, query, ask=dns.query.udp, seconds=5):
        return ask(query, "127.0.0.1", timeout=seconds, port=self.ports["nameserver"])

    def place(self, cluster):
        """Give address and port of a cluster's proxy, by its name or its address."""
        name = next(n for n, host in HOSTS.items() if cluster in (n, host))
        return HOSTS[name], self.ports[name]["proxy"]

    def fetch(self, host, path="/", at=None, method="GET", headers=None, **more):
        """Ask at a cluster, or where DNS says."""
        address, port = self.place(at or self.resolve(host))
        url = f"http://{address}:{port}{path}"
        told = {"Host": host} | (headers or {})
        return httpx.request(method, url, headers=told, timeout=40, **more)

    def connect(self, cluster):
        return socket.create_connection(self.place(cluster), timeout=20)

    def say(self, data, cluster="amber"):
        """Write bytes to a proxy; gives all that comes until it closes."""
        with self.connect(cluster) as connection:
            connection.sendall(data)
            return read_all(connection)

    @contextlib.contextmanager
    def chat(self, host, cluster):
        raw = self.connect(cluster)
        with connect(f"ws://{host}/", sock=raw, proxy=None) as opened:
            yield opened

    # As an operator

    def ask(self, *verb):
        environment = os.environ | {"DOMICILE_DATA": str(self.data)}
        return subprocess.run(
            [COMMAND, *verb, "--json"],
            capture_output=True, text=True, env=environment, timeout=60,
        )  # fmt: skip

    def run(self, *verb):
        ran = self.ask(*verb)
        # `domicile status` ends with 3 where something is wrong.
        assert ran.returncode in ({0, 3} if verb == ("status",) else {0}), ran.stderr
        return json.loads(ran.stdout)

    def refused(self, *verb):
        """Give the one line that a verb says where it cannot be done."""
        ran = self.ask(*verb)
        assert ran.returncode != 0
        assert ran.stdout == ""
        (line,) = [each for each in ran.stderr.splitlines() if "domicile: " in each]
        assert "Traceback" not in ran.stderr
        return line.removeprefix("domicile: ")

    def deploy(self, name, *options, command="exec python app.py"):
        """Deploy the stage; gives the app and its first host."""
        told = ("app", "deploy", name, str(STAGE), "--command", command, *options)
        return self.run(*told)["hosts"][0]

    def move(self, app, to):
        return self.run("app", "move", app, "--to", to)

    def api(self, method, path, body=None, **more):
        access = json.loads((self.data / "client.json").read_text())
        return httpx.request(
            method, f"{access['url']}/v1{path}", json=body, timeout=40,
            headers={"Authorization": f"Bearer {access['token']}"}, **more,
        )  # fmt: skip

    def home_and_other(self, app):
        home = self.api("GET", f"/apps/{app}").json()["cluster"]
        return home, next(each for each in HOSTS if each != home)

    def memory(self):
        return Memory(self)

    def metric(self, cluster, name, service="proxy"):
        admin = self.admin(f"{service}-{cluster}")
        lines = httpx.get(f"{admin}/metrics").text.splitlines()
        (value,) = [line.split()[-1] for line in lines if line.startswith(name + " ")]
        return float(value)

    def log_of(self, name):
        return (self.data / "logs" / f"{name}.log").read_text()

    def events(self, name):
        """Give what a service's log says in our own form."""
        lines = self.log_of(name).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


class Growth(NamedTuple):
    """How much memory the processes held, in bytes: at most, and at the end."""

    at_most: int
    at_last: int


class Memory:
    """Watches the resident memory of a demo's processes while a block runs."""

    def __init__(self, demo):
        tree = psutil.Process(demo.process.pid).children(recursive=True)
        self._pids = [each.pid for each in tree]
        self._before = self._measure()
        self._most = dict(self._before)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        last = self._measure()
        self.growth = Growth(self._sum(self._most), self._sum(last))

    def _sum(self, measured):
        return sum(max(0, rss - self._before[pid]) for pid, rss in measured.items())

    def _watch(self):
        while not self._over.wait(0.05):
            for pid, rss in self._measure().items():
                self._most[pid] = max(rss, self._most[pid])

    def _measure(self):
        return {pid: resident(pid) for pid in self._pids}


def listens(place):
    with socket.socket() as probe:
        return probe.connect_ex(place) == 0


def runs(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def resident(pid):
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


BODY = bytes(range(256)) * 200
DIGEST = hashlib.sha256(BODY).hexdigest()


class Hammer(threading.Thread):
    """Asks again and again, of two apps in turn; keeps who answered, and what failed.

    `place` gives where to connect for a host; where `kept`, one connection serves all.
    """

    def __init__(self, place, hosts, *, kept=False):
        super().__init__()
        self._place = place
        self._hosts = hosts
        self._kept = open_connection(place(None)) if kept else None
        self._over = threading.Event()
        self.answers = []
        self.failures = []

    def run(self):
        while not self._over.wait(0.005):
            for host, method in self._hosts:
                try:
                    self._ask(host, method)
                except Exception as error:
                    self.failures.append(f"{method} {host}: {error!r}")

    def end(self):
        self._over.set()
        self.join()
        if self._kept is not None:
            self._kept.close()

    def _ask(self, host, method):
        connection = self._kept or open_connection(self._place(host))
        body = BODY if method == "POST" else None
        connection.request(method, "/digest", body, {"Host": host})
        answer = connection.getresponse()
        text = answer.read().decode()
        if not self._kept:
            connection.close()
        if answer.status != 200 or (body and DIGEST not in text):
            self.failures.append(f"{method} {host}: {answer.status} {text}")
        told = answer.headers["Cluster"], answer.headers["Generation"]
        self.answers.append((host, *told))

    def clusters(self):
        return {cluster for _, cluster, _ in self.answers}


# What is no answer, and so no wrong one: the cluster or the name server says so.
UNSURE = {dns.rcode.SERVFAIL, dns.rcode.REFUSED}
UNSURE_SECONDS = 5
UNABLE = {502, 503, 504}
NO_ANSWER = (OSError, EOFError, dns.exception.DNSException, http.client.HTTPException)


class Witness(threading.Thread):
    """Asks for an app again and again; keeps what was right, missing and wrong.

    An answer is missing where there was none, or one that says to be unsure.
    """

    def __init__(self, ask, right):
        super().__init__()
        self._ask = ask
        self._right = right
        self._over = threading.Event()
        self.right = 0
        self.missing = []
        self.wrong = []

    def run(self):
        while not self._over.wait(0.005):
            try:
                told = self._ask()
            except NO_ANSWER as error:
                self.missing.append(repr(error))
                continue
            if told in self._right:
                self.right += 1
            elif isinstance(told, Unsure):
                self.missing.append(told)
            else:
                self.wrong.append(told)

    def end(self):
        self._over.set()
        self.join()


class Unsure(str):
    """An answer that says to be none."""

    __slots__ = ()


def witness_names(demo, host, ask, seconds):
    """Ask the name server for a host; gives its address, or what else was said."""
    reply = demo.ask_dns(dns.message.make_query(host, "A"), ask, seconds)
    if reply.answer:
        return str(reply.answer[0][0])
    known = reply.authority and reply.authority[0].ttl > UNSURE_SECONDS
    return reply.to_text() if known else Unsure(dns.rcode.to_text(reply.rcode()))


def witness_app(demo, host, cluster):
    """Ask a cluster for an app; gives status and text."""
    connection = open_connection(demo.place(cluster))
    try:
        connection.request("GET", "/page", headers={"Host": host})
        answer = connection.getresponse()
        told = f"{answer.status} {answer.read().decode()}"
    finally:
        connection.close()
    return Unsure(told) if answer.status in UNABLE else told


def open_connection(place):
    opened = http.client.HTTPConnection(*place, timeout=20)
    opened.connect()
    opened.auto_open = False  # Never a second one unseen.
    return opened


def read_all(connection):
    received = b""
    while data := connection.recv(1 << 16):
        received += data
    return received


@pytest.fixture(name="free_ports")
def ports_that_are_free():
    return free_ports


@contextlib.contextmanager
def running(folder, settings=()):
    with CustomerDns() as customer:
        demo = Demo(folder, customer, settings)
        try:
            demo.start()
            yield demo
        finally:
            demo.end()
    assert demo.left() == []
    assert demo.held_ports() == []


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """One for all tests that leave the services as they found them."""
    with running(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


@pytest.fixture(scope="session")
def stage(demo):
    """The host of an app that behaves as it is asked to."""
    return demo.deploy("stage.ada")


@pytest.fixture(scope="session")
def running_demo():
    """For those who need one of their own in another way."""
    return running


@pytest.fixture(scope="session")
def own_demo(tmp_path_factory):
    """One for all tests that hurt its processes and files."""
    with running(tmp_path_factory.mktemp("own")) as demo:
        yield demo


@pytest.fixture
def whole_demo(own_demo):
    """The same, with everybody well."""
    own_demo.mend()
    return own_demo


@pytest.fixture
def witness(whole_demo):
    """Start witnesses of a host: by UDP, by TCP, and at a cluster's proxy."""
    demo, witnesses = whole_demo, []

    def start(host, cluster="amber", seconds=1):
        home = demo.resolve(host)
        page = witness_app(demo, host, cluster)
        assert page.startswith("200 ")
        udp, tcp = dns.query.udp, dns.query.tcp
        asks = {
            "udp": (lambda: witness_names(demo, host, udp, seconds), home),
            "tcp": (lambda: witness_names(demo, host, tcp, seconds), home),
            "http": (lambda: witness_app(demo, host, cluster), page),
        }
        told = {name: Witness(ask, {right}) for name, (ask, right) in asks.items()}
        witnesses.extend(told.values())
        for each in told.values():
            each.start()
        return told

    yield start
    for each in witnesses:
        each.end()


@pytest.fixture
def hammer():
    """Start clients that ask again and again; they end with the test."""
    hammers = []

    def start(place, hosts, **more):
        hammers.append(Hammer(place, hosts, **more))
        hammers[-1].start()
        return hammers[-1]

    yield start
    for each in hammers:
        each.end()
