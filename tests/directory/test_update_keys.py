"""Keys of updates: made, shown without their secret, removed."""

import base64

import pytest

from domicile.directory.apps import AlreadyThere, NotFound
from domicile.directory.registry import BadRequest
from domicile.directory.update_keys import (
    SECRET_BYTES,
    KeyShown,
    NewKey,
    add_key,
    all_keys,
    remove_key,
)
from domicile.model.sealing import context_of, unseal
from domicile.model.zone_records import ChallengeMode, UpdateKey, Zone

SEALING = b"s" * 32
ADA = NewKey("acme", ("ada.apps.test",))


@pytest.fixture
async def tx(store):
    async with store.transaction() as tx:
        servers = {"ns1.apps.test": ("127.0.0.1", "::1"), "ns.else.example": ()}
        await tx.put(Zone("apps.test", servers))
        yield tx


@pytest.mark.parametrize(("algorithm", "size"), SECRET_BYTES.items())
async def test_a_key_has_a_secret_as_long_as_its_hash_which_is_kept_sealed(
    tx, algorithm, size
):
    added = await add_key(tx, SEALING, NewKey("acme", ADA.names, (), algorithm))
    secret = base64.b64decode(added.secret)
    assert len(secret) == size
    key = await tx.get(UpdateKey, "acme")
    assert secret not in key.sealed
    assert unseal(SEALING, key.sealed, context_of("update-key", "acme")) == secret
    assert added.servers == ("127.0.0.1", "ns.else.example")


async def test_keys_are_listed_without_secrets_and_removed(tx):
    await add_key(tx, SEALING, ADA)
    shown = KeyShown("acme", "hmac-sha256", ("ada.apps.test",), ())
    assert await all_keys(tx) == [shown]
    assert await remove_key(tx, "acme") == shown
    assert await all_keys(tx) == []
    with pytest.raises(NotFound, match="no update-key 'acme'"):
        await remove_key(tx, "acme")


async def test_a_name_is_taken_once(tx):
    await add_key(tx, SEALING, ADA)
    with pytest.raises(AlreadyThere, match="'acme' exists"):
        await add_key(tx, SEALING, ADA)


@pytest.mark.parametrize(
    ("new", "says"),
    [
        (NewKey("", ADA.names), "key name ''"),
        (NewKey("Acme", ADA.names), "key name 'Acme'"),
        (NewKey("a..b", ADA.names), "key name 'a..b'"),
        (NewKey("acme", ADA.names, (), "hmac-md5"), "none of hmac-sha256, hmac-sha384"),
        (NewKey("acme"), "for nothing"),
        (NewKey("acme", ("*.ada.apps.test",)), r"the name behind \*\."),
        (NewKey("acme", (), ("apps.test.",)), "'apps.test.' is not a host name"),
        (NewKey("acme", ("shop.example",)), "no validation zone"),
        (NewKey("acme", ("apps.test",) * 101), "at most 100 names"),
    ],
)
async def test_what_no_key_can_be_is_refused(tx, new, says):
    with pytest.raises(BadRequest, match=says):
        await add_key(tx, SEALING, new)


async def test_with_a_validation_zone_a_key_may_be_for_a_customers_name(tx):
    await tx.put(Zone("only.test", {}, challenges=ChallengeMode.ONLY))
    added = await add_key(tx, SEALING, NewKey("acme.shop", ("shop.example",)))
    assert added.names == ("shop.example",)
