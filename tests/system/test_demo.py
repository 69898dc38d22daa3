"""The demo as a whole, on ports of its own: a name, an app, a move, a tombstone."""

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
import pytest

COMMAND = Path(sys.executable).with_name("domicile")
HELLO = "hello.ada.apps.test"
AMBER, BIRCH = "127.0.0.11", "127.0.0.12"


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return iter(ports)


class Demo:
    def __init__(self, folder):
        ports = free_ports(14)
        plan = {key: next(ports) for key in ("nameserver", "directory")}
        plan["nameserver_admin"] = next(ports)
        plan["directory_admin"] = next(ports)
        lines = [f"{key} = {port}" for key, port in plan.items()]
        self.proxies = {}
        for name, host, plans in (("amber", AMBER, "free"), ("birch", BIRCH, "pro")):
            lines += ["[[clusters]]", f'name = "{name}"', f'host = "{host}"']
            lines += [f'prefers = ["{plans}"]']
            cluster = {
                key: next(ports)
                for key in ("manager", "manager_admin", "proxy", "link", "proxy_admin")
            }
            lines += [f"{key} = {port}" for key, port in cluster.items()]
            self.proxies[host] = cluster["proxy"]
        self.nameserver = plan["nameserver"]
        self.folder = folder
        self.ready = folder / "ready.json"
        (folder / "demo.toml").write_text("\n".join(lines))

    def start(self):
        self.ready.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                COMMAND, "demo", "--data", self.folder / "data",
                "--config", self.folder / "demo.toml", "--ready-file", self.ready,
            ],
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        while not self.ready.exists():
            assert self.process.poll() is None
            time.sleep(0.1)
        self.pids = {
            name: each["pid"]
            for name, each in json.loads(self.ready.read_text())["services"].items()
        }

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0

    def resolve(self, name, ask=dns.query.udp):
        query = dns.message.make_query(name, "A")
        answer = ask(query, "127.0.0.1", timeout=5, port=self.nameserver)
        return str(answer.answer[0][0])

    def fetch(self, host, address=None):
        address = address or self.resolve(host)
        url = f"http://{address}:{self.proxies[address]}/"
        return httpx.get(url, headers={"Host": host}, timeout=20)

    def run(self, *verb):
        told = os.environ | {"DOMICILE_DATA": str(self.folder / "data")}
        ran = subprocess.run(
            [COMMAND, *verb, "--json"],
            capture_output=True, text=True, env=told, timeout=60,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    demo = Demo(tmp_path_factory.mktemp("demo"))
    demo.start()
    yield demo
    demo.end()


def test_a_name_finds_its_cluster_and_the_app_answers(demo):
    assert demo.resolve(HELLO) == demo.resolve(HELLO, dns.query.tcp) == AMBER
    assert demo.fetch(HELLO).headers["cluster"] == "amber"
    assert demo.resolve("chat.bob.apps.test") == BIRCH


def test_a_move_leaves_a_tombstone_and_comes_back(demo):
    assert demo.run("app", "move", "hello.ada", "--to", "birch")["step"] == "finished"
    assert demo.resolve(HELLO) == BIRCH
    for address in (BIRCH, AMBER):
        assert demo.fetch(HELLO, address).headers["cluster"] == "birch"
    demo.run("app", "move", "hello.ada", "--to", "amber")
    for address in (BIRCH, AMBER):
        assert demo.fetch(HELLO, address).headers["cluster"] == "amber"
    assert demo.run("app", "show", "hello.ada")["generation"] == 3


def test_without_directory_and_managers_names_and_apps_go_on(demo):
    """Promise 5, and a second start on the folder goes on where it was."""
    for name in ("directory", "manager-amber", "manager-birch"):
        os.killpg(demo.pids[name], signal.SIGKILL)
    assert demo.resolve(HELLO) == AMBER
    assert demo.fetch(HELLO).status_code == 200
    demo.end()
    demo.start()
    assert demo.fetch(HELLO).headers["cluster"] == "amber"
