"""A demo whose services reach each other through relays only."""

import contextlib
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from relay import Network
from waiting import wait_until

from domicile.model.records import decode
from domicile.replica.replica import Replica

SEED = 20


class Relayed:
    """A demo, and the relay of each way: `names` for DNS, `feed[service]`, `link[to]`."""

    def __init__(self, demo, network):
        self.demo = demo
        self.network = network
        ports = demo.ports
        directory = ("127.0.0.1", ports["directory"])
        nameserver = ("127.0.0.1", ports["nameserver"])
        self.names = network.udp(nameserver, SEED)
        self.names_tcp = network.tcp(nameserver)
        self.directory = network.tcp(directory)
        self.feed = {"nameserver": network.tcp(directory)}
        self.link = {}
        for cluster in ("amber", "birch"):
            host, _ = demo.place(cluster)
            manager = (host, ports[cluster]["manager"])
            self.feed[f"manager-{cluster}"] = network.tcp(directory)
            self.feed[f"proxy-{cluster}"] = network.tcp(manager)
            self.link[cluster] = network.tcp((host, ports[cluster]["link"]))
        self._interpose()

    def _interpose(self):
        """Have every service know the relay in the place of whom it leads to."""
        self.demo.kill(*self.feed)
        for name, relay in self.feed.items():
            config = Path(self.demo.services[name]["config"])
            text = config.read_text()
            host, port = relay.target
            assert f'"http://{host}:{port}"' in text
            config.write_text(text.replace(f'"http://{host}:{port}"', f'"{relay.url}"'))
        for cluster, relay in self.link.items():
            record = self.demo.api("GET", f"/clusters/{cluster}").json()
            record["links"] = [relay.address]
            self.demo.api("PUT", f"/clusters/{cluster}", record).raise_for_status()
        self.demo.restart(*self.feed)
        for name in self.feed:
            wait_until(lambda name=name: self.is_well(name))

    def relays(self):
        return [
            self.names_tcp,
            self.directory,
            *self.feed.values(),
            *self.link.values(),
        ]

    def heal(self):
        for relay in self.relays():
            for way in (relay.up, relay.down):
                way.delay, way.rate, way.left = 0.0, float("inf"), None
            relay.heal()
        for weather in (self.names.up, self.names.down):
            weather.loss = weather.double = weather.late = weather.delay = 0.0
        for name in self.feed:
            wait_until(lambda name=name: self.is_well(name))

    def admin(self, name):
        """Give the URL of a service's admin listener."""
        service, _, cluster = name.partition("-")
        host = self.demo.place(cluster)[0] if cluster else "127.0.0.1"
        ports = self.demo.ports[cluster] if cluster else self.demo.ports
        return f"http://{host}:{ports[f'{service}_admin']}"

    def is_well(self, name):
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.admin(name)}/healthz").status_code == 200
        return False

    def metric(self, name, metric):
        lines = httpx.get(f"{self.admin(name)}/metrics").text.splitlines()
        full = f"domicile_{name.partition('-')[0]}_{metric}"
        (value,) = [line.split()[-1] for line in lines if line.startswith(full + " ")]
        return float(value)

    def is_behind(self, name):
        return self.metric(name, "behind") == 1

    # What is stored, and what of it has arrived

    def store_of(self, name):
        """Give the database that a service follows."""
        service, _, cluster = name.partition("-")
        if service == "proxy":
            return self.demo.data / cluster / "manager" / "cluster.db"
        return self.demo.data / "directory" / "directory.db"

    def replica_of(self, name):
        service, _, cluster = name.partition("-")
        part = {"nameserver": "", "proxy": "replica", "manager": "directory"}[service]
        return self.demo.data / cluster / service / part

    def head_serial(self, name):
        return head_of(self.store_of(name))[0]

    def has_all(self, name):
        return head_of(self.store_of(name)) == head_of_replica(self.replica_of(name))


def head_of(store):
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        return database.execute("select serial, chain from head").fetchone()


def head_of_replica(folder):
    replica = Replica.open(folder)
    with closing(replica), replica.view() as view:
        return view.serial, view.chain


def stored(store, kinds, cluster=""):
    """Read what a follower of those kinds shall have, straight from the database."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        rows = database.execute("select kind, scope, value from records").fetchall()
    found = [
        decode(kind, value)
        for kind, scope, value in rows
        if kind in kinds and scope in ("", cluster)
    ]
    return sorted(found, key=lambda record: (record.kind, record.key))


def replicated(folder, kinds):
    replica = Replica.open(folder)
    with closing(replica), replica.view() as view:
        found = [record for kind in kinds for record in view.all(kind)]
    return sorted(found, key=lambda record: (record.kind, record.key))


@pytest.fixture(scope="package")
def relayed(running_demo, tmp_path_factory):
    with Network() as network, running_demo(tmp_path_factory.mktemp("demo")) as demo:
        yield Relayed(demo, network)


@pytest.fixture
def bad(relayed):
    """The relayed demo, whose network a test may spoil: it is healed afterwards."""
    yield relayed
    relayed.heal()


@pytest.fixture(scope="package")
def stage(relayed):
    """The host of the stage, which has left amber for birch."""
    host = relayed.demo.deploy("stage.ada")
    relayed.demo.move("stage.ada", "birch")
    return host


@pytest.fixture(scope="session")
def compare():
    """Say that a replica has just the records of the store, kind by kind."""

    def check(store, folder, kinds, cluster=""):
        names = [kind.kind for kind in kinds]
        expected = stored(store, names, cluster)
        assert replicated(folder, kinds) == expected
        assert head_of_replica(folder) == head_of(store)
        return len(expected)

    return check
