"""Followers behind a bad network: their replicas are exact, and they serve on."""

import asyncio
import itertools
import random
from contextlib import asynccontextmanager

import dns.message
import pytest
from waiting import wait_until

from domicile.model.feed import Ask
from domicile.model.records import (
    Authority,
    Cluster,
    Endpoint,
    Owner,
    Placement,
    Residence,
)
from domicile.model.zone_records import Zone
from domicile.replica.follower import Follower, Source
from domicile.replica.replica import Replica

NAMES = (Zone, Owner, Placement, Cluster)
SERVING = (Residence, Endpoint, Cluster, Authority)
HELLO = "hello.ada.apps.test"
UPLOAD = "upload.ada.apps.test"
FRESH_OWNERS = (f"fresh-{number}" for number in itertools.count())


class Second:
    """A second name server's follower, in this process, behind a relay of its own."""

    def __init__(self, relayed, folder):
        self.relayed = relayed
        self.store = relayed.store_of("nameserver")
        self.folder = folder
        access = relayed.demo.api("POST", "/nameservers", {"name": "ns2"})
        self.source = Source(relayed.directory.url, access.json()["token"])

    @asynccontextmanager
    async def following(self, name, history=None):
        """Follow into a replica of that name; `history` is whose it was before."""
        replica = Replica.open(self.folder / name, writable=True)
        if history:
            replica.apply([], 1, history)
        ask = Ask("ns2", tuple(kind.kind for kind in NAMES))
        follower = Follower(replica, self.source, ask)
        task = asyncio.create_task(follower.run())

        async def until_all_is_there():
            while replica.serial() != self.relayed.head_serial("nameserver"):
                await asyncio.sleep(0.01)

        try:
            yield follower, until_all_is_there
        finally:
            task.cancel()
            await asyncio.wait([task])
            replica.close()


def add_owners(demo, count):
    for name in itertools.islice(FRESH_OWNERS, count):
        answer = demo.api("POST", "/owners", {"name": name, "plan": "free"})
        answer.raise_for_status()


@pytest.fixture
def second(bad, tmp_path):
    return Second(bad, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("way", ["down", "up"])
@pytest.mark.parametrize("reset", [False, True])
async def test_a_feed_cut_at_any_byte_is_taken_up_where_it_was(
    second, compare, effort, figure, way, reset
):
    relay, chance = second.relayed.directory, random.Random(3)
    async with second.following("ns2") as (follower, until_all_is_there):
        await until_all_is_there()
        for _ in range(8 * effort):
            before = relay.cuts
            relay.cut_after(getattr(relay, way), chance.randrange(1, 700), reset=reset)
            while relay.cuts == before:
                await asyncio.to_thread(add_owners, second.relayed.demo, 2)
            await until_all_is_there()
        assert follower.resyncs == 0
    records = compare(second.store, second.folder / "ns2", NAMES)
    figure(f"cuts of a feed's {way}s survived, {records} records", 8 * effort)


@pytest.mark.soak
@pytest.mark.parametrize("history", [None, b"another's chain!"])
async def test_a_first_answer_cut_at_any_byte_is_asked_for_again(
    second, compare, effort, figure, history
):
    """All changes where nothing was there, a snapshot where another history was."""
    relay, chance = second.relayed.directory, random.Random(4)
    before = relay.down.carried
    async with second.following("first", history) as (_, until_all_is_there):
        await until_all_is_there()
    size = relay.down.carried - before
    for number in range(6 * effort):
        cuts, name = relay.cuts, f"again-{number}"
        relay.cut_after(relay.down, chance.randrange(1, size - 10))
        async with second.following(name, history) as (follower, until_all_is_there):
            await until_all_is_there()
            assert follower.resyncs == 0
        assert relay.cuts == cuts + 1
        compare(second.store, second.folder / name, NAMES)
    figure(f"cuts of a first answer of {size} bytes survived", 6 * effort)


async def test_a_slow_feed_is_followed(second, compare):
    relay = second.relayed.directory
    relay.up.delay = relay.down.delay = 0.15
    relay.down.rate = 40_000
    async with second.following("slow") as (follower, until_all_is_there):
        await until_all_is_there()
        await asyncio.to_thread(add_owners, second.relayed.demo, 5)
        await until_all_is_there()
        assert not follower.behind
        assert follower.resyncs == 0
    compare(second.store, second.folder / "slow", NAMES)


def answers_of(demo):
    return [demo.fetch(host, at=at).status_code for host in (HELLO, UPLOAD)
            for at in (None, "amber")]  # fmt: skip


def test_who_hears_nothing_serves_on_says_so_and_comes_back_exact(
    bad, hammer, compare, figure
):
    """Name server, proxies and managers alike; what they do not know is no no."""
    demo, feeds = bad.demo, bad.feed
    place = demo.place("amber")
    client = hammer(lambda _: place, [(HELLO, "GET"), (UPLOAD, "POST")])
    for name, relay in feeds.items():
        (relay.refuse if name.endswith("birch") else relay.blackhole)()
    followers = ("nameserver", "proxy-amber", "proxy-birch")
    for name in followers:
        wait_until(lambda name=name: bad.is_behind(name))
        assert not bad.is_well(name)
    add_owners(demo, 5)
    assert answers_of(demo) == [200] * 4
    unknown = demo.fetch("nobody.ada.apps.test", at="amber")
    assert unknown.status_code == 503
    assert int(unknown.headers["retry-after"]) > 0
    answer = demo.ask_dns(dns.message.make_query("nobody.ada.apps.test", "A"))
    assert answer.authority[0].ttl == 5
    assert not bad.has_all("nameserver")
    for relay in feeds.values():
        relay.heal()
    for name in followers:
        wait_until(lambda name=name: bad.is_well(name) and bad.has_all(name))
        assert bad.metric(name, "resyncs") == 0
    client.end()
    assert client.failures == []
    figure("requests served by whoever hears nothing", len(client.answers))
    compare(bad.store_of("nameserver"), bad.replica_of("nameserver"), NAMES)
    for cluster in ("amber", "birch"):
        proxy, manager = f"proxy-{cluster}", f"manager-{cluster}"
        wait_until(lambda name=manager: bad.has_all(name))
        compare(bad.store_of(proxy), bad.replica_of(proxy), SERVING, cluster)
        wanted = (Residence, Cluster, Authority)
        compare(bad.store_of(manager), bad.replica_of(manager), wanted, cluster)
    assert demo.fetch("nobody.ada.apps.test", at="amber").status_code == 404
