"""A name server under load loses its workers, its follower, its replica, its directory.

Names of three zones, one within another and one that is signed, are made, moved and
deleted all the while. No answer is wrong: what may be said, and what counts as no
answer, is in `clients`. Every question gets an answer in the end.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from changing_apps import DOMAINS, PLAIN, Changer
from changing_directory import TOKEN, Directory, History
from clients import Client, Flood, StreamClient
from waiting import wait_until
from zonekeys import SEALING_KEY

from domicile.model.sealing import sealing_key_to_text

CHILDREN = {"follower", "worker-1", "worker-2"}
COMMAND = Path(sys.executable).with_name("domicile")
MOST_LOST_SHARE = 0.05
LAST = 2000


class NameServer:
    """A name server's processes, with two workers."""

    def __init__(self, folder, url, ports):
        self.place, admin = ("127.0.0.1", ports[0]), ports[1]
        self.replica = folder / "replica"
        self.log = folder / "log"
        self._admin = f"http://127.0.0.1:{admin}"
        (folder / "token").write_text(f"{TOKEN}\n")
        (folder / "sealing.key").write_text(sealing_key_to_text(SEALING_KEY))
        (folder / "nameserver.toml").write_text(
            f'name = "ns1"\ndirectory = "{url}"\ntoken_file = "{folder}/token"\n'
            f'sealing_key_file = "{folder}/sealing.key"\n'
            f'data = "{self.replica}"\nlisten = ["127.0.0.1:{ports[0]}"]\n'
            f'admin = "127.0.0.1:{admin}"\nworkers = 2\n'
        )
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [COMMAND, "nameserver", "--config", folder / "nameserver.toml"],
                stderr=log, stdout=log,
            )  # fmt: skip

    def end(self):
        self._process.terminate()
        assert self._process.wait(20) == 0

    def children(self):
        found = {}
        for child in psutil.Process(self._process.pid).children():
            try:
                if child.status() != psutil.STATUS_ZOMBIE:
                    found[child.name()] = child
            except psutil.NoSuchProcess:
                continue
        return found

    def child(self, name):
        wait_until(lambda: name in self.children())
        return self.children()[name]

    def kill(self, name):
        """Kill a child, and wait for another in its place."""
        victim = self.child(name)
        victim.kill()
        wait_until(lambda: self.children().get(name, victim) != victim)

    def is_well(self):
        try:
            return httpx.get(f"{self._admin}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def hung(self):
        """Whether its log says that a child hangs."""
        return '"event": "hangs"' in self.log.read_text()

    def copy(self):
        current = self.replica / "current"
        return current.readlink() if current.is_symlink() else None


@pytest.fixture
def history():
    return History()


@pytest.fixture
def ports(free_ports):
    return free_ports(3)


@pytest.fixture
def directory(tmp_path, ports):
    directory = Directory(tmp_path / "directory", ports[2])
    directory.start()
    yield directory
    directory.stop()


@pytest.fixture
def changer(directory, history):
    changer = Changer(directory, history)
    changer.begin()
    yield changer
    changer.end()


@pytest.fixture
def server(tmp_path, directory, changer, ports):
    (tmp_path / "nameserver").mkdir()
    server = NameServer(tmp_path / "nameserver", directory.url, ports)
    try:
        wait_until(server.is_well)
        yield server
    finally:
        server.end()


@pytest.fixture
def asked(server, changer, history):
    """Where, and about what, clients ask."""
    zones = [each.zone for each in DOMAINS]
    return {
        "place": server.place, "history": history, "zones": zones,
        "keys": changer.keys(),
    }  # fmt: skip


@pytest.fixture
def load(server, changer, asked):
    """Clients of both transports, and a flood, until the test ends."""
    clients = [Client(**asked, seed=seed) for seed in range(4)]
    clients += [StreamClient(**asked, seed=9), Flood(server.place, PLAIN.zone)]
    for each in [changer, *clients]:
        each.start()
    yield clients
    for each in clients:
        each.end()
    changer.end()


def kill_workers_and_follower(server):
    for name in ("worker-1", "follower", "worker-2", "follower"):
        server.kill(name)
        time.sleep(0.5)


def remove_the_replica(server):
    """Remove all of it, then who wrote it and one of those who read it.

    The other worker is to learn from a follower that knows nothing of what it has open.
    """
    removed = server.copy()
    shutil.rmtree(server.replica)
    wait_until(lambda: server.copy() not in {None, removed})
    for name in ("worker-1", "follower"):
        server.kill(name)
        time.sleep(0.5)
    wait_until(server.is_well)


def cut_the_replica(server):
    damaged = server.copy()
    file = server.replica / damaged / "data.mdb"
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)
    wait_until(lambda: server.copy() not in {None, damaged})
    wait_until(server.is_well)


def take_the_directory_away(server, directory, changer, load):
    """Long enough to be behind; and one worker hangs meanwhile."""
    hanging = server.child("worker-1")
    with changer.pause():
        hanging.suspend()
        directory.stop()
        wait_until(lambda: not server.is_well())
        stale = [each.stale for each in load[:-1]]
        wait_until(lambda: sum(each.stale for each in load[:-1]) > sum(stale) + 100)
        server.kill("worker-2")
        directory.start()
    wait_until(server.is_well)
    wait_until(lambda: not hanging.is_running())
    assert server.hung()


def test_no_answer_is_wrong_whatever_dies_under_it(
    server, directory, changer, load, asked, figure
):
    kill_workers_and_follower(server)
    cut_the_replica(server)
    take_the_directory_away(server, directory, changer, load)
    remove_the_replica(server)
    wait_until(lambda: set(server.children()) == CHILDREN)
    # Longer than what any of them heard last may count as news.
    time.sleep(6)
    # Who asks from now on is told by all what is so, and by none that it may not be.
    rights = [each.right for each in load[:-1]]
    news = [Client(**asked, seed=seed, kept=False) for seed in range(10, 12)]
    for each in news:
        each.start()
    wait_until(lambda: all(each.right + len(each.wrong) > LAST for each in news))
    changer.end()
    for each in [*news, *load]:
        each.end()
    load += news
    flood, clients = load[5], [*load[:5], *load[6:]]
    assert [each.crashed for each in clients] == [None] * len(clients)
    assert [wrong for each in load for wrong in each.wrong] == []
    assert [(each.stale, each.unsure) for each in news] == [(0, 0)] * len(news)
    assert [name for each in clients for name in each.unanswered] == []
    assert all(c.right > n for c, n in zip(clients, rights, strict=False))
    assert flood.denied > 0
    right = sum(each.right for each in clients)
    lost = sum(each.unsure + each.silent for each in clients)
    assert lost < MOST_LOST_SHARE * right
    assert all(each.proved and each.disproved for each in clients)
    proved = sum(each.proved for each in clients)
    disproved = sum(each.disproved for each in clients)
    unproved = sum(each.unproved for each in clients)
    assert unproved < MOST_LOST_SHARE * (proved + disproved)
    figure("changes under load", changer.changes)
    figure(
        "answers, none wrong / of one behind", (right, sum(c.stale for c in clients))
    )
    figure("validated: yes / no", (proved, disproved))
    figure("no answer to who validates", unproved)
    figure(
        "no answer: unsure / silent",
        (sum(c.unsure for c in clients), sum(c.silent for c in clients)),
    )
    figure("flood: sent / denied / unsure", (flood.sent, flood.denied, flood.unsure))
