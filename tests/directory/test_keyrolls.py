"""Keys go on over a real store and feed, at a time and with a parent of the test's."""

import asyncio

import pytest

from domicile.directory.keyrolls import KeyRolls, ignorant
from domicile.directory.leadership import Leadership
from domicile.directory.zone_keys import (
    RollWanted,
    SigningWanted,
    keys_of,
    leave_zone,
    roll_zone,
    sign_zone,
)
from domicile.model import keyroll
from domicile.model.feed import Ask
from domicile.model.sealing import CannotUnseal
from domicile.model.zone_records import Zone
from domicile.store.feed import Feed
from domicile.store.store import Store

KEY = bytes(32)
NS1, NS2 = "nameserver/ns1/ns1", "nameserver/ns2/ns2"
ZONE = Zone("apps.test", {}, longest_ttl=3600, ds_ttl=7200)


class Scene:
    """Key roll-overs of one zone, with followers that acknowledge when they are told."""

    def __init__(self):
        self.now = 1_000_000.0
        self.parent = None
        self.asked = 0

    async def open(self, store):
        self.store, self.feed = store, await Feed.open(store)
        leadership = Leadership(store, "the one", clock=lambda: 0.0)
        await leadership.look()
        self.rolls = KeyRolls(store, self.feed, leadership, self.ds_at_parent, KEY)
        async with store.transaction() as tx:
            await tx.put(ZONE)

    async def ds_at_parent(self, zone):
        assert zone == ZONE.name
        self.asked += 1
        return self.parent

    async def do(self, work, *arguments, **more):
        async with self.store.transaction() as tx:
            await work(tx, *arguments, **more)

    async def ask(self, name, trouble=""):
        """Acknowledge all that there is, as a follower of this name."""
        head = await self.store.head()
        ask = Ask(
            name, ("zone-key",), after=head.serial, chain=head.chain, trouble=trouble
        )
        asking = asyncio.ensure_future(anext(self.feed.answer(ask)))
        while not self.followed_by(name, head.serial, trouble):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])

    def followed_by(self, name, serial, trouble):
        known = {each.name: each for each in self.feed.followers}
        found = known.get(name)
        return found and found.serial >= serial and found.trouble == trouble

    async def look(self, seconds=0.0):
        """Give the states of the keys after that time, oldest key first."""
        self.now += seconds
        await self.rolls.look()
        return [each.state.value for each in await self.keys()]

    async def keys(self):
        async with self.store.reading() as reading:
            keys = await keys_of(reading, ZONE.name)
        return sorted(keys, key=lambda each: each.made_at)

    async def step(self, seconds=3700.0):
        """Let the name server know, wait, and let it go on."""
        await self.ask(NS1)
        await self.look()
        return await self.look(seconds)


@pytest.fixture
async def scene(tmp_path):
    scene = Scene()
    store = await Store.open(tmp_path / "directory.db", clock=lambda: scene.now)
    await scene.open(store)
    yield scene
    await store.close()


@pytest.fixture
async def signed(scene):
    """A zone that is signed, and whose parent knows it."""
    await scene.do(sign_zone, KEY, ZONE.name, SigningWanted())
    assert await scene.step() == ["ready"]
    scene.parent = frozenset(keyroll.ds_records(await scene.keys()))
    await scene.look()
    assert await scene.look(7300) == ["active"]
    await scene.look()
    await scene.ask(NS1)
    return scene


async def test_a_name_server_that_does_not_know_a_key_is_waited_for(scene):
    await scene.do(sign_zone, KEY, ZONE.name, SigningWanted())
    await scene.ask(NS1)
    await scene.do(leave_zone, ZONE.name, now=True)
    await scene.do(sign_zone, KEY, ZONE.name, SigningWanted())
    assert await ignorant(scene.store, scene.feed) == [NS1]
    assert await scene.look() == await scene.look(1e6) == ["published"]
    await scene.ask(NS1, trouble="zone apps.test is not signed: no key")
    assert await ignorant(scene.store, scene.feed) == [NS1]
    assert await scene.look() == await scene.look(1e6) == ["published"]
    assert await scene.step(3500) == ["published"], "its TTL counts from there"
    assert await scene.look(200) == ["ready"]


async def test_clusters_have_no_say(scene):
    await scene.ask("cluster/amber/manager")
    await scene.do(sign_zone, KEY, ZONE.name, SigningWanted())
    await scene.look()
    assert await scene.look(3700) == ["ready"]


async def test_the_parent_is_asked_only_where_it_is_waited_for(signed):
    before = signed.asked
    await signed.look(1e6)
    assert signed.asked == before
    await signed.do(leave_zone, ZONE.name, now=False)
    await signed.look()
    assert signed.asked == before + 1


async def test_a_roll_over_goes_through_all_its_states(signed):
    await signed.do(roll_zone, KEY, ZONE.name, RollWanted())
    assert await signed.look() == ["active", "published"]
    assert await signed.step() == ["active", "ready"]
    assert await signed.look(1e6) == ["active", "ready"], "the parent has the old one"
    signed.parent = frozenset(keyroll.ds_records(await signed.keys()))
    await signed.look()
    assert await signed.look(7300) == ["retired", "active"]
    assert await signed.step() == ["active"]


async def test_what_is_under_way_goes_on_after_a_restart(signed):
    await signed.do(roll_zone, KEY, ZONE.name, RollWanted())
    await signed.ask(NS1)
    await signed.look()
    signed.now += 3700
    await signed.open(signed.store)
    assert await signed.look() == ["active", "ready"]


async def test_a_zone_goes_insecure_once_its_ds_has_gone(signed):
    await signed.do(leave_zone, ZONE.name, now=False)
    assert await signed.look(1e6) == ["active"]
    signed.parent = frozenset()
    await signed.look()
    assert await signed.look(7100) == ["active"]
    assert await signed.look(200) == []


async def test_another_sealing_key_is_noticed(signed):
    signed.rolls._sealing_key = bytes(31) + b"1"
    signed.rolls._unsealed.clear()
    with pytest.raises(CannotUnseal, match="another key"):
        await signed.look()


async def test_without_a_change_nothing_is_written(signed):
    await signed.look()
    before = await signed.store.head()
    await signed.look(1e6)
    assert await signed.store.head() == before
