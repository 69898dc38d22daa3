"""A demo of a test's own: its folder, its ports, its processes."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from domicile.config import Address
from domicile.service.sockets import Protocol, open_for_workers

COMMAND = Path(sys.executable).with_name("domicile")
HOSTS = {"amber": "127.0.0.11", "birch": "127.0.0.12"}
# Not express: npm would have to be waited for, again and again.
APPS = ("hello.ada", "upload.ada", "events.ada", "chat.bob", "site.bob")
PREFERS = {"amber": ["free"], "birch": ["pro"], "cedar": ["team"]}
DIRECTORY = (
    "nameserver",
    "nameserver_admin",
    "directory",
    "directory_admin",
    "customer_dns",
)
CLUSTER = ("manager", "manager_admin", "proxy", "link", "proxy_admin")


def free_ports(count):
    """Choose that many; all are held until the last is chosen, so none comes twice."""
    with contextlib.ExitStack() as held:
        ports = []
        for _ in range(count):
            both = (Protocol.TCP, Protocol.UDP)
            listeners = open_for_workers(Address("127.0.0.1", 0), 1, both)
            held.callback(listeners.close)
            ports.append(listeners.address.port)
        return ports


class Demo:
    """A demo in a folder, started and ended as its users do."""

    checkout = Path(__file__).parents[2]
    apps = APPS

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "data"
        self.config = folder / "demo.toml"
        self.ready = folder / "ready.json"
        self.log = folder / "log"
        self.started = []
        self.choose_ports()

    def choose_ports(self, hosts=HOSTS):
        """Write a plan with ports that nobody has."""
        ports = iter(free_ports(len(DIRECTORY) + len(hosts) * len(CLUSTER)))
        self.ports = {key: next(ports) for key in DIRECTORY}
        lines = [f"{key} = {port}" for key, port in self.ports.items()]
        for name, host in hosts.items():
            self.ports[name] = {key: next(ports) for key in CLUSTER}
            lines += ["[[clusters]]", f'name = "{name}"', f'host = "{host}"']
            lines += [f"prefers = {PREFERS[name]}"]
            lines += [f"{key} = {port}" for key, port in self.ports[name].items()]
        for app in APPS:
            name, owner = app.split(".")
            lines += ["[[apps]]", f'name = "{name}"', f'owner = "{owner}"']
        self.config.write_text("\n".join(lines))

    def command(self):
        return [
            COMMAND, "demo", "--data", self.data, "--config", self.config,
            "--ready-file", self.ready,
        ]  # fmt: skip

    def make_run(self):
        """Give `make run` with its options, without the set-up that tests have had."""
        options = shlex.join(map(str, self.command()[2:]))
        return [
            "make", "-C", self.checkout, "-o", ".venv/.run", "run", f"DEMO={options}",
            f"BIN={COMMAND.parent}",
        ]  # fmt: skip

    def start(self, *command):
        """Start it without a terminal or stdin, in a process group of its own."""
        with self.log.open("w") as log:
            process = subprocess.Popen(
                command or self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def wait_until_ready(self, process):
        while not self.ready.exists():
            assert process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        return json.loads(self.ready.read_text())["services"]

    def wait_for_line(self, text):
        while text not in self.log.read_text():
            time.sleep(0.05)

    def refused(self):
        """Start it where it cannot run; gives what it says."""
        ran = subprocess.run(
            self.command(), stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert ran.returncode == 1
        assert ran.stdout == ""
        return ran.stderr.splitlines()

    def left(self):
        """Give the processes that have to do with the folder."""
        return [each for each in psutil.process_iter() if self._concerns(each)]

    def wait_until_gone(self):
        while self.left():
            time.sleep(0.05)

    def _concerns(self, process):
        try:
            told = [*process.cmdline(), process.cwd()]
        except psutil.Error:
            return False
        mine = process.pid != os.getpid()
        return mine and any(str(self.folder) in each for each in told)

    def kill_what_is_left(self):
        for process in self.started:
            process.kill()
            process.wait()
        for each in self.left():
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGKILL)


@contextlib.contextmanager
def demo_in(folder):
    demo = Demo(folder)
    try:
        yield demo
    finally:
        demo.kill_what_is_left()


@pytest.fixture(scope="session")
def new_demo():
    """For those who need one in another way."""
    return demo_in


@pytest.fixture
def demo(tmp_path):
    with demo_in(tmp_path) as demo:
        yield demo
