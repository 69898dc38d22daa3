"""A demo on ports of its own, asked as its users would."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import dns.message
import dns.query
import httpx
import psutil
from memory import Memory
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


def listens(place):
    with socket.socket() as probe:
        return probe.connect_ex(place) == 0


def runs(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def read_all(connection):
    received = b""
    while data := connection.recv(1 << 16):
        received += data
    return received
