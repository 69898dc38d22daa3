"""A name server under load loses its workers, its follower, its replica, its directory.

Names are made, moved and deleted all the while. No answer is wrong: what may be said, and
what counts as no answer, is in `clients`. Every question gets an answer in the end.
"""

import itertools
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
from changing_directory import TOKEN, Directory, History
from clients import Client, Flood, StreamClient

from domicile.model.ids import new_id
from domicile.model.records import Cluster, Owner, Placement, Zone

ZONE = "apps.test"
CLUSTERS = {f"cluster-{n}": f"127.0.1.{n}" for n in range(1, 9)}
CHILDREN = {"follower", "worker-1", "worker-2"}
COMMAND = Path(sys.executable).with_name("domicile")
APPS = 40
MOST_LOST_SHARE = 0.05
LAST = 2000


class Changer(threading.Thread):
    """Makes, moves, renames and deletes apps, and notes what each name then stands for."""

    def __init__(self, directory, history):
        super().__init__()
        self._directory = directory
        self._history = history
        self._over = threading.Event()
        self._may_change = threading.Lock()
        self._turns = itertools.cycle(CLUSTERS)
        self._apps = {}
        self.changes = 0

    def begin(self):
        """Have everything there once, before anybody asks."""
        records = [Zone(ZONE, {f"ns1.{ZONE}": ("127.0.0.1",)})]
        records += [Owner("ada", ZONE, "free")]
        records += [Cluster(name, (at,), ()) for name, at in CLUSTERS.items()]
        apps = [
            Placement(new_id(), next(self._turns), 1, f"app{n}", "ada", ZONE)
            for n in range(APPS)
        ]
        self._commit([*records, *apps])

    def _commit(self, records, deleted=()):
        """Write records, and have apps of them in the place of what was deleted."""
        apps = [each for each in records if isinstance(each, Placement)]
        known = [self._apps[each.app] for each in apps if each.app in self._apps]
        stands = {host: None for app in [*known, *deleted] for host in hosts_of(app)}
        for app in apps:
            stands |= dict.fromkeys(hosts_of(app), CLUSTERS[app.cluster])
        self._history.begin(stands)
        self._directory.write(records, [(Placement, app.app) for app in deleted])
        self._history.finish(stands)
        self._apps |= {app.app: app for app in apps}
        for app in deleted:
            del self._apps[app.app]

    def run(self):
        numbers = itertools.count(APPS)
        while not self._over.wait(0.02):
            with self._may_change:
                kind = self.changes % 8
                app = list(self._apps.values())[self.changes * 7 % len(self._apps)]
                if kind < 5:
                    self._replace(app, generation=app.generation + 1)
                elif kind == 5:
                    self._replace(app, name=f"app{next(numbers)}")
                elif kind == 6:
                    self._commit((), [app])
                else:
                    self._make(f"app{next(numbers)}")
                self.changes += 1

    def _replace(self, app, generation=None, name=None):
        cluster = next(self._turns) if generation else app.cluster
        changed = Placement(
            app.app, cluster, generation or app.generation, name or app.name, "ada",
            ZONE,
        )  # fmt: skip
        self._commit([changed])

    def _make(self, name):
        self._commit([Placement(new_id(), next(self._turns), 1, name, "ada", ZONE)])

    def pause(self):
        """Have nothing change while this is held."""
        return self._may_change

    def end(self):
        self._over.set()
        self.join()


def hosts_of(app):
    dotted = f"{app.name}.{app.owner}.{app.zone}"
    return dotted, dotted.replace(".", "--", 1), f"{app.app}.{app.zone}"


class NameServer:
    """A name server's processes, with two workers."""

    def __init__(self, folder, url, ports):
        self.place, admin = ("127.0.0.1", ports[0]), ports[1]
        self.replica = folder / "replica"
        self.log = folder / "log"
        self._admin = f"http://127.0.0.1:{admin}"
        (folder / "token").write_text(f"{TOKEN}\n")
        (folder / "nameserver.toml").write_text(
            f'name = "ns1"\ndirectory = "{url}"\ntoken_file = "{folder}/token"\n'
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


def wait_until(holds, seconds=40):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.02)


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
def load(server, changer, history):
    """Clients of both transports, and a flood, until the test ends."""
    clients = [Client(server.place, history, seed) for seed in range(4)]
    clients += [StreamClient(server.place, history, 9), Flood(server.place, ZONE)]
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
    server, directory, changer, load, history, figure
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
    news = [Client(server.place, history, seed, kept=False) for seed in range(10, 12)]
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
    figure("changes under load", changer.changes)
    figure(
        "answers, none wrong / of one behind", (right, sum(c.stale for c in clients))
    )
    figure(
        "no answer: unsure / silent",
        (sum(c.unsure for c in clients), sum(c.silent for c in clients)),
    )
    figure("flood: sent / denied / unsure", (flood.sent, flood.denied, flood.unsure))
