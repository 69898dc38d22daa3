"""A new CA signs once every cluster trusts it, and not before."""

import asyncio

import pytest

from domicile.clock import wall
from domicile.directory.authority import LinkAuthority
from domicile.directory.leadership import Leadership
from domicile.directory.rotation import SETTLE_SECONDS, Rotation, unaware
from domicile.model.feed import Ask
from domicile.model.records import LINK_AUTHORITY, Authority
from domicile.store.feed import Feed

AMBER, NS1 = "cluster/amber/manager-amber", "nameserver/ns1/ns1"


class Scene:
    """A rotation over a real store and feed, at a time of the test's."""

    def __init__(self, store, feed, leadership, folder):
        self.store, self.feed, self.now = store, feed, 1000.0
        self.authority = LinkAuthority(folder, wall)
        self.rotation = Rotation(
            store, feed, self.authority, leadership, lambda: self.now
        )

    async def ask(self, name):
        """Acknowledge all that there is, as a follower of this name."""
        head = await self.store.head()
        ask = Ask(name, ("authority",), after=head.serial, chain=head.chain)
        # Its first piece waits for news; that it was asked is all we want.
        asking = asyncio.ensure_future(anext(self.feed.answer(ask)))
        while not self.followed_by(name, head.serial):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])

    def followed_by(self, name, serial):
        known = {each.name: each.serial for each in self.feed.followers}
        return known.get(name, -1) >= serial

    async def look(self, seconds=0.0):
        self.now += seconds
        await self.rotation.look()
        return self.authority.pending

    async def epoch(self):
        async with self.store.reading() as reading:
            return (await reading.get(Authority, LINK_AUTHORITY)).epoch


@pytest.fixture
async def scene(store, tmp_path):
    leadership = Leadership(store, clock=lambda: 0.0)
    await leadership.look()
    scene = Scene(store, await Feed.open(store), leadership, tmp_path / "ca")
    await scene.look()
    return scene


async def test_without_a_rotation_nothing_is_written_twice(scene):
    before = await scene.store.head()
    await scene.look()
    assert await scene.store.head() == before
    assert await scene.epoch() == 1


async def test_the_new_ca_signs_some_seconds_after_every_cluster_has_it(scene):
    await scene.ask(AMBER)
    scene.authority.announce()
    await scene.look()
    assert await unaware(scene.store, scene.feed) == [AMBER]
    assert await scene.look(10 * SETTLE_SECONDS) == 2
    await scene.ask(AMBER)
    assert await unaware(scene.store, scene.feed) == []
    assert await scene.look() == 2
    assert await scene.look(SETTLE_SECONDS - 1) == 2
    assert await scene.epoch() == 1
    assert await scene.look(1) == 0
    assert await scene.epoch() == 2


async def test_a_cluster_that_comes_meanwhile_is_waited_for_anew(scene):
    scene.authority.announce()
    await scene.look()
    await scene.look(1)
    await scene.ask("cluster/birch/manager-birch")
    async with scene.store.transaction() as tx:
        await tx.put(scene.authority.record)
    assert await scene.look(SETTLE_SECONDS) == 2
    await scene.ask("cluster/birch/manager-birch")
    assert await scene.look(SETTLE_SECONDS) == 2
    assert await scene.look(SETTLE_SECONDS) == 0


async def test_name_servers_have_no_say(scene):
    await scene.ask(NS1)
    scene.authority.announce()
    await scene.look()
    await scene.look()
    assert await scene.look(SETTLE_SECONDS) == 0


async def test_what_a_crash_kept_from_the_store_is_written(scene):
    scene.authority.announce()
    scene.authority.switch()
    assert await scene.epoch() == 1
    await scene.look()
    assert await scene.epoch() == 2
