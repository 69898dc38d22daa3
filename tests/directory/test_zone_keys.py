"""What is done with a zone's keys, and what is refused, over a real store."""

import pytest

from domicile.directory.apps import NotFound
from domicile.directory.registry import BadRequest
from domicile.directory.zone_keys import (
    KeysInUse,
    RollWanted,
    SigningWanted,
    confirm_parent,
    keys_of,
    leave_zone,
    roll_zone,
    sign_zone,
)
from domicile.dns.keys import read_key
from domicile.model.sealing import context_of, unseal
from domicile.model.zone_records import KeyRole, KeyState, Zone, ZoneKey

KEY = bytes(32)


@pytest.fixture
async def zone(store):
    async with store.transaction() as tx:
        await tx.put(Zone("apps.test", {}))
        await tx.put(Zone("two.test", {}))
    return "apps.test"


@pytest.fixture
def do(store):
    """Do one thing in a transaction, and give the keys that there are then."""

    async def do(work, *arguments, **more):
        async with store.transaction() as tx:
            await work(tx, *arguments, **more)
        async with store.reading() as reading:
            return await keys_of(reading, "apps.test")

    return do


@pytest.fixture
def settle(store):
    """Have all keys be settled, as they are once all is over."""

    async def settle():
        async with store.transaction() as tx:
            for key in await keys_of(tx, "apps.test"):
                await tx.put(
                    ZoneKey(
                        key.zone, key.tag, key.role, KeyState.ACTIVE, key.public,
                        key.sealed, key.made_at, key.since,
                    )
                )  # fmt: skip

    return settle


async def test_a_zone_is_signed_by_one_key_that_only_the_sealing_key_gives(zone, do):
    (key,) = await do(sign_zone, KEY, zone, SigningWanted())
    assert (key.role, key.state, key.public[:4]) == ("csk", "published", b"\1\1\3\r")
    pem = unseal(KEY, key.sealed, context_of(key.kind, key.key))
    assert read_key(pem).rdata == key.public
    assert read_key(pem).tag == key.tag
    assert b"PRIVATE" not in key.sealed


async def test_a_zone_may_have_a_ksk_and_a_zsk(zone, do):
    wanted = SigningWanted("ed25519", split=True)
    keys = await do(sign_zone, KEY, zone, wanted)
    told = {(each.role, each.public[:2], each.public[3]) for each in keys}
    assert told == {("ksk", b"\1\1", 15), ("zsk", b"\1\0", 15)}


async def test_what_is_not_there_or_not_known_is_named(zone, do):
    with pytest.raises(NotFound, match=r"no zone 'no\.test'"):
        await do(sign_zone, KEY, "no.test", SigningWanted())
    with pytest.raises(BadRequest, match=r"'rsa'.*ecdsap256sha256 and ed25519"):
        await do(sign_zone, KEY, zone, SigningWanted("rsa"))
    with pytest.raises(KeysInUse, match="sign it first"):
        await do(roll_zone, KEY, zone, RollWanted())
    with pytest.raises(KeysInUse, match="not signed"):
        await do(leave_zone, zone, now=False)
    with pytest.raises(KeysInUse, match="waits for the parent"):
        await do(confirm_parent, zone)


async def test_a_roll_over_waits_for_the_one_before(zone, do, settle):
    await do(sign_zone, KEY, zone, SigningWanted())
    with pytest.raises(KeysInUse, match="roll them"):
        await do(sign_zone, KEY, zone, SigningWanted())
    with pytest.raises(KeysInUse, match="not settled"):
        await do(roll_zone, KEY, zone, RollWanted())
    await settle()
    keys = await do(roll_zone, KEY, zone, RollWanted())
    assert sorted(each.state for each in keys) == ["active", "published"]
    with pytest.raises(KeysInUse, match="not settled"):
        await do(roll_zone, KEY, zone, RollWanted())


async def test_keys_of_one_role_are_rolled_alone(zone, do, settle):
    await do(sign_zone, KEY, zone, SigningWanted(split=True))
    await settle()
    with pytest.raises(BadRequest, match="no 'csk', but ksk, zsk"):
        await do(roll_zone, KEY, zone, RollWanted("csk"))
    with pytest.raises(BadRequest, match="all keys"):
        await do(roll_zone, KEY, zone, RollWanted("zsk", "ed25519"))
    keys = await do(roll_zone, KEY, zone, RollWanted("zsk"))
    assert sorted(each.role for each in keys) == ["ksk", "zsk", "zsk"]


async def test_a_roll_over_of_the_algorithm_introduces_it_first(zone, do, settle):
    await do(sign_zone, KEY, zone, SigningWanted(split=True))
    await settle()
    keys = await do(roll_zone, KEY, zone, RollWanted(algorithm="ed25519"))
    new = [each for each in keys if each.public[3] == 15]
    assert {each.role for each in new} == {KeyRole.KSK, KeyRole.ZSK}
    assert {each.state for each in new} == {KeyState.INTRODUCED}


async def test_a_zone_goes_insecure_in_order_or_at_once(zone, do, settle):
    await do(sign_zone, KEY, zone, SigningWanted())
    await settle()
    (key,) = await do(leave_zone, zone, now=False)
    assert key.leaving
    (key,) = await do(sign_zone, KEY, zone, SigningWanted())
    assert (key.leaving, key.state) == (False, "ready")
    assert await do(leave_zone, zone, now=True) == []
    (other,) = await do(sign_zone, KEY, zone, SigningWanted())
    assert other.tag != key.tag


async def test_an_operator_says_what_the_parent_did(zone, do):
    await do(sign_zone, KEY, zone, SigningWanted())
    await do(leave_zone, zone, now=False)
    (key,) = await do(confirm_parent, zone)
    assert key.parent_at > 0
