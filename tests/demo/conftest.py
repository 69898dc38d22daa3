"""A demo of a test's own: its folder, its ports, its processes."""

import contextlib
import shlex
from pathlib import Path

import pytest
from started import COMMAND, Started, free_ports

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


class Demo(Started):
    """A demo in a folder, started and ended as its users do."""

    checkout = Path(__file__).parents[2]
    apps = APPS

    def __init__(self, folder):
        super().__init__(folder)
        self.config = folder / "demo.toml"
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
