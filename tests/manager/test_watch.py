"""Real servers that end, fall deaf, or are joined by others at their port."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from domicile.config import Address
from domicile.manager.watch import Watch, holders_at
from domicile.runtime import processes
from domicile.runtime.ports import free_port

# Listens, with so many children; SIGUSR1 closes the socket, SIGUSR2 shuts it down.
SERVER = """
import os, signal, socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
signal.signal(signal.SIGUSR1, lambda *_: server.close())
signal.signal(signal.SIGUSR2, lambda *_: server.shutdown(socket.SHUT_RDWR))
for _ in range(int(sys.argv[2])):
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        while True: signal.pause()
print(os.getpid(), flush=True)
while True: signal.pause()
"""
PATIENCE = 20
A_WHILE = 1.5  # longer than three looks


class App:
    """A server that is watched."""

    def __init__(self, folder, workers=0):
        (folder / "server.py").write_text(SERVER)
        self.endpoint = Address("127.0.0.1", free_port())
        self.log = folder / "log"
        command = f"exec {sys.executable} server.py {self.endpoint.port} {workers}"
        order = processes.Start("app-1", command, folder, self.log, 0)
        self.process = processes.start(order, folder / "run")
        while len(self.pids()) <= workers:
            pass

    def pids(self):
        return (
            [int(x) for x in self.log.read_text().split()] if self.log.exists() else []
        )

    def signal(self, number, pid=0):
        os.kill(pid or self.process.record.pid, number)

    def lost(self, watch):
        return asyncio.create_task(watch.until_lost(self.process, self.endpoint))


@pytest.fixture
async def start(tmp_path):
    yield lambda workers=0: App(tmp_path, workers)
    await processes.sweep(tmp_path / "run", grace=0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGUSR1, signal.SIGUSR2])
async def test_who_ends_or_listens_no_more_is_lost(start, number):
    app = start()
    lost = app.lost(Watch())
    assert not (await asyncio.wait([lost], timeout=A_WHILE))[0]
    app.signal(number)
    await asyncio.wait_for(lost, PATIENCE)
    assert holders_at(app.process, app.endpoint) == ()


async def test_the_end_of_a_process_is_told_and_not_looked_for(start, monkeypatch):
    monkeypatch.setattr("domicile.manager.watch._LOOK_SECONDS", 3600.0)
    app = start()
    lost = app.lost(Watch())
    await asyncio.sleep(0)
    app.signal(signal.SIGKILL)
    await asyncio.wait_for(lost, PATIENCE)


async def test_who_is_joined_at_its_port_by_another_is_lost(start):
    """Else the kernel would give that one a part of its connections."""
    app = start()
    lost = app.lost(Watch())
    await asyncio.sleep(0)
    with socket.create_server(app.endpoint, reuse_port=True):
        await asyncio.wait_for(lost, PATIENCE)
        assert holders_at(app.process, app.endpoint) == ()
    assert holders_at(app.process, app.endpoint)


async def test_workers_may_come_and_go_while_one_listens(start):
    """Also the first of them, which was the one that was watched."""
    app = start(workers=2)
    lost = app.lost(Watch())
    master = app.process.record.pid
    first, last = (pid for pid in app.pids() if pid != master)
    for pid in (master, first):
        app.signal(signal.SIGKILL, pid)
        assert not (await asyncio.wait([lost], timeout=A_WHILE))[0]
    app.signal(signal.SIGKILL, last)
    await asyncio.wait_for(lost, PATIENCE)


async def test_who_never_listened_there_is_lost_at_once(start):
    app = start()
    other = Address("127.0.0.1", free_port())
    await asyncio.wait_for(Watch().until_lost(app.process, other), PATIENCE)


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_nothing_is_left_open(start):
    app = start()
    lost = app.lost(Watch())
    await asyncio.sleep(0.1)
    during = descriptors()
    lost.cancel()
    await asyncio.wait([lost])
    assert descriptors() == during - 1
