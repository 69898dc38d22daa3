"""A demo of a test's own: its folder, its ports, its processes."""

import shlex
from pathlib import Path

import pytest
from started import COMMAND, Started, free_ports

HOSTS = {"amber": "127.0.0.11", "birch": "127.0.0.12"}
PREFERS = {"amber": ["free"], "birch": ["pro"], "cedar": ["team"]}
DIRECTORY = ("nameserver", "nameserver_admin", "directory", "directory_admin")
CLUSTER = ("manager", "manager_admin", "proxy", "link", "proxy_admin")


class Demo(Started):
    """A demo in a folder, started and ended as its users do."""

    checkout = Path(__file__).parents[2]

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


@pytest.fixture
def demo(tmp_path):
    demo = Demo(tmp_path)
    yield demo
    demo.kill_what_is_left()
