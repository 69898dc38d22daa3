"""Plain questions get, octet by octet, what the long way gives."""

from functools import partial
from random import Random

import dns.flags
import dns.message
import pytest
from zonekeys import SEALING_KEY, made

from domicile.dns.client import Client, Transport
from domicile.dns.name import name_from_text
from domicile.dns.responder import respond
from domicile.dns.zonefile import read_zone
from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import Cluster, Owner, Placement, encode
from domicile.model.zone_records import Challenge, ChallengeMode, Zone
from domicile.nameserver.answers import answer
from domicile.nameserver.live import Moment
from domicile.nameserver.replies import Own, Replies
from domicile.replica.layout import place_of

CO = 0x4000
UDP = Client(Transport.UDP, bytes((192, 0, 2, 1)))
IDS = {letter: letter * 26 for letter in "abcdefg"}
LONG = "a" * 30
RECORDS = [
    Zone("apps.test", {"ns1.apps.test": ("127.0.0.1",), "n.in.apps.test": ("::1",)}),
    # A zone in another one, and one whose names have a file's beside them.
    Zone("eu.apps.test", {"ns1.apps.test": ()}),
    Zone("filed.test", {"ns1.apps.test": ()}),
    # One that has challenges, and none of the apps that have names like theirs.
    Zone("only.test", {}, challenges=ChallengeMode.ONLY),
    Challenge("hello.ada.only.test", {"value": 9e9}),
    Owner("ada", "apps.test", "free"),
    Owner("eve", "eu.apps.test", "free"),
    Owner("joe", "filed.test", "free"),
    Owner(LONG, "apps.test", "free"),
    Placement(IDS["a"], "amber", 2, "hello", "ada", "apps.test"),
    Placement(IDS["b"], "birch", 7, "other", "ada", "apps.test"),
    Placement(IDS["c"], "amber", 1, "hello", "eve", "eu.apps.test"),
    Placement(IDS["d"], "nowhere", 1, "lost", "ada", "apps.test"),
    Placement(IDS["e"], "amber", 300, "moves", "ada", "apps.test", moves_at=2e9),
    Placement(IDS["f"], "birch", 1, LONG, LONG, "apps.test"),
    Placement(IDS["g"], "birch", 1, "hello", "joe", "filed.test"),
    Cluster("amber", ("127.0.0.11", "127.0.0.12", "::11"), ()),
    Cluster("birch", ("127.0.0.21",), ()),
]
FILED = read_zone("filed.test", "@ 60 SOA a b 1 2 3 4 5\n*.joe 60 A 192.0.2.9\n")
FILES = {FILED.apex: FILED}
LABELS = [
    "hello",
    "other",
    "lost",
    "moves",
    "no",
    "ada",
    "eve",
    "joe",
    "ns1",
    "n",
    "in",
]
LABELS += [
    "apps",
    "test",
    "eu",
    "xn--a",
    "_where",
    "_acme-challenge",
    "only",
    "*",
    "a.b",
    "hello--ada",
    "a" * 45,
]
LABELS += [
    "hello--eve",
    "hello--ada--x",
    "--",
    "ada-",
    LONG,
    f"{LONG}--{LONG}",
    "a" * 48,
]
LABELS += [*IDS.values(), "z" * 26, "\0", "-", "0", "ö", "a" * 63]
ZONES = [
    "apps.test",
    "eu.apps.test",
    "filed.test",
    "only.test",
    "test",
    "else.test",
    "xapps.test",
    "",
]


@pytest.fixture
def records():
    return RECORDS


def make_query(random):
    usual = LABELS[:8] if random.random() < 0.5 else LABELS
    labels = random.choices(usual, k=random.choice([0, 1, 1, 2, 2, 2, 3]))
    wire = b"".join(bytes((len(each.encode()),)) + each.encode() for each in labels)
    name = wire + name_from_text(random.choice(ZONES[: random.choice([1, 2, 4, 8])]))
    if random.random() < 0.3:
        name = bytes(random.choice([octet, ord(chr(octet).upper())]) for octet in name)
    flags = random.choice([0, dns.flags.RD, dns.flags.RD | dns.flags.CD])
    kind = random.choice([1, 1, 1, 28, 28, 16, 65, 255])
    opt = random.choice([None, None, 0, dns.flags.DO, CO, dns.flags.DO | CO, 0x3FFF])
    query = dns.message.make_query(".", kind, flags=flags, id=random.randrange(65536))
    if opt is not None:
        query.use_edns(0, opt, payload=random.choice([0, 512, 1232]))
    packet = query.to_wire()
    return packet[:12] + name + packet[13:] if len(name) < 256 else packet


def the_long_way(view, packet):
    return respond(packet, UDP, partial(answer, view, FILES, Moment(1e9)))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("is_known", [False, True])
def test_a_plain_question_gets_the_answer_of_the_long_way(replica, seed, is_known):
    """Whether or not all hosts are known."""
    replies = Replies(replica, own=Own(FILES))
    while is_known and replies.take_census():
        pass
    random = Random(seed)
    found = 0
    replies.begin()
    with replies.batch() as reply, replica.view() as view:
        for _ in range(1000):
            packet = make_query(random)
            expected = the_long_way(view, packet)
            plain = replies.plain.find(packet)
            assert plain in (None, expected), packet
            found += plain is not None
            assert reply(packet, UDP) == expected
    replies.end()
    assert found > 100


def plain_after(replies, first, second):
    """Answer one question, and give what is then known of another."""
    queries = [dns.message.make_query(name, "A").to_wire() for name in (first, second)]
    replies.begin()
    with replies.batch() as reply:
        reply(queries[0], UDP)
        found = replies.plain.find(queries[1])
    replies.end()
    return found


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("hello.ada.apps.test", f"{IDS['a']}.apps.test"),
        ("hello--ada.apps.test", "HELLO.ada.apps.test"),
        ("hello.ada.apps.test", "hello--ada.apps.test"),
        ("no.ada.apps.test", "no.such.apps.test"),
        ("no.ada.apps.test", "nobody.apps.test"),
        ("hello.eve.eu.apps.test", f"{IDS['c']}.eu.apps.test"),
    ],
)
def test_one_answer_teaches_all_of_its_sort(replica, first, second):
    assert plain_after(Replies(replica), first, second) is not None


@pytest.mark.parametrize(
    "second",
    [
        "moves.ada.apps.test",
        "ada.apps.test",
        "apps.test",
        "ns1.apps.test",
        "in.apps.test",
        "no.such.filed.test",
        "a.b.c.apps.test",
        "_acme-challenge.ada.apps.test",
        "hello.ada.only.test",
        "else.test",
    ],
)
def test_what_is_not_plain_is_left(replica, second):
    replies = Replies(replica, own=Own(FILES))
    for first in (
        "hello.ada.apps.test",
        "no.ada.apps.test",
        "no.ada.only.test",
        second,
    ):
        assert plain_after(replies, first, second) is None


@pytest.mark.parametrize("flags", [0, dns.flags.DO, CO, dns.flags.DO | CO])
def test_a_kind_of_address_is_never_given_for_the_other(replica, flags):
    """Whatever flags come with the one, and have come with the other."""
    replies = Replies(replica)
    replies.begin()
    with replies.batch() as reply:
        for others in (0, dns.flags.DO, CO, dns.flags.DO | CO):
            for kind, ednsflags in (("AAAA", others), ("A", flags)):
                query = dns.message.make_query("hello.ada.apps.test", kind, use_edns=0)
                query.use_edns(0, ednsflags)
                packet = query.to_wire()
                found = replies.plain.find(packet)
                assert found in (None, reply(packet, UDP))
    replies.end()


def test_a_change_is_answered_at_once(replica):
    replies = Replies(replica)
    name = "hello.ada.apps.test"
    assert b"\x7f\0\0\x0b" in plain_after(replies, name, name)
    moved = Placement(IDS["a"], "birch", 3, "hello", "ada", "apps.test")
    change = Change(
        len(RECORDS) + 1, moved.kind, moved.key, "", encode(moved), NO_CHAIN
    )
    replica.apply([change], change.serial, NO_CHAIN)
    assert b"\x7f\0\0\x15" in plain_after(replies, name, name)


@pytest.mark.parametrize("entry", [b"", b"\0" * 8, b"\0" * 8 + b"\x92", b"\0" * 30])
def test_an_entry_that_is_no_entry_is_left(replica, entry):
    """Nothing is held against its CRC here, so anything may lie there."""
    place = place_of(Placement.kind, "hello.ada.apps.test")
    copy = replica.newest()
    with copy._env.begin(write=True) as txn:
        txn.put(place, entry, db=copy.index)
    replies = Replies(replica)
    assert plain_after(replies, "other.ada.apps.test", "hello.ada.apps.test") is None


def test_who_is_behind_answers_nothing_in_the_short_way(replica):
    replies = Replies(replica)
    name = "hello.ada.apps.test"
    assert plain_after(replies, name, name)
    with replica.view() as view:
        view.distrust("a disk's word is not what it was")
    assert plain_after(replies, name, name) is None


def known(replies, name, rdtype="A", **edns):
    query = dns.message.make_query(name, rdtype, **edns).to_wire()
    replies.begin()
    found = replies.plain.find(query)
    replies.end()
    return found


@pytest.fixture
def change(replica):
    def change(record):
        with replica.view() as view:
            serial = view.serial + 1
        written = Change(serial, record.kind, record.key, "", encode(record), NO_CHAIN)
        replica.apply([written], serial, NO_CHAIN)

    return change


HELLO, OTHER, MISSING = (f"{each}.ada.apps.test" for each in ("hello", "other", "no"))
MOVED = Placement(IDS["a"], "birch", 3, "hello", "ada", "apps.test")


def test_a_move_forgets_no_cluster_and_every_serial(replica, change):
    replies = Replies(replica)
    for name in (HELLO, OTHER, MISSING):
        plain_after(replies, name, name)
    change(MOVED)
    assert known(replies, HELLO) is not None
    assert known(replies, OTHER) is not None
    assert known(replies, MISSING) is None


@pytest.mark.parametrize(
    "record",
    [
        Cluster("amber", ("127.0.0.99",), ()),
        Zone("apps.test", {"hello.ada.apps.test": ("127.0.0.1",)}),
    ],
)
def test_what_all_names_depend_on_forgets_all(replica, change, record):
    replies = Replies(replica)
    plain_after(replies, HELLO, HELLO)
    change(record)
    assert known(replies, HELLO) is None


def test_a_signed_reply_is_kept_until_its_app_moves(replica, change):
    change(made("apps.test"))
    replies = Replies(replica, own=Own(sealing_key=SEALING_KEY))
    signed = {"want_dnssec": True}
    queries = {
        name: dns.message.make_query(name, "A", want_dnssec=True).to_wire()
        for name in (HELLO, OTHER)
    }
    replies.begin()
    with replies.batch() as reply:
        first = {name: reply(query, UDP) for name, query in queries.items()}
    replies.end()
    assert all(each.count(b"apps\4test") > 1 for each in first.values())
    assert known(replies, OTHER, **signed)[2:] == first[OTHER][2:]
    assert known(replies, OTHER) is None
    change(MOVED)
    assert known(replies, OTHER, **signed)[2:] == first[OTHER][2:]
    assert known(replies, HELLO, **signed) is None
    change(Cluster("birch", ("127.0.0.99",), ()))
    assert known(replies, OTHER, **signed) is None
