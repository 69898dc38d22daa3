"""A directory, a name server and two clusters as real processes, for the command."""

import contextlib
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from customer import CustomerDns

from domicile.client.access import Access, write_access

COMMAND = Path(sys.executable).with_name("domicile")
PATIENCE = 60

APP = """
import http.server, os, time
gate = os.environ.get("BIRCH_WAITS_FOR")
while gate and os.environ["DOMICILE_CLUSTER"] == "birch" and not os.path.exists(gate):
    time.sleep(0.05)
class Say(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["DOMICILE_CLUSTER"].encode())
    def log_message(self, *said):
        print("asked for", self.path, flush=True)
address = (os.environ["HOST"], int(os.environ["PORT"]))
http.server.ThreadingHTTPServer(address, Say).serve_forever()
"""


def free_ports():
    """Give ports that were free, none of them twice."""
    with contextlib.ExitStack() as held:
        while True:
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            yield probe.getsockname()[1]


class Hosting:
    """The services, and the command that speaks with them."""

    def __init__(self, data, customer):
        self.data = data
        self.customer = customer
        probes = free_ports()
        self.ports = {
            name: next(probes)
            for name in (
                "directory", "directory-admin", "ns1", "ns1-admin",
                *(f"{cluster}-{what}" for cluster in ("amber", "birch")
                  for what in ("manager", "admin", "proxy", "link", "proxy-admin")),
            )
        }  # fmt: skip
        probes.close()
        self.processes = {}
        self.url = f"http://{self.at('directory')}"

    def at(self, name):
        return f"127.0.0.1:{self.ports[name]}"

    def start(self, name, service, settings):
        config = self.data / f"{name}.toml"
        config.write_text(settings)
        self.start_again(name, service)

    def start_again(self, name, service):
        with (self.data / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [COMMAND, service, "--config", self.data / f"{name}.toml"],
                stdin=subprocess.DEVNULL,
                stderr=log,
            )

    def start_directory(self):
        self.start(
            "directory",
            "directory",
            f"""
data = "{self.data}/directory"
listen = "{self.at("directory")}"
admin = "{self.at("directory-admin")}"
resolvers = ["{self.customer.address}"]
[[zones]]
name = "apps.test"
nameservers = {{ "ns1.apps.test" = ["127.0.0.1"] }}
[[zones]]
name = "keys.test"
nameservers = {{ "ns1.apps.test" = ["127.0.0.1"] }}
longest_ttl = 1
ds_ttl = 1
""",
        )
        self.wait_until_answered(self.url)
        token = (self.data / "directory" / "operator.token").read_text().strip()
        self.client = httpx.Client(
            base_url=f"{self.url}/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=PATIENCE,
        )
        write_access(self.data, Access(self.url, token))

    def start_nameserver(self):
        join = self.client.post("/nameservers", json={"name": "ns1"}).json()
        (self.data / "ns1.token").write_text(join["token"])
        (self.data / "sealing.key").write_text(join["sealing_key"])
        self.start(
            "ns1",
            "nameserver",
            f"""
name = "ns1"
directory = "{self.url}"
token_file = "{self.data}/ns1.token"
sealing_key_file = "{self.data}/sealing.key"
data = "{self.data}/ns1"
listen = ["{self.at("ns1")}"]
admin = "{self.at("ns1-admin")}"
workers = 1
""",
        )

    def start_cluster(self, name, prefers):
        ran = self.run(
            "cluster", "add", name, "--address", "127.0.0.1",
            "--link", self.at(f"{name}-link"), "--prefer", prefers,
        )  # fmt: skip
        join = json.loads(ran.stdout)
        (self.data / f"{name}.token").write_text(join["token"])
        (self.data / f"{name}-proxy.token").write_text(f"{name}-" + "p" * 30)
        self.start(
            f"manager-{name}",
            "manager",
            f"""
cluster = "{name}"
data = "{self.data}/{name}"
directory = "{self.url}"
token = "{self.data}/{name}.token"
proxy_token = "{self.data}/{name}-proxy.token"
listen = "{self.at(f"{name}-manager")}"
admin = "{self.at(f"{name}-admin")}"
drain_seconds = 1.0
stop_apps_on_end = true
""",
        )
        self.start(
            f"proxy-{name}",
            "proxy",
            f"""
name = "proxy-{name}"
cluster = "{name}"
manager = "http://{self.at(f"{name}-manager")}"
token_file = "{self.data}/{name}-proxy.token"
data = "{self.data}/{name}-proxy"
listen = ["{self.at(f"{name}-proxy")}"]
link = "{self.at(f"{name}-link")}"
admin = "{self.at(f"{name}-proxy-admin")}"
workers = 1
""",
        )

    def wait_until_answered(self, url, headers=None, status=None):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                found = httpx.get(url, headers=headers)
                if status in {None, found.status_code}:
                    return found
            time.sleep(0.05)
        raise AssertionError(f"{url} does not answer {status or ''}")

    def fetch(self, cluster, host):
        """Ask a cluster's proxy for a host."""
        url = f"http://{self.at(f'{cluster}-proxy')}/"
        return httpx.get(url, headers={"Host": host}, timeout=PATIENCE)

    def run(self, *arguments, code=0):
        told = os.environ | {"DOMICILE_DATA": str(self.data)}
        ran = subprocess.run(
            [COMMAND, *arguments],
            capture_output=True, text=True, env=told, timeout=2 * PATIENCE,
        )  # fmt: skip
        assert code in {None, ran.returncode}, ran.stderr
        return ran

    def command(self, *arguments):
        """Give the words that run the command from anywhere."""
        return [COMMAND, *arguments, "--data", str(self.data)]

    def begin(self, *arguments):
        """Start the command, and give the process."""
        told = os.environ | {"DOMICILE_DATA": str(self.data)}
        return subprocess.Popen(
            [COMMAND, *arguments], env=told, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def _wait_until_silent(self, port):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionRefusedError:
                return
            time.sleep(0.05)
        raise AssertionError(f"somebody still listens on {port}")

    def ask(self, *arguments):
        """Run a verb for its JSON."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def kill(self, name, *listening):
        """Kill a service, and wait until its orphans have ended and freed its ports."""
        self.processes[name].kill()
        self.processes.pop(name).wait()
        for each in listening:
            self._wait_until_silent(self.ports[each])

    def end(self):
        self.client.close()
        for process in reversed(self.processes.values()):
            process.send_signal(signal.SIGTERM)
        for name, process in self.processes.items():
            assert process.wait(PATIENCE) == 0, name


@pytest.fixture(scope="session")
def customer():
    """The DNS of those who have domains of their own."""
    with CustomerDns() as served:
        yield served


@pytest.fixture(scope="session")
def hosting(tmp_path_factory, customer):
    hosting = Hosting(tmp_path_factory.mktemp("hosting"), customer)
    try:
        hosting.start_directory()
        hosting.start_nameserver()
        hosting.start_cluster("amber", "free")
        hosting.start_cluster("birch", "pro")
        hosting.run("owner", "add", "ada", "--zone", "apps.test")
        yield hosting
    finally:
        hosting.end()


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """An app's folder."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "app.py").write_text(APP)
    return folder


def on_a_terminal(*command, once=("", None)):
    """Run it with a terminal for stdout and stderr; gives all that it wrote.

    `once` is a text, and what to do as soon as it is written.
    """
    text, act = once
    ours, theirs = pty.openpty()
    told = os.environ | {"TERM": "xterm", "COLUMNS": "80"}
    heard = bytearray()

    def listen():
        try:
            while data := os.read(ours, 4096):
                heard.extend(data)
                if act is not None and text.encode() in heard:
                    act()
        except OSError:
            pass  # its other end is closed

    listening = threading.Thread(target=listen)
    listening.start()
    try:
        ran = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=told,
            timeout=60,
        )  # fmt: skip
    finally:
        os.close(theirs)
        listening.join()
        os.close(ours)
    assert ran.returncode == 0, heard.decode()
    return heard.decode()


@pytest.fixture
def terminal():
    return on_a_terminal
