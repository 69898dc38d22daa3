"""What reporters say over a real store, and what the judge writes; the test is the clock."""

import pytest
from structlog.testing import capture_logs

from domicile.directory import ailing
from domicile.directory.access import Role
from domicile.directory.health import Judge, take_sightings, withdrawals_of
from domicile.directory.leadership import Leadership
from domicile.directory.registry import (
    NewCluster,
    change_cluster,
    declare_found,
    declare_lost,
)
from domicile.model.health import FRESH_SECONDS, Sighting
from domicile.model.records import Cluster

ONE, TWO = "192.0.2.1", "192.0.2.2"
AMBER = Cluster("amber", (ONE, TWO), ())
BIRCH = Cluster("birch", ("192.0.2.9",), ())
NS1, BIRCHS = (Role.NAMESERVER, "ns1"), (Role.CLUSTER, "birch")


class Court:
    """A directory that hears of two clusters, and a judge that the test lets look."""

    def __init__(self, store, leadership):
        self.store = store
        self.now = 1000.0
        store._clock = lambda: self.now
        self.judge = Judge(store, leadership, lambda: self.now)

    async def hear(self, who, *, one_is_well, row=3):
        seen = [
            Sighting("amber", ONE, one_is_well, row, "" if one_is_well else "refused"),
            Sighting("amber", TWO, True, row),
        ]
        async with self.store.transaction() as tx:
            await take_sightings(tx, *who, seen)

    async def both(self, **seen):
        for who in (NS1, BIRCHS):
            await self.hear(who, **seen)
        await self.judge.look()

    async def withdrawn(self):
        async with self.store.reading() as reading:
            return (await reading.get(Cluster, "amber")).withdrawn

    async def ailing(self):
        async with self.store.reading() as reading:
            cluster = await reading.get(Cluster, "amber")
            return (await ailing.cluster_shown(reading, cluster, self.now)).ailing


@pytest.fixture
async def leadership(store):
    leadership = Leadership(store, clock=lambda: 0.0)
    await leadership.look()
    return leadership


@pytest.fixture
async def court(store, leadership):
    async with store.transaction() as tx:
        await tx.put(AMBER)
        await tx.put(BIRCH)
    return Court(store, leadership)


async def test_an_address_that_most_find_dead_is_withdrawn_and_comes_back(court):
    with capture_logs() as logs:
        await court.both(one_is_well=False)
    assert await court.withdrawn() == (ONE,)
    (line,) = [each for each in logs if each["event"] == "address withdrawn"]
    said = "cluster/birch: refused; nameserver/ns1: refused"
    assert (line["target"], line["address"], line["said"]) == ("amber", ONE, said)
    shown = ailing.Ailing(ONE, True, "1970-01-01T00:16:40Z", said)
    assert await court.ailing() == (shown,)
    court.now += 10
    await court.both(one_is_well=True, row=1)
    assert await court.withdrawn() == (ONE,)
    # Nobody speaks against it any more: it is told what was said then.
    assert await court.ailing() == (shown,)
    await court.both(one_is_well=True)
    assert await court.withdrawn() == ()
    assert await court.ailing() == ()
    async with court.store.reading() as reading:
        assert await withdrawals_of(reading) == {}


async def test_what_is_decided_once_is_written_once(court):
    await court.both(one_is_well=False)
    serial = (await court.store.head()).serial
    await court.both(one_is_well=False)
    assert (await court.store.head()).serial == serial


async def test_who_was_heard_long_ago_withdraws_nothing(court):
    await court.hear(NS1, one_is_well=False)
    court.now += FRESH_SECONDS
    await court.hear(BIRCHS, one_is_well=False)
    await court.judge.look()
    assert await court.withdrawn() == ()


async def test_where_nobody_is_heard_any_more_all_stays(court):
    await court.both(one_is_well=False)
    court.now += 10 * FRESH_SECONDS
    await court.judge.look()
    assert await court.withdrawn() == (ONE,)


async def test_a_cluster_says_nothing_of_itself(court):
    await court.hear(NS1, one_is_well=False)
    await court.hear((Role.CLUSTER, "amber"), one_is_well=False)
    await court.judge.look()
    assert await court.withdrawn() == ()


async def test_who_does_not_lead_withdraws_nothing(court, leadership):
    await leadership.resign()
    await court.both(one_is_well=False)
    assert await court.withdrawn() == ()


async def test_a_judge_that_was_killed_is_followed_by_one_that_knows_as_much(court):
    await court.hear(NS1, one_is_well=False)
    await court.hear(BIRCHS, one_is_well=False)
    leadership = Leadership(court.store, clock=lambda: 0.0)
    court.judge = Judge(court.store, leadership, lambda: court.now)
    await court.judge.look()
    assert await court.withdrawn() == ()
    assert [each.address for each in await court.ailing()] == [ONE]


async def test_a_judge_counts_what_is_withdrawn_and_who_is_heard(court):
    await court.both(one_is_well=False)
    await court.judge.look()
    told = {
        sample.name: sample.value
        for metric in court.judge.collect()
        for sample in metric.samples
    }
    assert told == {
        "domicile_directory_addresses_withdrawn": 1,
        "domicile_directory_reporters": 2,
    }


async def test_a_change_of_addresses_leaves_the_last_one_answered(court):
    await court.both(one_is_well=False)
    wanted = NewCluster("amber", (ONE,), ())
    async with court.store.transaction() as tx:
        assert (await change_cluster(tx, "amber", wanted)).withdrawn == ()


async def test_a_change_of_a_cluster_keeps_what_is_known_of_it(court):
    await court.both(one_is_well=False)
    wanted = NewCluster("amber", (ONE, TWO), (), capacity=7)
    async with court.store.transaction() as tx:
        await declare_lost(tx, "amber", ["192.0.2.80"])
        changed = await change_cluster(tx, "amber", wanted)
    assert (changed.withdrawn, changed.lost, changed.capacity) == ((ONE,), True, 7)
    assert changed.answered == ("192.0.2.80",)


async def test_a_lost_cluster_s_names_lead_to_the_fallback_until_it_is_found(court):
    async with court.store.transaction() as tx:
        lost = await declare_lost(tx, "amber", ["192.0.2.80"])
        assert lost.answered == ("192.0.2.80",)
        assert (await declare_lost(tx, "amber", [])).answered == AMBER.addresses
        assert await declare_found(tx, "amber") == AMBER


async def test_what_is_ill_and_the_last_is_told_and_answered_still(court):
    seen = [Sighting("birch", "192.0.2.9", False, 3, "refused"),
            Sighting("amber", ONE, True, 3)]  # fmt: skip
    async with court.store.transaction() as tx:
        for name in ("ns1", "ns2"):
            await take_sightings(tx, Role.NAMESERVER, name, seen)
    await court.judge.look()
    async with court.store.reading() as reading:
        health = await ailing.health_of(reading, [AMBER, BIRCH], court.now)
    said = "nameserver/ns1: refused; nameserver/ns2: refused"
    assert health == {"birch": (ailing.Ailing("192.0.2.9", False, "", said),)}
