"""One answer of a feed, frame by frame."""

from domicile.model.feed import Begin, End, Entry
from domicile.model.records import Owner
from domicile.replica.answer import Answer, Arrival

CHAIN = b"c" * 16


def test_how_far_a_snapshot_is_can_be_seen_while_it_arrives(replica, change_of):
    answer = Answer(replica, from_start=False)
    seen = [answer.arrival]
    owners = [Owner(name, "apps.test", "free") for name in ("alice", "bob")]
    entries = [Entry(change_of(n, owner)) for n, owner in enumerate(owners, 1)]
    begin = Begin(0, 9, CHAIN, snapshot=True, count=2)
    for frame in (begin, *entries, End(2)):
        answer.take(frame)
        seen.append(answer.arrival)
    assert seen == [None, *(Arrival(came, 0, 2) for came in range(3)), None]


def test_one_that_is_given_up_arrives_no_more(replica, change_of):
    answer = Answer(replica, from_start=False)
    answer.take(Begin(0, 9, CHAIN, snapshot=True, count=2))
    assert answer.arrival == Arrival(0, 0, 2)
    answer.abandon()
    assert answer.arrival is None


def test_a_range_is_no_arrival(replica, change_of):
    replica.apply([], 1, CHAIN)
    answer = Answer(replica, from_start=False)
    answer.take(Begin(1, 9, CHAIN))
    assert answer.arrival is None
