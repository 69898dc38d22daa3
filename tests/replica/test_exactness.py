"""Promise 6: a replica is exact, whatever happens to the store, the feed and the network.

A real store, its feed and real followers; between them a network that loses, cuts,
doubles and delays answers. At every moment a replica is the store as it was at some
serial of some history, of the asked kinds and cluster, and nothing else; and once the
network is well again it is the store as it is.
"""

import asyncio
import random
import shutil
import sqlite3
import tempfile
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from domicile.model.changes import NO_CHAIN
from domicile.model.feed import Ask, decode_ask
from domicile.model.records import (
    KINDS,
    LOSS,
    Cluster,
    Consent,
    Owner,
    Placement,
    Residence,
    ResidenceState,
    decode,
)
from domicile.replica.follower import Follower, Source
from domicile.replica.replica import Replica
from domicile.store.compaction import compact
from domicile.store.feed import Feed
from domicile.store.schema import records
from domicile.store.store import Store

NAMES = st.sampled_from("abcdefgh")
CLUSTERS = st.sampled_from(["amber", "birch"])


def residence(app, cluster, state, hosts):
    """No two apps have a host at once."""
    names = tuple(f"{app}{number}.test" for number in hosts)
    return Residence(app, cluster, 1, state, hosts=names)


def placement(app, cluster, name, named):
    """An app has a name of its own, or another of them, or none."""
    given = f"{name}{app}" if named else ""
    return Placement(app, cluster, 1, given, "ada", "apps.test")


RECORDS = st.one_of(
    st.builds(Owner, NAMES, st.just("apps.test"), st.sampled_from(["free", "pro"])),
    st.builds(
        placement, NAMES, CLUSTERS, st.sampled_from(["shop", "blog"]), st.booleans()
    ),
    st.builds(Cluster, CLUSTERS, st.just(("127.0.0.1",)), st.just(())),
    st.builds(
        residence, NAMES, CLUSTERS, st.sampled_from(list(ResidenceState)),
        st.sets(st.integers(1, 2)),
    ),
)  # fmt: skip
WRITES = st.lists(st.tuples(RECORDS, st.booleans()), min_size=1, max_size=12)

EXAMPLES = 80

# What is tried here is not the disk, which would take most of the time.
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None

ASKS = (
    Ask("ns", ("owner", "placement", "cluster", "consent")),
    Ask("manager", ("residence", "cluster", "consent"), cluster="amber"),
    Ask("everything", tuple(KINDS), cluster="birch"),
)


class Network(httpx.AsyncBaseTransport):
    """Carries a question to the feed, and what is left of the answer back.

    `spoil` makes of the answers so far, the one that was just given last, what arrives.
    """

    def __init__(self, world):
        self._world = world
        self._answers = []
        self.spoil = None

    async def handle_async_request(self, request):
        ask = decode_ask(await request.aread())
        pieces = [piece async for piece in self._world.feed.answer(ask)]
        self._answers.append(b"".join(pieces))
        arrives = self.spoil(self._answers) if self.spoil else self._answers[-1]
        if arrives is None:
            raise httpx.ReadTimeout("lost")
        return httpx.Response(200, content=arrives)


def cut(share):
    return lambda answers: answers[-1][: int(share * len(answers[-1]))]


def late(back):
    return lambda answers: answers[max(0, len(answers) - 1 - back)]


SPOILS = st.one_of(
    st.floats(0, 0.999).map(cut),
    st.integers(1, 6).map(late),
    st.just(lambda answers: answers[-1] * 2),
    st.just(lambda _: None),
)


class Here:
    """One follower, its replica and its network."""

    def __init__(self, world, ask):
        self._world = world
        self._ask = ask
        self._folder = world.folder / ask.follower
        self.network = Network(world)
        self.packed = None
        self.open()

    def open(self):
        self.replica = Replica.open_to_follow(self._folder)
        self.follower = Follower(self.replica, Source("http://feed", ""), self._ask)

    def crash(self):
        """Nothing is left but what is on the disk."""
        self.packed = None
        self.replica.close()
        self.open()

    def pack(self):
        """Begin to pack its copy, or have what was begun take its place."""
        if self.packed is not None:
            self.replica.end_packing(self.packed)
            self.packed = None
        elif self.replica.current_name():
            with self.replica.view() as view:
                self.packed = self.replica.begin_packing()
                self.packed.fill(view)

    async def step(self, spoil=None):
        self._world.counts["answers spoilt" if spoil else "answers taken in"] += 1
        self.network.spoil = spoil
        async with httpx.AsyncClient(
            transport=self.network, base_url="http://feed", trust_env=False
        ) as client:
            await self.follower.step(client)
            await self.follower._audit.end()

    def held_back(self):
        return self.follower.trouble.startswith("HeldBack")

    def state(self):
        """Give serial, chain and records, each found by its key and its index keys."""
        with self.replica.view() as view:
            found = {}
            for kind in KINDS.values():
                for record in view.all(kind):
                    assert view.get(kind, record.key) == record
                    found[kind.kind, record.key] = record
                    for key in record.index_keys:
                        assert key in view.find(kind, key).index_keys
                    for key, entry in record.entries.items():
                        assert view.find_entry(kind, key) == entry
                assert view.count(kind) == len(list(view.all(kind)))
            return view.serial, view.chain, found

    def concerns(self, kind, scope):
        return kind in self._ask.kinds and scope in {"", self._ask.cluster}


class World(RuleBasedStateMachine):
    template: Path
    counts: dict[str, int]

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp(prefix="domicile-exact-", dir=IN_MEMORY))
        self.path = self.folder / "store.db"
        self.backup = self.folder / "backup.db"
        shutil.copy(self.template, self.path)
        shutil.copy(self.template, self.backup)
        self.runner = asyncio.Runner()
        self.history = {(0, NO_CHAIN): {}}
        self.consents = 0
        self.run(self.open_store())
        self.here = [Here(self, ask) for ask in ASKS]

    def run(self, work):
        return self.runner.run(work)

    async def open_store(self):
        self.store = await Store.open(self.path)
        self.feed = await Feed.open(self.store)

    async def note(self):
        """Remember what the store holds, by how it came there."""
        async with self.store.reading() as reading:
            head = await reading.head()
            rows = (await reading.execute(records.select())).all()
        self.history[head] = {
            (row.kind, row.key): (row.scope, decode(row.kind, row.value))
            for row in rows
        }

    @rule(writes=WRITES)
    def write(self, writes):
        async def work():
            async with self.store.transaction() as tx:
                for record, deleted in writes:
                    if deleted:
                        await tx.delete(type(record), record.key)
                    else:
                        await tx.put(record)
            await self.note()

        self.run(work())

    @rule(kept=st.integers(0, 8))
    def forget_changes(self, kept):
        self.run(compact(self.store, self.feed, kept, most=kept + 8))

    @rule()
    def back_up(self):
        with sqlite3.connect(self.path) as source, sqlite3.connect(self.backup) as copy:
            source.backup(copy)

    @rule()
    def restore(self):
        """What was acknowledged since is gone, and its serials come again."""
        self.run(self.replace_store(self.backup))

    @rule()
    def lose_everything(self):
        """Somebody configured an empty database."""
        self.run(self.replace_store(self.template))

    async def replace_store(self, other):
        await self.store.close()
        for left in self.folder.glob("store.db*"):
            left.unlink()
        shutil.copy(other, self.path)
        await self.open_store()

    @rule(who=st.integers(0, 2), times=st.integers(1, 3))
    def follow(self, who, times):
        for _ in range(times):
            self.run(self.here[who].step())

    @rule(who=st.integers(0, 2), spoil=SPOILS)
    def follow_over_a_bad_network(self, who, spoil):
        self.run(self.here[who].step(spoil))

    @rule(who=st.integers(0, 2))
    def pack(self, who):
        self.here[who].pack()
        self.counts["packings begun or ended"] += 1

    @rule(who=st.integers(0, 2))
    def crash(self, who):
        self.here[who].crash()
        self.counts["crashes"] += 1

    @rule(who=st.integers(0, 2))
    def settle(self, who):
        """With a network that is well, it comes to what the store holds."""
        self.run(self.catch_up(self.here[who]))

    async def catch_up(self, here):
        for _ in range(8):
            await here.step()
            if here.held_back():
                await self.consent(here)
            elif here.state()[:2] == await self.store.head():
                return
        raise AssertionError(f"it does not catch up: {here.follower.trouble}")

    async def consent(self, here):
        self.counts["shrinkings held back"] += 1
        with here.replica.view() as view:
            chain = view.chain
        self.consents += 1
        async with self.store.transaction() as tx:
            await tx.put(Consent(LOSS, self.consents, {"it": chain}))
        await self.note()

    @invariant()
    def every_replica_is_the_store_of_some_serial(self):
        for here in getattr(self, "here", ()):
            serial, chain, found = here.state()
            of_then = self.history[serial, chain]
            assert found == {
                key: record
                for key, (scope, record) in of_then.items()
                if here.concerns(key[0], scope)
            }
            assert not here.replica.damage()[0]

    def teardown(self):
        if not hasattr(self, "runner"):
            return
        for here in getattr(self, "here", ()):
            self.run(self.catch_up(here))
            here.replica.close()
        self.run(self.store.close())
        self.runner.close()
        shutil.rmtree(self.folder)


@pytest.fixture
def world(tmp_path, monkeypatch):
    """The machine, with an empty store to begin each run from."""
    monkeypatch.setattr("domicile.store.feed.POLL_SECONDS", 0.0)
    path = tmp_path / "template.db"

    async def make():
        await (await Store.open(path)).close()

    asyncio.run(make())
    names = (
        "answers taken in", "answers spoilt", "crashes", "shrinkings held back",
        "packings begun or ended",
    )  # fmt: skip
    return type("Run", (World,), {"template": path, "counts": dict.fromkeys(names, 0)})


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_replica_is_exact_whatever_happens(world, effort, figure):
    examples = EXAMPLES * effort
    random.seed(1)
    run_state_machine_as_test(
        world,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=effort == 1,
            print_blob=True,
        ),
    )
    counted = ", ".join(f"{count} {what}" for what, count in world.counts.items())
    figure("feeds and replicas", f"{examples} histories, {counted}")
