"""Several owners of one store know of each other's followers."""

import pytest

from domicile.model.changes import NO_CHAIN
from domicile.model.feed import Ask, WorkerNote
from domicile.model.records import Owner
from domicile.store.feed import SILENT_SECONDS, Feed
from domicile.store.followers import Word
from domicile.store.store import Store

CHAIN = b"c" * 16


class Clock:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def _brief_polls(monkeypatch):
    monkeypatch.setattr("domicile.store.feed.POLL_SECONDS", 0.01)


@pytest.fixture
async def others_store(store, path):
    other = await Store.open(path)
    yield other
    await other.close()


@pytest.fixture
async def two(store, others_store):
    """Two owners, whose clocks have nothing to do with each other."""
    one = await Feed.open(store, Clock(100.0))
    other = await Feed.open(others_store, Clock(9e6))
    return one, other


async def ask(feed, head=None, name="ns/1", **more):
    serial, chain = head or (0, NO_CHAIN)
    async for _ in feed.answer(Ask(name, ("owner",), serial, chain, **more)):
        pass


async def share(*feeds):
    for feed in feeds:
        await feed.share()


def only(feed):
    (follower,) = feed.followers
    return follower


@pytest.fixture
async def head(store):
    async with store.transaction() as tx:
        await tx.put(Owner("ada", "apps.test", "free"))
    return await store.head()


async def test_what_one_hears_the_other_knows(two, head):
    one, other = two
    await ask(one, head, admin="127.0.0.1:1", trouble="hm")
    assert other.followers == []
    await share(one, other)
    assert (only(other).serial, only(other).admin) == (head.serial, "127.0.0.1:1")
    assert only(other).trouble == "hm"
    assert await other.acknowledged(head.serial, "ns/", deadline=0.0) == set()


async def test_who_has_not_asked_either_is_missed_by_both(two, head):
    one, other = two
    await ask(one)
    await share(one, other)
    for feed in two:
        assert await feed.acknowledged(head.serial, "ns/", deadline=0.0) == {"ns/1"}


async def test_who_goes_on_asking_one_is_not_silent_to_the_other(two, head):
    one, other = two
    for _ in range(3):
        await ask(one, head)
        await share(one, other)
        assert other.silence_of(only(other)) == 0.0
        other._clock.now += SILENT_SECONDS
    await share(one, other)
    assert other.silence_of(only(other)) >= SILENT_SECONDS


async def test_who_changes_over_is_as_who_asked_last_heard(two, store, head):
    one, other = two
    await ask(one)
    await share(one, other)
    await ask(other, head)
    await share(one, other)
    assert only(one).serial == 0  # its own word is newer than what was shared before
    for feed in two:
        feed._clock.now += 3.0
    await ask(other, head)
    await share(other, one)
    assert only(one).serial == only(other).serial == head.serial


async def test_what_could_not_be_shared_is_shared_later(two, store, head, monkeypatch):
    one, other = two
    await ask(one)
    await share(one, other)
    await ask(one, head)

    class Full(Exception):
        pass

    async def fail(*_):
        raise Full

    with monkeypatch.context() as patched:
        patched.setattr("domicile.store.feed.share", fail)
        with pytest.raises(Full):
            await one.share()
    await share(one, other)
    assert only(other).serial == head.serial


async def test_who_is_forgotten_is_so_until_it_asks_again(two, head):
    one, other = two
    await ask(one, head)
    await one.forget("ns/1")
    await share(one, other)
    assert other.followers == []
    await ask(other, head)
    await share(other, one)
    assert only(one).serial == head.serial


async def test_by_its_own_word_it_is_behind_and_not_waited_for(two, head):
    one, _ = two
    await ask(one)
    one._clock.now += SILENT_SECONDS
    await ask(one, behind=True)
    assert one.is_behind(only(one))
    assert await one.acknowledged(head.serial, "ns/", deadline=1e9) == set()
    await ask(one)
    assert not one.is_behind(only(one))


def test_the_serial_is_what_its_slowest_worker_has_seen():
    notes = {"w1": WorkerNote(7), "w2": WorkerNote(5)}
    ask = Ask("ns/1", ("owner",), 8, CHAIN, notes=notes)
    assert (Word.of(ask, joined=True).serial, Word.of(ask, joined=False).serial) == (
        5,
        0,
    )
    assert Word.of(Ask("ns/1", ("owner",), 8, CHAIN), joined=True).serial == 8
