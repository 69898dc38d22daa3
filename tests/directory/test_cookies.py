"""The directory keeps one secret for the cookies of all its name servers."""

import pytest

from domicile.directory.cookies import Cookies
from domicile.directory.leadership import Leadership
from domicile.model.sealing import context_of, unseal
from domicile.model.zone_records import COOKIES, CookieSecrets, CookieStage

KEY = bytes(range(32))


@pytest.fixture
async def leadership(store):
    leadership = Leadership(store, clock=lambda: 0.0)
    await leadership.look()
    return leadership


@pytest.fixture
def now():
    return [1000.0]


@pytest.fixture
def cookies(store, leadership, now):
    return Cookies(store, KEY, leadership, clock=lambda: now[0])


async def stored(store):
    async with store.reading() as reading:
        return await reading.get(CookieSecrets, COOKIES)


async def test_the_first_look_makes_a_secret_that_only_the_sealing_key_opens(
    store, cookies
):
    await cookies.look()
    found = await stored(store)
    (sealed,) = found.sealed
    assert len(unseal(KEY, sealed, context_of(found.kind, COOKIES))) == 16
    await cookies.look()
    assert await stored(store) == found


async def test_after_a_month_another_follows(store, cookies, now):
    await cookies.look()
    before = await stored(store)
    now[0] += 31 * 86400
    await cookies.look()
    after = await stored(store)
    assert after.stage is CookieStage.INCOMING
    assert after.sealed[0] == before.sealed[0]
    assert after.sealed[1] != before.sealed[0]


async def test_who_does_not_lead_writes_nothing(store):
    cookies = Cookies(store, KEY, Leadership(store, clock=lambda: 0.0))
    await cookies.look()
    assert await stored(store) is None
