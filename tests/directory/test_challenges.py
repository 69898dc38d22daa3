"""Challenges in the store: set, updated by keys, once for each signature, and ended."""

import msgspec
import pytest

from domicile.directory.access import Forbidden
from domicile.directory.apps import NotFound
from domicile.directory.challenges import (
    NewChallenge,
    find_challenge,
    forget_ended,
    set_challenge,
    update,
)
from domicile.model.challenges import (
    LIFETIME,
    Action,
    BadValue,
    Change,
    NotAChallenge,
    Requirement,
    TooManyValues,
    Update,
    Updated,
)
from domicile.model.zone_records import Challenge, ChallengeMode, UpdateKey, Zone
from domicile.store.store import Store

AT = "_acme-challenge.ada.apps.test"
BEYOND = "_acme-challenge.bob.apps.test"
FAR = "_acme-challenge.far.test"
RECORDS = [
    Zone("apps.test", {}),
    Zone("far.test", {}, challenges=ChallengeMode.DELEGATE, validation="only.test"),
    Zone("only.test", {}, challenges=ChallengeMode.ONLY),
    UpdateKey("acme", "hmac-sha256", b"", ("ada.apps.test", "far.test")),
]


class Time:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
async def store(tmp_path, time):
    store = await Store.open(tmp_path / "directory.db", time)
    async with store.transaction() as tx:
        for record in RECORDS:
            await tx.put(record)
    yield store
    await store.close()


async def done(store, work, *args):
    async with store.transaction() as tx:
        return await work(tx, *args)


def add(value, name=AT):
    return Change(name, Action.ADD, value)


def signed(*changes, mac="01", key="acme", requires=()):
    return Update(key, mac, changes, requires)


async def values_at(store, name=AT):
    async with store.reading() as reading:
        try:
            shown = await find_challenge(reading, name, store.now())
        except NotFound:
            return []
        return [each.value for each in shown.values]


async def test_a_name_is_set_to_have_just_these_values(store):
    serial = await done(store, set_challenge, AT, NewChallenge(("a", "b"), 60))
    assert serial == store.serial
    assert await values_at(store) == ["a", "b"]
    await done(store, set_challenge, AT, NewChallenge(("c",)))
    assert await values_at(store) == ["c"]
    await done(store, set_challenge, AT, NewChallenge(()))
    assert await values_at(store) == []


async def test_what_needs_no_change_still_has_a_serial_to_wait_for(store):
    """What was written before may not be everywhere yet."""
    before = store.serial
    assert await done(store, set_challenge, AT, NewChallenge(())) == before
    clear = Change(AT, Action.CLEAR)
    assert await done(store, update, signed(clear)) == Updated(before)


@pytest.mark.parametrize("seconds", [0, -1, 8 * 86400.0, float("nan")])
async def test_values_end_within_a_week(store, seconds):
    with pytest.raises(BadValue, match="at most 604800"):
        await done(store, set_challenge, AT, NewChallenge(("a",), seconds))


async def test_what_has_ended_is_not_shown_and_is_swept(store, time):
    await done(store, set_challenge, AT, NewChallenge(("a",), 60))
    await done(store, set_challenge, FAR, NewChallenge(("b",), 600))
    time.now += 60
    assert await values_at(store) == []
    assert await done(store, forget_ended) == 1
    async with store.reading() as reading:
        left = await reading.all(Challenge)
    assert [each.name for each in left] == ["far.test.only.test"]


async def test_a_key_updates_its_names_and_delegated_ones_where_they_are(store):
    await done(store, update, signed(add("a"), add("b", FAR), add("c")))
    assert await values_at(store) == ["a", "c"]
    assert await values_at(store, "far.test.only.test") == ["b"]
    async with store.reading() as reading:
        challenge = await reading.get(Challenge, "test.apps.ada._acme-challenge")
    assert challenge.values["a"] == 1000 + LIFETIME


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (signed(add("a"), add("b", BEYOND)), Forbidden),
        (signed(add("a"), key="nobody"), Forbidden),
        (signed(add("a"), add("b", "ada.apps.test")), NotAChallenge),
        (signed(add("a"), add("")), BadValue),
        (signed(*(add(f"v{n}") for n in range(101))), TooManyValues),
        (signed(add("a"), requires=(Requirement(BEYOND, False),)), Forbidden),
    ],
)
async def test_an_update_is_done_whole_or_not_at_all(store, wanted, error):
    before = store.serial
    with pytest.raises(error):
        await done(store, update, wanted)
    assert await values_at(store) == []
    assert (await store.head()).serial == before


async def test_what_is_required_is_looked_at_before_anything_is_changed(store):
    none, just_a = Requirement(AT, False), Requirement(AT, True, ("a",))
    assert (await done(store, update, signed(add("a"), requires=(none,)))).unmet is None
    wanted = signed(add("b"), mac="02", requires=(just_a, none))
    assert (await done(store, update, wanted)).unmet == 1
    assert await values_at(store) == ["a"]
    wanted = signed(add("b"), mac="03", requires=(just_a,))
    assert (await done(store, update, wanted)).unmet is None
    assert await values_at(store) == ["a", "b"]


async def test_what_was_signed_once_is_done_once(store):
    """A message that somebody kept changes nothing, and is answered as it was."""
    first = await done(store, update, signed(add("a")))
    await done(store, update, signed(Change(AT, Action.CLEAR), mac="02"))
    assert await done(store, update, signed(add("a"))) == first
    assert await values_at(store) == []


async def test_what_is_signed_by_another_key_is_another_update(store):
    await done(store, update, signed(add("a")))
    other = msgspec.structs.replace(RECORDS[-1], name="other")
    async with store.transaction() as tx:
        await tx.put(other)
    await done(store, update, signed(add("b"), key="other"))
    assert await values_at(store) == ["a", "b"]
