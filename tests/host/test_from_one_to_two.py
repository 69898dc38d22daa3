"""The walk from one cluster to two: every line of the page runs, in its order."""

import os
import re
import shutil
import signal
import subprocess
import threading

import httpx
import pytest
from started import COMMAND, HOST_PORTS, Started, free_ports

from blocks import all_blocks

RUNS_PAGES = ("docs/from-one-cluster-to-two.md",)
HOST = "hello.ada.apps.example.com"
ENDS_WITHIN = 10

# The page's addresses, and those of the test.
FIRST, SECOND = "127.0.0.31", "127.0.0.32"
ADDRESSES = {
    "203.0.113.7": FIRST,
    "203.0.113.8": SECOND,
    "10.0.0.7": "127.0.0.33",
    "10.0.0.8": "127.0.0.34",
}
OF_SECOND = ("http", "link", "manager", "manager_admin", "proxy_admin")

pytestmark = [
    pytest.mark.skipif(not shutil.which(each), reason=f"{each} is not installed")
    for each in ("dig", "curl")
]


class Witness(threading.Thread):
    """A client who keeps the first host's address, whatever happens."""

    def __init__(self, url):
        super().__init__()
        self._url = url
        self._over = threading.Event()
        self.served = 0
        self.failures = []

    def run(self):
        while not self._over.wait(0.01):
            try:
                answer = httpx.get(self._url, headers={"Host": HOST}, timeout=20)
                answer.raise_for_status()
                assert answer.text == "hello from ada\n"
                self.served += 1
            except Exception as error:
                self.failures.append(repr(error))

    def end(self):
        self._over.set()
        self.join()


class Walk(Started):
    """Somebody who does what the page says, in a folder, at ports that nobody has."""

    def __init__(self, folder):
        super().__init__(folder)
        self.ports = dict(zip(HOST_PORTS, free_ports(len(HOST_PORTS)), strict=True))
        self.hosts = {}
        self.environment = dict(os.environ)
        self.umask = -1
        self.said = []
        self.witness = Witness(f"http://{FIRST}:{self.ports['http']}/")

    def go(self):
        for kind, text in all_blocks(*RUNS_PAGES):
            if kind == "toml":
                self._write(text)
                continue
            for line in text.splitlines():
                command, _, says = line.partition("#>")
                self._do(self._placed(command.strip()), self._placed(says.strip()))

    def _write(self, text):
        """Write a file that the page shows, with our ports and a folder of its own."""
        name = re.match(r"# (\S+)", text)[1]
        keys = OF_SECOND if "join" in text else HOST_PORTS
        text = self._placed(text).replace("data = ", f"{self._ports(keys)}data = ")
        if "join" in text:
            text = text.replace(str(self.data), str(self.folder / "second"))
        (self.folder / name).write_text(text)

    def _ports(self, keys):
        return "".join(f"{key} = {self.ports[key]}\n" for key in keys)

    def _placed(self, text):
        text = text.replace(":8444", f":{self.ports['link']}")
        text = text.replace("dig ", f"dig -p {self.ports['dns']} ")
        for ours, theirs in ADDRESSES.items():
            text = text.replace(
                f"http://{ours}/", f"http://{ours}:{self.ports['http']}/"
            )
            text = text.replace(ours, theirs)
        text = re.sub(r"^domicile ", f"{COMMAND} ", text)
        return text.replace("/var/lib/domicile", str(self.data))

    def _do(self, command, says):
        if " up " in command:
            self.up(command.split()[-1])
        elif command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.environment[name] = value
        elif command.startswith("umask "):
            self.umask = int(command.split()[1], 8)
        else:
            self._run(command, says)

    def _run(self, command, says):
        ran = subprocess.run(
            command, shell=True, cwd=self.folder, env=self.environment,
            umask=self.umask, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        # `domicile status` ends with 3 where it says that something is wrong.
        well = {0, 3} if command.endswith(" status") else {0}
        assert ran.returncode in well, (command, ran.stderr)
        assert says in ran.stdout, (command, ran.stdout)
        self.said.append((command, ran.stdout))
        if command.startswith("curl") and not self.witness.is_alive():
            self.witness.start()

    def up(self, config):
        """Start a host, and wait until it is ready."""
        self.ready.unlink(missing_ok=True)
        self.log = self.folder / f"{config}.log"
        told = ("up", "--config", config, "--ready-file", self.ready)
        self.hosts[config] = process = self.start(COMMAND, *told)
        self.wait_until_ready(process)

    def end(self, config):
        self.hosts[config].send_signal(signal.SIGTERM)
        return self.hosts[config].wait(ENDS_WITHIN)

    def fetch(self, address):
        url = f"http://{address}:{self.ports['http']}/"
        return httpx.get(url, headers={"Host": HOST}, timeout=20)


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walk")
    walk = Walk(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield walk
    if walk.witness.is_alive():
        walk.witness.end()
    walk.kill_what_is_left()


def test_each_line_does_what_it_says_and_no_request_fails(walk):
    walk.go()
    walk.witness.end()
    assert walk.witness.failures == []
    assert walk.witness.served > 50
    (status,) = [said for command, said in walk.said if "status" in command][1:]
    assert "no manager" not in status
    assert (walk.folder / "birch.json").stat().st_mode & 0o077 == 0


def test_the_second_host_starts_and_serves_without_the_first(walk):
    """With the app that lives there, and no directory to ask."""
    walk._run(f"{COMMAND} app move hello.ada --to birch", "finished")
    for config in walk.hosts:
        assert walk.end(config) == 0
    walk.up("birch.toml")
    assert walk.fetch(SECOND).text == "hello from ada\n"
    assert walk.end("birch.toml") == 0
    assert walk.left() == []
