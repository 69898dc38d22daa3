"""The tables of all hosts and of signed replies, by both twins."""

import sys
from random import Random

import pytest
from uncompiled import in_python

from domicile.nameserver import tables

CLUSTERS = [b"amber", b"birch", b"", *(b"c%d" % number for number in range(300))]


@pytest.fixture(params=[tables, in_python(tables)], ids=["imported", "python"])
def twin(request):
    return request.param


def find(table, host):
    # What lies behind in the same room is not looked at.
    return table.find(host + b"behind", len(host))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("room", [300, 3000])
def test_it_says_what_it_was_told_last(twin, seed, room):
    random = Random(seed)
    names = [b"\1" + random.randbytes(random.randrange(60)) for _ in range(300)]
    table, expected = twin.Hosts(), {}
    table.begin(room)
    for _ in range(3000):
        host = random.choice(names)
        cluster = random.choice([None, *CLUSTERS])
        assert table.put(host, cluster)
        expected[host] = cluster
        asked = random.choice(names)
        found = expected.get(asked)
        assert find(table, asked) == (twin.UNKNOWN if found is None else found)
    table.complete()
    assert [find(table, each) for each in names] == [expected.get(e) for e in names]
    assert len(table) == sum(each is not None for each in expected.values())


def test_what_is_not_in_it_is_unknown_until_it_is_whole(twin):
    table = twin.Hosts()
    assert not table.whole
    assert find(table, b"host") is twin.UNKNOWN
    table.complete()
    assert table.whole
    assert find(table, b"host") is None
    table.begin(10)
    assert not table.whole
    assert find(table, b"host") is twin.UNKNOWN


def test_as_many_as_were_said_find_room_and_are_told_apart(twin):
    table = twin.Hosts()
    table.begin(100_000)
    names = [b"\1a%d.o%d.apps.test" % (number, number % 7) for number in range(100_000)]
    for number, host in enumerate(names):
        assert table.put(host, CLUSTERS[number % len(CLUSTERS)])
    table.complete()
    for number, host in enumerate(names):
        assert find(table, host) == CLUSTERS[number % len(CLUSTERS)]
        assert find(table, host + b"x") is None


def test_what_finds_no_room_is_refused_and_nothing_else_is_lost(twin, monkeypatch):
    # Of the one in C the room is its own; of the one in Python it is a number.
    monkeypatch.setattr(twin, "MOST", 300)
    table = twin.Hosts()
    table.begin(0)
    took = {
        b"%d" % number: table.put(b"%d" % number, b"amber") for number in range(900)
    }
    assert not all(took.values())
    for host, taken in took.items():
        assert find(table, host) == (b"amber" if taken else twin.UNKNOWN)
    assert table.put(b"0", None)
    assert find(table, b"0") is twin.UNKNOWN


def test_more_clusters_than_it_can_number_are_refused():
    table = tables.Hosts()
    table.begin(70_000)
    refused = [n for n in range(66_000) if not table.put(b"h%d" % n, b"c%d" % n)]
    if tables.__file__.endswith(".so"):
        assert refused == list(range(65_000, 66_000))
        assert find(table, b"h65000") is tables.UNKNOWN
    else:
        assert not refused
    assert find(table, b"h64999") == b"c64999"


def kept(replies, key, beside):
    return replies.find(key + b"behind", len(key), beside)


@pytest.mark.parametrize("seed", range(5))
def test_a_reply_is_given_for_its_key_and_what_else_it_depends_on(twin, seed):
    """Or, as there is room for so many only, none."""
    random = Random(seed)
    replies, expected = twin.SignedReplies(30_000), {}
    keys = [random.randbytes(random.randrange(1, 60)) for _ in range(100)]
    found = 0
    for number in range(5000):
        key, beside = random.choice(keys), random.choice(CLUSTERS[:3])
        reply = b"%d" % number + bytes(random.randrange(500))
        replies.put(key + b"behind", len(key), beside, reply)
        expected[key, beside] = reply
        assert kept(replies, key, beside) == reply
        asked = random.choice(keys), random.choice(CLUSTERS[:3])
        replies.foresee(asked[0], len(asked[0]))
        replies.approach(asked[0], len(asked[0]))
        answer = kept(replies, *asked)
        assert answer in (None, expected.get(asked))
        found += answer is not None
    # Of 300 with 280 octets each on average there is room for about 100, twice as many
    # while one generation follows another.
    assert 500 < found < 4000
    assert 20 < len(replies) < 200
    replies.clear()
    assert len(replies) == 0
    assert not any(kept(replies, *each) for each in expected)


def test_what_is_asked_for_stays_longest(twin):
    replies = twin.SignedReplies(100_000)
    replies.put(b"asked", 5, b"", bytes(400))
    lost = 0
    for number in range(10_000):
        if kept(replies, b"asked", b"") is None:
            lost += 1
            replies.put(b"asked", 5, b"", bytes(400))
        key = b"%d" % number
        replies.put(key, len(key), b"", bytes(400))
    # A set of places may be full of those that were just asked for, but seldom.
    assert lost < 5


def test_what_is_kept_is_let_go_of(twin):
    replies = twin.SignedReplies(100_000)
    reply = bytes(400)
    before = sys.getrefcount(reply)
    for number in range(1000):
        key = b"%d" % (number % 50)
        replies.put(key, len(key), b"", reply)
        assert kept(replies, key, b"") is reply
    assert sys.getrefcount(reply) > before
    replies.clear()
    replies.put(b"key", 3, b"", reply)
    del replies
    assert sys.getrefcount(reply) == before
