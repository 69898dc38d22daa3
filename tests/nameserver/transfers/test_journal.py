"""The journal: editions, what led from one to the next, and who reads meanwhile."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domicile.dns.name import name_from_text
from domicile.dns.rdata import Rdtype, RRset
from domicile.dns.transfer import NOTHING, split_records, write_records
from domicile.nameserver.transfers.journal import GONE, Journal, Node, Source, read

APEX = name_from_text("apps.test")
SOA = write_records(APEX, [RRset(APEX, Rdtype.SOA, 60, (b"\0\0" + bytes(20),))]).octets
STEP = 1 << 20


def node(label, *addresses, others=()):
    owner = bytes([len(label)]) + label.encode() + APEX
    rdatas = tuple(bytes([192, 0, 2, each]) for each in addresses)
    return Node(write_records(APEX, [RRset(owner, Rdtype.A, 60, rdatas)]), others)


def owner(label):
    return bytes([len(label)]) + label.encode()


def nodes(**given):
    return {
        owner(label): node(label, *addresses) if addresses else GONE
        for label, addresses in given.items()
    }


def source(serial, soa=SOA, **state):
    return Source(soa, serial, STEP, state)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "zones" / "apps.test.db"


@pytest.fixture
def journal(path):
    opened = Journal(path)
    yield opened
    opened.close()


def content(path):
    with read(path) as reading:
        pieces = list(reading.nodes())
    found = [one for each in pieces for one in split_records(each.octets)]
    assert len(found) == sum(each.records for each in pieces)
    return set(found)


def steps(path, serial):
    with read(path) as reading:
        found = reading.since(serial)
        return found and [(list(each.deleted), list(each.added)) for each in found]


def records(**given):
    return {
        one
        for label, addresses in given.items()
        for one in split_records(node(label, *addresses).piece.octets)
    }


def test_before_the_first_edition_there_is_nothing(path, journal):
    with read(path) as reading:
        assert reading is None
    with read(path.with_name("other")) as reading:
        assert reading is None


def test_editions_are_revised_and_what_changed_is_kept(path, journal):
    first = journal.revise(nodes(a=[1, 2], b=[3]), source(7, as_of="x"))
    assert (first.serial, journal.state()) == (7, {"as_of": "x"})
    second = journal.revise(nodes(a=[2, 4], b=[], c=[5]), source(9))
    assert second.serial == 9
    assert content(path) == records(a=[2, 4], c=[5])
    ((deleted, added),) = steps(path, 7)
    assert set(deleted) == records(a=[1], b=[3])
    assert set(added) == records(a=[4], c=[5])
    assert steps(path, 8) is None


def test_where_nothing_differs_there_is_no_edition(journal):
    journal.revise(nodes(a=[1]), source(7))
    assert journal.revise(nodes(a=[1], b=[]), source(8, as_of="y")) is None
    assert journal.edition().serial == 7
    assert journal.state() == {"as_of": "y"}


def test_another_soa_is_another_edition(journal):
    journal.revise(nodes(a=[1]), source(7))
    other = SOA[:-4] + b"\0\0\0\x05"
    assert journal.revise({}, source(8, other)).serial == 8


def test_a_serial_never_goes_back(journal):
    """As after a directory was restored: what it counts begins anew."""
    journal.revise(nodes(a=[1]), source(1000))
    assert journal.revise(nodes(a=[2]), source(900)).serial == STEP + 900
    assert journal.revise(nodes(a=[3]), source(901)).serial == STEP + 901


def test_a_draft_is_seen_once_it_is_adopted(path, journal):
    journal.revise(nodes(a=[1], b=[2]), source(7))
    journal.begin_draft()
    journal.draft(nodes(a=[1], c=[3]))
    journal.draft(nodes(d=[4], e=[5]))
    journal.draft(nodes(e=[]))
    assert content(path) == records(a=[1], b=[2])
    assert journal.adopt(source(8)).serial == 8
    assert content(path) == records(a=[1], c=[3], d=[4])
    ((deleted, added),) = steps(path, 7)
    assert (set(deleted), set(added)) == (records(b=[2]), records(c=[3], d=[4]))
    journal.begin_draft()
    journal.draft(nodes(a=[1], c=[3], d=[4]))
    assert journal.adopt(source(9)) is None


def test_names_that_come_and_go_together_are_known(journal):
    together = (owner("b"), b"\x01c\x03ada")
    journal.revise({owner("a"): node("a", 1, others=together)}, source(7))
    assert journal.together_with(owner("a")) == (owner("a"), *together)
    assert journal.together_with(owner("b")) == ()
    journal.begin_draft()
    assert journal.together_with(owner("a"), in_draft=True) == ()
    journal.draft({owner("a"): node("a", 1, others=together[:1])})
    assert journal.together_with(owner("a"), in_draft=True) == (owner("a"), owner("b"))
    journal.adopt(source(8))
    assert journal.together_with(owner("a")) == (owner("a"), owner("b"))


def test_a_name_without_records_may_have_others_with_it(path, journal):
    bare = Node(NOTHING, (owner("b"),))
    journal.revise({owner("a"): bare} | nodes(b=[1]), source(7))
    assert journal.together_with(owner("a")) == (owner("a"), owner("b"))
    assert content(path) == records(b=[1])


def test_who_reads_sees_one_edition_however_long(path, journal):
    journal.revise(nodes(a=[1]), source(1))
    with read(path) as reading:
        pieces = reading.nodes()
        for serial in range(2, 9):
            journal.revise(nodes(a=[serial]), source(serial))
        assert reading.edition.serial == 1
        assert list(pieces) == [node("a", 1).piece]
    assert content(path) == records(a=[8])


def test_what_is_too_long_ago_is_forgotten(path, tmp_path):
    journal = Journal(path, most_changes=4)
    for serial in range(1, 8):
        journal.revise(nodes(a=[serial], b=[serial]), source(serial))
    assert steps(path, 4) is None
    assert len(steps(path, 5)) == 2
    journal.begin_draft()
    journal.draft(nodes(a=[8], b=[8], c=[8], d=[8], e=[8]))
    journal.adopt(source(8))
    assert steps(path, 7) is None
    assert steps(path, 8) == []
    journal.close()


EDITIONS = st.lists(
    st.dictionaries(
        st.sampled_from("abcdef"),
        st.lists(st.integers(1, 5), unique=True, max_size=3),
        max_size=6,
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=60)
@given(EDITIONS, st.booleans())
def test_the_steps_lead_from_any_edition_to_the_newest(
    tmp_path_factory, editions, whole
):
    path = tmp_path_factory.mktemp("journal") / "zone.db"
    journal = Journal(path)
    there = []
    for serial, each in enumerate(editions, 1):
        given_nodes = nodes(**dict.fromkeys("abcdef", ())) | nodes(**each)
        if whole:
            journal.begin_draft()
            journal.draft(given_nodes)
            journal.adopt(source(serial))
        else:
            journal.revise(given_nodes, source(serial))
        there.append((journal.edition().serial, content(path)))
    for serial, before in there:
        now = before
        for deleted, added in steps(path, serial):
            assert set(deleted) <= now
            now = (now - set(deleted)) | set(added)
        assert now == there[-1][1]
    journal.close()
