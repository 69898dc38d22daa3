"""What is sent again is answered as before, and only to who sent it."""

import pytest
from sqlalchemy import select, update

from domicile.directory.access import Role, grant, identify
from domicile.directory.idempotency import (
    KEPT_SECONDS,
    Answer,
    BadIdempotencyKey,
    KeyReused,
    drop_old,
    keep,
    recall,
    request_digest,
)
from domicile.store.schema import idempotency

REQUEST = request_digest("POST", "/v1/owners", b"{}")
ANSWER = Answer(201, b'{"token":"hidden"}')


@pytest.fixture
async def caller(store):
    return await new_caller(store)


async def new_caller(store):
    async with store.transaction() as tx:
        token = await grant(tx, Role.OPERATOR, "")
        return await identify(tx, f"Bearer {token}")


async def kept(store, caller, key="k"):
    async with store.transaction() as tx:
        await keep(tx, caller, key, REQUEST, ANSWER)


async def recalled(store, caller, key="k", request=REQUEST):
    async with store.reading() as reading:
        return await recall(reading, caller, key, request)


async def test_an_answer_is_given_again(store, caller):
    assert await recalled(store, caller) is None
    await kept(store, caller)
    assert await recalled(store, caller) == ANSWER


async def test_a_key_is_its_callers_own(store, caller):
    await kept(store, caller)
    assert await recalled(store, await new_caller(store)) is None


@pytest.mark.parametrize(
    "other",
    [
        request_digest("POST", "/v1/owners", b"{ }"),
        request_digest("POST", "/v1/clusters", b"{}"),
        request_digest("PUT", "/v1/owners", b"{}"),
    ],
)
async def test_a_key_is_for_one_request(store, caller, other):
    await kept(store, caller)
    with pytest.raises(KeyReused):
        await recalled(store, caller, request=other)


async def test_what_is_kept_cannot_be_read_from_the_table(store, caller):
    await kept(store, caller)
    async with store.reading() as reading:
        (row,) = (await reading.execute(select(idempotency))).all()
    assert b"hidden" not in row.body


async def test_an_answer_is_dropped_after_a_day(store, caller):
    await kept(store, caller)
    async with store.transaction() as tx:
        old = tx.now - KEPT_SECONDS - 1
        await tx.execute(update(idempotency).values(made_at=old))
    await kept(store, caller, "next")
    async with store.transaction() as tx:
        await drop_old(tx)
    assert await recalled(store, caller) is None
    assert await recalled(store, caller, "next") == ANSWER


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_key_has_a_length(store, caller, key):
    with pytest.raises(BadIdempotencyKey):
        await recalled(store, caller, key)
