"""An answer that takes too much away is held back until an operator says that it is meant."""

import pytest

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.feed import Begin, End, Entry
from domicile.model.records import LOSS, Consent, Owner, Placement, Residence
from domicile.model.zone_records import Zone
from domicile.replica.answer import Answer
from domicile.replica.guard import LEAST, HeldBack

CHAIN, NEXT = b"c" * 16, b"d" * 16
MANY = 2 * LEAST


def placement(number):
    return Placement(f"app{number:03}", "amber", 1)


@pytest.fixture
def full(replica, change_of):
    """A replica of a zone, an owner and many placements, as of serial 100."""
    records = [Zone("apps.test", {}), Owner("ada", "apps.test", "free")]
    records += [placement(number) for number in range(MANY)]
    changes = [change_of(n, record) for n, record in enumerate(records, 1)]
    replica.apply(changes, 100, CHAIN)
    return replica


def take(replica, changes, *, snapshot=False, up_to=200):
    begin = Begin(0 if snapshot else 100, up_to, NEXT, snapshot=snapshot)
    answer = Answer(replica, from_start=False)
    try:
        for frame in (begin, *map(Entry, changes), End(len(changes))):
            answer.take(frame)
        answer.finish()
    finally:
        answer.abandon()


def count(replica, kind=Placement):
    with replica.view() as view:
        return view.count(kind)


def consent(change_of, chain, serial=199):
    return change_of(serial, Consent(LOSS, 1, {"nameserver/ns1/ns1": chain}))


@pytest.fixture
def gone(change_of):
    def make(numbers, first=101):
        return [
            change_of(serial, placement(number), deleted=True)
            for serial, number in enumerate(numbers, first)
        ]

    return make


def test_within_one_history_a_few_go_as_they_please(full, gone):
    take(full, gone(range(LEAST)))
    assert count(full) == MANY - LEAST


def test_more_than_the_share_is_held_back_and_nothing_has_changed(full, gone):
    with pytest.raises(HeldBack, match=f"{LEAST + 1} of {MANY} placements would go"):
        take(full, gone(range(LEAST + 1)))
    assert count(full) == MANY
    assert full.serial() == 100


def test_what_comes_in_the_same_answer_makes_up_for_what_goes(full, gone, change_of):
    come = [change_of(150 + n, placement(500 + n)) for n in range(5)]
    take(full, [*gone(range(LEAST + 5)), *come])
    assert count(full) == MANY - LEAST


def test_what_goes_and_comes_back_has_not_gone(full, gone, change_of):
    back = [change_of(150 + n, placement(n)) for n in range(MANY)]
    take(full, [*gone(range(MANY)), *back])
    assert count(full) == MANY


def test_what_was_not_there_cannot_go(full, gone):
    take(full, gone(range(MANY, 3 * MANY)))
    assert count(full) == MANY


def test_other_kinds_are_not_names(full, change_of):
    owners = [Owner(f"o{n}", "apps.test", "free") for n in range(MANY)]
    take(full, [change_of(101 + n, each) for n, each in enumerate(owners)])
    begin = [change_of(201 + n, each, deleted=True) for n, each in enumerate(owners)]
    answer = Answer(full, from_start=False)
    frames = Begin(200, 300, CHAIN), *map(Entry, begin), End(len(begin))
    for frame in frames:
        answer.take(frame)
    assert count(full, Owner) == 1


@pytest.mark.parametrize("left", [0, MANY // 2 - 1])
def test_a_snapshot_that_shrinks_the_names_is_held_back(full, change_of, left):
    records = [Zone("apps.test", {}), *map(placement, range(left))]
    changes = [change_of(n, record) for n, record in enumerate(records, 1)]
    with pytest.raises(HeldBack, match=f"{MANY - left} of {MANY} placements"):
        take(full, changes, snapshot=True)
    assert count(full) == MANY


def test_a_snapshot_with_enough_of_them_is_taken_in(full, change_of):
    records = [Zone("apps.test", {}), *map(placement, range(MANY // 2))]
    take(full, [change_of(n, r) for n, r in enumerate(records, 1)], snapshot=True)
    assert count(full) == MANY // 2


def test_a_snapshot_without_the_zone_is_held_back(full, change_of):
    changes = [change_of(n + 1, placement(n)) for n in range(MANY)]
    with pytest.raises(HeldBack, match="1 of 1 zones"):
        take(full, changes, snapshot=True)


def test_a_cluster_that_lost_its_store_does_not_make_its_proxies_forget(
    replica, change_of
):
    here = Residence("a" * 26, "amber", 1, "here", hosts=("h.test",))
    replica.apply([change_of(1, here)], 100, CHAIN)
    with pytest.raises(HeldBack):
        take(replica, [], snapshot=True)
    take(replica, [change_of(1, here)], snapshot=True)


def test_what_an_operator_means_is_taken_in(full, gone, change_of):
    take(full, [*gone(range(MANY)), consent(change_of, CHAIN)])
    assert count(full) == 0


def test_a_snapshot_that_an_operator_means_is_taken_in(full, change_of):
    take(full, [consent(change_of, CHAIN)], snapshot=True)
    assert count(full) == 0


def test_a_consent_is_good_for_the_replica_that_it_names(full, gone, change_of):
    other = [*gone(range(MANY)), consent(change_of, NO_CHAIN)]
    with pytest.raises(HeldBack):
        take(full, other)
    with pytest.raises(HeldBack):
        take(full, [consent(change_of, NEXT)], snapshot=True)
    assert count(full) == MANY


def test_a_consent_that_is_none_counts_for_nothing(full, gone):
    strange = Change(199, "consent", LOSS, "", b"\x01", NO_CHAIN)
    with pytest.raises(HeldBack):
        take(full, [*gone(range(MANY)), strange])


def test_who_has_nothing_has_nothing_to_lose(replica, change_of):
    take(replica, [change_of(1, Owner("ada", "apps.test", "free"))], snapshot=True)
    assert replica.serial() == 200


def test_what_cannot_be_read_keeps_nothing_back(full, garble):
    garble()
    take(full, [], snapshot=True)
    assert count(full) == 0
