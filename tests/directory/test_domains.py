"""Linked, seen, active, unlinked: what is written, and what is refused."""

import msgspec
import pytest

from domicile.directory import apps, domains, journal, lifecycle
from domicile.directory.apps import AlreadyThere, MoveInProgress, NotFound, NotLive
from domicile.directory.lookup import Seen
from domicile.directory.shown import shown
from domicile.model.moves import Move, Step, records_of
from domicile.model.names import BadName, hosts_of
from domicile.model.records import (
    App,
    AppState,
    Cluster,
    Domain,
    Owner,
    Placement,
    Release,
    Residence,
    ResidenceState,
)
from domicile.model.zone_records import Zone

ID, OTHER = "i" * 26, "o" * 26
HOST = "www.ada.example"
HOSTS = hosts_of("hello", "ada", ID, "apps.test")
WANTED = f"CNAME {ID}.apps.test"
RELEASE = Release("r", ID, "0" * 64, "python app.py")
CLUSTERS = ("amber", "birch")


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
async def tx(store):
    """hello.ada, which moved from birch to amber, and an app of bob's that is new."""
    store._clock = Clock()
    async with store.transaction() as tx:
        for record in (
            Zone("apps.test", {}),
            Owner("ada", "apps.test", "free"),
            Owner("bob", "apps.test", "free"),
            Cluster("amber", (), ()),
            Cluster("birch", (), ()),
            RELEASE,
            App(ID, "hello", "ada", "apps.test", 2, AppState.RUNNING, "r"),
            App(OTHER, "other", "bob", "apps.test", 1, AppState.RUNNING, "r"),
            Placement(ID, "amber", 2),
            Placement(OTHER, "birch", 1),
            Residence(
                ID, "amber", 2, ResidenceState.HERE, hosts=HOSTS, release=RELEASE
            ),
            Residence(ID, "birch", 2, ResidenceState.AWAY, "amber", HOSTS),
            Residence(OTHER, "birch", 1, ResidenceState.HERE, hosts=("o.test",)),
        ):
            await tx.put(record)
        yield tx


async def app(tx, app_id=ID):
    return await tx.get(App, app_id)


async def link(tx, app_id=ID, host=HOST, seen=None):
    return await domains.link_domain(tx, await app(tx, app_id), host, seen)


async def see(tx, *records, why=""):
    found = await domains.find_domain(tx, HOST)
    return await domains.take_sight(tx, *found, Seen(records, why))


async def activate(tx):
    await link(tx)
    return await see(tx, WANTED)


async def unlink(tx):
    await domains.unlink_domain(tx, *await domains.find_domain(tx, HOST))


async def residences(tx, app_id=ID):
    found = [await tx.get(Residence, f"{cluster}/{app_id}") for cluster in CLUSTERS]
    return [each for each in found if each]


async def test_a_linked_domain_leads_nowhere_until_its_record_is_seen(tx):
    await link(tx)
    for sight, told in (
        (await see(tx, why="NXDOMAIN"), "NXDOMAIN"),
        (await see(tx, f"CNAME {OTHER}.apps.test"), f"where {WANTED} is wanted"),
        (await see(tx, "CNAME hello.ada.apps.test"), f"where {WANTED} is wanted"),
    ):
        assert (sight.active, sight.wanted) == (False, WANTED)
        assert told in sight.why
    assert [each.hosts for each in await residences(tx)] == [HOSTS, HOSTS]
    move = await apps.plan_move(tx, await app(tx), "birch")
    assert (await apps.lodging_of(tx, await app(tx), move)).hosts == HOSTS


async def test_an_active_domain_is_a_host_of_every_residence_and_nothing_else_changes(
    tx,
):
    before = await residences(tx)
    sight = await activate(tx)
    assert (sight.active, sight.seen, sight.why) == (True, (WANTED,), "")
    assert await residences(tx) == [
        msgspec.structs.replace(each, hosts=(*HOSTS, HOST)) for each in before
    ]
    assert (await shown(tx, await app(tx), ())).hosts == (*HOSTS, HOST)
    assert (await app(tx)).generation == 2


async def test_what_is_so_already_is_no_change(tx):
    await activate(tx)
    serial = tx.serial
    await activate(tx)
    assert tx.serial == serial


async def test_an_active_domain_stays_so_when_it_is_not_seen(tx):
    await activate(tx)
    sight = await see(tx, why="no resolver answered")
    assert (sight.active, sight.why) == (True, "no resolver answered")
    assert HOST in (await residences(tx))[0].hosts


async def test_an_unlinked_domain_leads_nowhere_and_may_be_linked_by_another(tx):
    await activate(tx)
    await unlink(tx)
    assert [each.hosts for each in await residences(tx)] == [HOSTS, HOSTS]
    with pytest.raises(NotFound, match=HOST):
        await domains.find_domain(tx, HOST)
    assert (await link(tx, OTHER)).app == OTHER


async def test_a_domain_that_is_active_is_linked_to_no_other_app(tx):
    await activate(tx)
    with pytest.raises(AlreadyThere, match="linked to another app"):
        await link(tx, OTHER)


async def test_a_domain_whose_record_names_another_app_goes_there_at_once(tx):
    """It was sold: who keeps its DNS now says so by the record."""
    await activate(tx)
    elsewhere = Seen((WANTED,))
    with pytest.raises(AlreadyThere, match=f"set CNAME {OTHER}.apps.test for it"):
        await link(tx, OTHER, seen=elsewhere)
    taken = await link(tx, OTHER, seen=Seen((f"CNAME {OTHER}.apps.test",)))
    assert taken == Domain(HOST, OTHER, active=True)
    assert all(HOST not in each.hosts for each in await residences(tx))
    assert [HOST in each.hosts for each in await residences(tx, OTHER)] == [True]


async def test_an_app_has_no_more_domains_than_one_may(tx, monkeypatch):
    monkeypatch.setattr(domains, "MOST_DOMAINS", 2)
    await link(tx)
    await link(tx, host="two.ada.example")
    with pytest.raises(domains.TooManyDomains, match=r"hello\.ada has 2 domains"):
        await link(tx, host="three.ada.example")
    assert (await link(tx)).host == HOST


async def test_a_link_that_was_never_seen_keeps_nobody_out(tx):
    """Who has the domain need not wait for who only says so."""
    await link(tx)
    assert await link(tx, OTHER) == Domain(HOST, OTHER)
    assert not (await see(tx, WANTED)).active


async def test_an_active_link_stays(tx):
    await activate(tx)
    tx.now += 365 * 86400.0
    with pytest.raises(AlreadyThere):
        await link(tx, OTHER)


async def test_while_its_app_moves_a_domain_is_linked_and_neither_led_nor_unled(tx):
    await activate(tx)
    await link(tx, host="a.ada.example")
    await journal.add_move(tx, Move("m", ID, 3, "amber", "birch", (), Step.PREPARING))
    await link(tx, host="b.ada.example")
    pending = await domains.find_domain(tx, "a.ada.example")
    with pytest.raises(MoveInProgress, match="moving to birch"):
        await domains.take_sight(tx, *pending, Seen((WANTED,)))
    with pytest.raises(MoveInProgress, match="moving to birch"):
        await unlink(tx)
    await domains.unlink_domain(tx, *pending)
    assert (await see(tx, WANTED)).active


@pytest.mark.parametrize(
    "step", [Step.PREPARING, Step.SETTLING, Step.UNDOING, Step.CLEARING]
)
async def test_every_step_of_a_move_tells_the_domain_too(tx, step):
    await activate(tx)
    move = Move("m", ID, 3, "amber", "birch", ("cedar",), step)
    lodging = await apps.lodging_of(tx, await app(tx), move)
    written = records_of(move, await app(tx), lodging)
    told = [each.hosts for each in written if isinstance(each, Residence)]
    assert told
    assert set(told) == {(*HOSTS, HOST)}


async def test_a_deleted_apps_domain_is_linked_no_more_and_says_that_it_is_gone(tx):
    await activate(tx)
    await lifecycle.delete_app(tx, await app(tx))
    assert await tx.get(Domain, HOST) is None
    for residence in await residences(tx):
        assert residence.state is ResidenceState.GONE
        assert HOST in residence.hosts
    with pytest.raises(NotLive, match=r"hello\.ada is deleted"):
        await link(tx)


async def test_a_name_that_is_given_up_leaves_the_domain_at_its_farewell(tx):
    await activate(tx)
    await lifecycle.delete_app(tx, await app(tx))
    wanted = apps.Wanted("0" * 64, "python app.py")
    await apps.plan_deployment(tx, "ada", "hello", wanted)
    for residence in await residences(tx):
        assert residence.hosts == (f"{ID}.apps.test", HOST)


async def test_a_domain_of_a_deleted_app_leads_to_the_app_that_has_it_next(tx):
    await activate(tx)
    await lifecycle.delete_app(tx, await app(tx))
    await link(tx, OTHER)
    assert (await see(tx, f"CNAME {OTHER}.apps.test")).active
    assert [each.hosts for each in await residences(tx)] == [HOSTS, HOSTS]
    assert HOST in (await residences(tx, OTHER))[0].hosts


async def test_an_app_that_lives_nowhere_is_led_to_by_no_domain(tx):
    await link(tx)
    await tx.delete(Placement, ID)
    with pytest.raises(NotLive, match="lives nowhere"):
        await see(tx, WANTED)


async def test_a_host_in_our_own_zone_is_not_linked(tx):
    with pytest.raises(BadName, match=r"our zone apps\.test"):
        await link(tx, host="www.apps.test")
