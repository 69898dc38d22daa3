"""The table of all hosts, by both twins."""

from random import Random

import pytest
from uncompiled import in_python

from domicile.nameserver import hosts

CLUSTERS = [b"amber", b"birch", b"", *(b"c%d" % number for number in range(300))]


@pytest.fixture(params=[hosts, in_python(hosts)], ids=["imported", "python"])
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
    table = hosts.Hosts()
    table.begin(70_000)
    refused = [n for n in range(66_000) if not table.put(b"h%d" % n, b"c%d" % n)]
    if hosts.__file__.endswith(".so"):
        assert refused == list(range(65_000, 66_000))
        assert find(table, b"h65000") is hosts.UNKNOWN
    else:
        assert not refused
    assert find(table, b"h64999") == b"c64999"
