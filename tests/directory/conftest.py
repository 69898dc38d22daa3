import asyncio
import hashlib
from typing import NamedTuple

import httpx
import pytest

from domicile.config import Address
from domicile.directory import apps, journal
from domicile.directory.leadership import Leadership
from domicile.directory.main import serve
from domicile.directory.mover import Mover
from domicile.directory.settings import Settings
from domicile.model.feed import Ask, encode_ask
from domicile.model.moves import Report, Status
from domicile.model.records import App, Cluster, Owner, Placement, Residence
from domicile.model.zone_records import Zone
from domicile.service.admin import Admin
from domicile.service.sockets import open_alone
from domicile.store.bell import Bell
from domicile.store.store import Store

AMBER = {
    "name": "amber",
    "addresses": ["127.0.0.11"],
    "links": ["127.0.0.11:8444"],
    "prefers": ["free"],
}
RELEASE = b"release"


@pytest.fixture
async def store(tmp_path):
    store = await Store.open(tmp_path / "directory.db")
    yield store
    await store.close()


class Running(NamedTuple):
    """A directory that answers at `url`, and its operator's token."""

    url: str
    token: str

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        token = self.token if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=10)


@pytest.fixture
def listener():
    with open_alone(Address("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def resolvers():
    """The resolvers that the directory asks; those of the system are none for a test."""
    return ("127.0.0.1:9",)


@pytest.fixture
async def running(tmp_path, listener, resolvers):
    address = Address(*listener.getsockname())
    settings = Settings(
        data=str(tmp_path / "data"),
        listen=str(address),
        resolvers=resolvers,
        zones=(Zone("apps.test", {"ns1.apps.test": ("127.0.0.1",)}),),
    )
    end = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(settings, listener, end))
    url = f"http://{address}"
    async with httpx.AsyncClient(base_url=url, timeout=10) as client:
        # Connections wait in the listener's queue until it serves.
        first = asyncio.create_task(client.get("/v1/owners"))
        await asyncio.wait([first, serving], return_when=asyncio.FIRST_COMPLETED)
        assert not serving.done() or serving.result()
        assert (await first).status_code == 401
    yield Running(url, settings.read_operator_token())
    end.set_result(None)
    await serving


@pytest.fixture
async def operator(running):
    async with running.client() as client:
        yield client


@pytest.fixture
async def amber(running, operator):
    """A client with the token of the cluster amber."""
    answer = await operator.post("/v1/clusters", json=AMBER)
    async with running.client(answer.json()["token"]) as client:
        yield client


@pytest.fixture
async def ada(running, operator):
    """A client with the token of the owner ada, who has uploaded a release."""
    answer = await operator.post("/v1/owners", json={"name": "ada"})
    digest = hashlib.sha256(RELEASE).hexdigest()
    async with running.client(answer.json()["token"]) as client:
        taken = await client.put(f"/v1/blobs/{digest}", content=RELEASE)
        assert taken.status_code == 201, taken.text
        yield client


@pytest.fixture
async def ns1(running, operator):
    """A client with the token of the name server ns1."""
    answer = await operator.post("/v1/nameservers", json={"name": "ns1"})
    async with running.client(answer.json()["token"]) as client:
        yield client


class Outposts:
    """Admin listeners of followers that are not there; each tells a page of the test's."""

    def __init__(self):
        self.pages = {}
        self.servers = []

    async def open(self, path, page):
        """Open one, and give its address."""

        async def tell(query):
            self.pages.setdefault(path, []).append(query)
            return page

        listener = open_alone(Address("127.0.0.1", 0))
        self.servers.append(await Admin({path: tell}).serve(listener))
        return str(Address(*listener.getsockname()))


@pytest.fixture
async def outposts():
    outposts = Outposts()
    yield outposts
    for server in outposts.servers:
        server.close()
        await server.wait_closed()


@pytest.fixture
def follow():
    """Ask for the feed once, so that the directory knows who follows from where."""

    async def follow(client, name, kinds, admin="", cluster=""):
        ask = Ask(name, kinds, cluster=cluster, admin=admin)
        answer = await client.post("/v1/feed", content=encode_ask(ask))
        assert answer.status_code == 200, answer.text

    return follow


WANTED = apps.Wanted("0" * 64, "python app.py", {"SECRET": "s"})


class Hosting:
    """A directory with two clusters, and a mover that the test lets look."""

    def __init__(self, store, leadership):
        self.store = store
        self.leadership = leadership
        self.now = 1000.0
        store._clock = lambda: self.now
        self.acknowledged = True
        self.mover = self.new_mover()

    def new_mover(self):
        async def acknowledged(serial):
            return self.acknowledged

        bell = Bell()
        mover = Mover(self.store, self.leadership, acknowledged, bell, lambda: self.now)
        mover.wall = lambda: self.now
        return mover

    async def plan(self, planner, *arguments):
        async with self.store.transaction() as tx:
            return await planner(tx, *arguments)

    async def report(self, move, cluster, status, **more):
        report = Report(move.app, cluster, move.generation, status, **more)
        async with self.store.transaction() as tx:
            await journal.take_report(tx, report)

    async def settle(self):
        while await self.mover.look():
            pass

    async def deploy(self, name="hello", cluster="amber"):
        move = await self.plan(apps.plan_deployment, "ada", name, WANTED)
        await self.settle()
        await self.report(move, cluster, Status.SERVING)
        await self.settle()
        return move

    async def app(self):
        async with self.store.reading() as reading:
            return await apps.find_app(reading, "hello.ada")

    async def step(self, move):
        async with self.store.reading() as reading:
            entry = await journal.move_by_id(reading, move.id)
        return entry.move.step

    async def residences(self, app):
        async with self.store.reading() as reading:
            found = await reading.all(Residence)
        return {
            each.cluster: (each.state, each.to, each.generation)
            for each in found
            if each.app == app
        }

    async def placement(self, app):
        async with self.store.reading() as reading:
            found = await reading.get(Placement, app)
            known = await reading.get(App, app)
        if found is not None:
            named = (known.name, known.owner, known.zone)
            assert (found.name, found.owner, found.zone) == named
        return found and (found.cluster, found.generation)


@pytest.fixture
async def hosting(store):
    async with store.transaction() as tx:
        await tx.put(Owner("ada", "apps.test", "free"))
        await tx.put(Cluster("amber", ("127.0.0.11",), (), ("free",)))
        await tx.put(Cluster("birch", ("127.0.0.12",), (), ("pro",)))
    leadership = Leadership(store, clock=lambda: 0.0)
    await leadership.look()
    return Hosting(store, leadership)
