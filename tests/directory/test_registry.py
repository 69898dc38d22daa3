"""Who takes part, and what is refused."""

import msgspec
import pytest

from domicile.config import BadConfiguration
from domicile.directory.access import Role, identify
from domicile.directory.apps import AlreadyThere, NotFound
from domicile.directory.registry import (
    BadRequest,
    NewCluster,
    NewOwner,
    add_cluster,
    add_owner,
    change_cluster,
    demand,
    put_if_new,
)
from domicile.model.names import BadName
from domicile.model.records import Cluster, Owner
from domicile.model.zone_records import ChallengeMode, Zone

ZONE = Zone("apps.test", {"ns1.apps.test": ("127.0.0.1",)})
AMBER = NewCluster("amber", ("127.0.0.11", "::1"), ("127.0.0.11:8444",), ("free",))


@pytest.fixture
async def tx(store):
    async with store.transaction() as tx:
        await tx.put(ZONE)
        yield tx


async def test_an_owner_is_put_in_the_only_zone_and_gets_a_token(tx):
    owner, token = await add_owner(tx, NewOwner("ada"))
    assert owner == await tx.get(Owner, "ada") == Owner("ada", "apps.test", "free")
    caller = await identify(tx, f"Bearer {token}")
    assert (caller.role, caller.subject) == (Role.OWNER, "ada")


async def test_with_two_zones_an_owner_says_which(tx):
    await tx.put(Zone("sites.test", {}))
    with pytest.raises(BadRequest, match=r"apps\.test, sites\.test"):
        await add_owner(tx, NewOwner("ada"))
    owner, _ = await add_owner(tx, NewOwner("ada", zone="sites.test"))
    assert owner.zone == "sites.test"


@pytest.mark.parametrize(
    ("new", "error"),
    [
        (NewOwner("www"), BadName),
        (NewOwner("a" * 26), BadName),
        (NewOwner("ada", plan=""), BadRequest),
        (NewOwner("ada", zone="moon.test"), NotFound),
    ],
)
async def test_a_bad_owner_is_refused(tx, new, error):
    with pytest.raises(error):
        await add_owner(tx, new)
    assert await tx.all(Owner) == []


async def test_a_cluster_gets_a_record_and_a_token(tx):
    cluster, token = await add_cluster(tx, AMBER)
    assert cluster == await tx.get(Cluster, "amber")
    assert cluster.prefers == ("free",)
    caller = await identify(tx, f"Bearer {token}")
    assert (caller.role, caller.subject) == (Role.CLUSTER, "amber")


@pytest.mark.parametrize(
    ("new", "error"),
    [
        (NewCluster("Amber", (), ()), BadName),
        (NewCluster("amber", ("lb.test",), ()), BadRequest),
        (NewCluster("amber", (), ("lb.test:8444",)), BadRequest),
        (NewCluster("amber", (), ("127.0.0.1",)), BadConfiguration),
    ],
)
async def test_a_bad_cluster_is_refused(tx, new, error):
    with pytest.raises(error):
        await add_cluster(tx, new)
    assert await tx.all(Cluster) == []


async def test_a_cluster_that_moved_keeps_its_name(tx):
    await add_cluster(tx, AMBER)
    moved = NewCluster("amber", ("127.0.0.21",), ("127.0.0.21:8444",), ("free",))
    assert (await change_cluster(tx, "amber", moved)).links == ("127.0.0.21:8444",)
    assert (await demand(tx, Cluster, "amber")).addresses == ("127.0.0.21",)
    with pytest.raises(BadRequest, match="renamed"):
        await change_cluster(tx, "birch", moved)
    with pytest.raises(NotFound, match="no cluster 'cedar'"):
        await change_cluster(tx, "cedar", NewCluster("cedar", (), ()))
    with pytest.raises(BadRequest, match="not an IP address"):
        await change_cluster(tx, "amber", NewCluster("amber", ("lb.test",), ()))


async def test_nobody_is_added_twice(tx):
    await add_owner(tx, NewOwner("ada"))
    await add_cluster(tx, AMBER)
    with pytest.raises(AlreadyThere, match="owner 'ada' exists"):
        await add_owner(tx, NewOwner("ada", plan="pro"))
    with pytest.raises(AlreadyThere, match="cluster 'amber' exists"):
        await add_cluster(tx, AMBER)
    assert (await demand(tx, Owner, "ada")).plan == "free"


async def test_who_is_not_there_is_named(tx):
    with pytest.raises(NotFound, match="no owner 'eve'"):
        await demand(tx, Owner, "eve")


async def test_what_is_there_as_it_should_be_is_not_written_again(tx):
    before = tx.serial
    await put_if_new(tx, ZONE)
    assert tx.serial == before
    await put_if_new(tx, Zone("apps.test", {}))
    assert tx.serial == before + 1


async def test_no_owner_is_in_a_zone_that_is_for_challenges(tx):
    await tx.put(Zone("only.test", {}, challenges=ChallengeMode.ONLY))
    with pytest.raises(BadRequest, match="has challenges only"):
        await add_owner(tx, NewOwner("ada", zone="only.test"))
    owner, _ = await add_owner(tx, NewOwner("ada"))
    assert owner.zone == "apps.test"


async def test_a_cluster_says_what_its_proxies_speak(tx):
    new = msgspec.structs.replace(AMBER, alpn=("h2", "http/1.1"))
    cluster, _ = await add_cluster(tx, new)
    assert cluster.alpn == ("h2", "http/1.1")
    without = await change_cluster(tx, "amber", AMBER)
    assert without.alpn == ()


@pytest.mark.parametrize("alpn", ["", "ü", "h\n2", "x" * 256])
async def test_what_names_no_protocol_is_refused(tx, alpn):
    with pytest.raises(BadRequest, match="no protocol's name"):
        await add_cluster(tx, msgspec.structs.replace(AMBER, alpn=(alpn,)))
