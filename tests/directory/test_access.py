"""Who may do what: the whole matrix of roles and operations, and the tokens."""

import hashlib

import pytest
from sqlalchemy import select

from domicile.directory.access import (
    Caller,
    Forbidden,
    Operation,
    Role,
    Unauthenticated,
    grant,
    identify,
    remember,
    revoke,
)
from domicile.store.schema import tokens

# One line an operation, one column a role: a(ll), o(wn) or - for none.
MATRIX = """
                  operator owner cluster nameserver
owner.add         a        -     -       -
owner.list        a        -     -       -
owner.show        a        o     -       -
cluster.add       a        -     -       -
cluster.list      a        -     -       -
cluster.show      a        -     -       -
cluster.change    a        -     -       -
cluster.declare   a        -     -       -
nameserver.add    a        -     -       -
app.deploy        a        o     -       -
app.list          a        o     -       -
app.show          a        o     -       -
app.stop          a        o     -       -
app.start         a        o     -       -
app.delete        a        o     -       -
app.logs          a        o     -       -
app.events        a        o     -       -
app.move          a        o     -       -
app.move-to       a        -     -       -
move.list         a        o     -       -
move.show         a        o     -       -
move.withdraw     a        -     -       -
domain.link       a        o     -       -
domain.list       a        o     -       -
domain.check      a        o     -       -
domain.unlink     a        o     -       -
challenge.list    a        -     -       -
challenge.show    a        -     -       -
challenge.put     a        -     -       -
challenge.delete  a        -     -       -
challenge.update  -        -     -       a
key.add           a        -     -       -
key.list          a        -     -       -
key.remove        a        -     -       -
blob.put          a        a     -       -
blob.get          a        -     a       -
link.certificate  -        -     o       -
link.show         a        -     -       -
link.rotate       a        -     -       -
feed              -        -     o       a
report            -        -     o       -
sighting          -        -     o       o
status            a        -     -       -
explain           a        -     -       -
follower.accept   a        -     -       -
zone.list         a        -     -       -
zone.show         a        -     -       -
zone.sign         a        -     -       -
zone.roll         a        -     -       -
zone.insecure     a        -     -       -
zone.confirm      a        -     -       -
"""
HEAD, *LINES = (line.split() for line in MATRIX.strip().splitlines())
CELLS = {
    (Role(role), Operation(operation)): mark
    for operation, *marks in LINES
    for role, mark in zip(HEAD, marks, strict=True)
}
EVERY_PAIR = [(role, operation) for role in Role for operation in Operation]


@pytest.mark.parametrize(("role", "operation"), EVERY_PAIR)
def test_a_role_may_do_what_the_matrix_says(role, operation):
    """No pair is missing: an operation that nobody thought of fails here."""
    mine, others, nobodys = {"a": (1, 1, 1), "o": (1, 0, 0), "-": (0, 0, 0)}[
        CELLS[role, operation]
    ]
    caller = Caller(role, "me", b"")
    assert caller.may(operation, "me") == caller.may_at_all(operation) == mine
    assert caller.may(operation, "you") == others
    assert caller.may(operation) == nobodys


def test_a_caller_without_a_name_owns_nothing():
    assert not Caller(Role.OWNER, "", b"").may(Operation.APP_SHOW, "")


def test_a_refusal_says_who_and_what():
    with pytest.raises(Forbidden, match=r"owner token ada .* app\.stop of bob"):
        Caller(Role.OWNER, "ada", b"").demand(Operation.APP_STOP, "bob")


async def granted(store, role=Role.OWNER, subject="ada"):
    async with store.transaction() as tx:
        return await grant(tx, role, subject)


async def identified(store, header):
    async with store.reading() as reading:
        return await identify(reading, header)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_token_tells_who_sent_it(store, scheme):
    token = await granted(store)
    caller = await identified(store, f"{scheme} {token}")
    assert (caller.role, caller.subject) == (Role.OWNER, "ada")


async def test_a_token_is_kept_only_as_its_digest(store):
    token = await granted(store)
    async with store.reading() as reading:
        (row,) = (await reading.execute(select(tokens))).all()
    assert row.digest == hashlib.sha256(token.encode()).digest()
    assert token not in str(row)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer no", "Basic"]
)
async def test_who_has_no_token_of_ours_is_nobody(store, header):
    await granted(store)
    with pytest.raises(Unauthenticated):
        await identified(store, header)


async def test_the_scheme_must_be_bearer(store):
    token = await granted(store)
    with pytest.raises(Unauthenticated, match="Bearer TOKEN"):
        await identified(store, f"Basic {token}")


async def test_a_revoked_token_is_nobodys_and_others_stay(store):
    gone, stays = await granted(store), await granted(store, subject="bob")
    async with store.transaction() as tx:
        await revoke(tx, Role.OWNER, "ada")
    with pytest.raises(Unauthenticated):
        await identified(store, f"Bearer {gone}")
    assert (await identified(store, f"Bearer {stays}")).subject == "bob"


async def test_a_token_made_elsewhere_is_remembered_twice_as_once(store):
    for _ in range(2):
        async with store.transaction() as tx:
            await remember(tx, "told", Role.OPERATOR, "")
    assert (await identified(store, "Bearer told")).role is Role.OPERATOR
