"""What a test starts in a folder of its own: one command, and all that comes of it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from domicile.config import Address
from domicile.service.sockets import Protocol, open_for_workers

COMMAND = Path(sys.executable).with_name("domicile")
HOST_PORTS = (
    "dns", "http", "link", "directory", "manager", "directory_admin",
    "nameserver_admin", "manager_admin", "proxy_admin",
)  # fmt: skip


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


class Started:
    """A command that runs services in a folder, started and ended as its users do."""

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "data"
        self.ready = folder / "ready.json"
        self.log = folder / "log"
        self.started = []

    def command(self):
        raise NotImplementedError

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
            assert self.started[-1].poll() is None, self.log.read_text()
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
