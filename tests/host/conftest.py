"""Hosts of a test's own, each from one file."""

import contextlib
import json
import subprocess

import dns.message
import dns.query
import httpx
import pytest
from started import COMMAND, HOST_PORTS, Started, free_ports

from domicile.host.ending import end_all
from domicile.host.services import Services


class Host(Started):
    """`domicile up` with a file of a few lines, at ports that nobody has."""

    zone = "apps.example.com"
    address = "127.0.0.21"

    def __init__(self, folder):
        super().__init__(folder)
        self.config = folder / "host.toml"
        self.ports = dict(zip(HOST_PORTS, free_ports(len(HOST_PORTS)), strict=True))
        self.settings = {
            "zone": self.zone, "address": self.address, "data": str(self.data)
        }  # fmt: skip
        self.write(self.settings | self.ports)

    def write(self, settings):
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        self.config.write_text("\n".join(lines))

    def command(self):
        return [COMMAND, "up", "--config", self.config, "--ready-file", self.ready]

    def verb(self, *words):
        return subprocess.run(
            [COMMAND, *words, "--data", self.data],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip

    def run(self, *words):
        ran = self.verb(*words, "--json")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def pid(self, name):
        """Give the process of a service that runs now."""
        return json.loads((self.data / "run" / f"{name}.json").read_bytes())["pid"]

    def deploy(self, name="hello.ada"):
        """Deploy a page that is the app's name; gives its host."""
        folder = self.folder / "app"
        folder.mkdir(exist_ok=True)
        (folder / "index.html").write_text(name)
        self.run("owner", "add", name.partition(".")[2])
        return self.run("app", "deploy", name, str(folder))["hosts"][0]

    def resolve(self, name, kind="A"):
        query = dns.message.make_query(name, kind)
        port = self.ports["dns"]
        try:
            answer = dns.query.udp(query, self.address, timeout=5, port=port)
        except OSError:
            return []
        return [str(each) for each in answer.answer[0]] if answer.answer else []

    def fetch(self, host):
        url = f"http://{self.address}:{self.ports['http']}/"
        return httpx.get(url, headers={"Host": host}, timeout=20).text


@contextlib.contextmanager
def running(host):
    try:
        host.wait_until_ready(host.start())
        yield host
    finally:
        host.kill_what_is_left()


@pytest.fixture(scope="module")
def shared_host(tmp_path_factory):
    """One that runs with an app, for all tests that leave it as they found it."""
    with running(Host(tmp_path_factory.mktemp("host"))) as host:
        host.app = host.deploy()
        yield host


@pytest.fixture
def host(tmp_path):
    host = Host(tmp_path)
    yield host
    host.kill_what_is_left()


@pytest.fixture
def services(tmp_path):
    services = Services(tmp_path)
    yield services
    services.close()
    end_all(tmp_path, grace=0)
    services.ended()
