"""Signatures are kept by what they sign, and new ones are made within a budget."""

import pytest

from domicile.dns.keys import make_key
from domicile.dns.name import name_from_text
from domicile.dns.rdata import RRset
from domicile.dns.signatures import DAY, Budget, OverBudget, Purpose, Signatures

ZONE = name_from_text("apps.test")
NOW = 1_700_000_000
KEY = make_key()


def address(number, name="a.apps.test"):
    return RRset(name_from_text(name), 1, 60, (number.to_bytes(4, "big"),))


def get(signatures, rrset, now=NOW, **purpose):
    return signatures.get(ZONE, KEY, rrset, Purpose(now, **purpose))


def expiration(rdata):
    return int.from_bytes(rdata[8:12], "big")


def test_a_budget_is_saved_up_for_a_second_and_no_longer():
    budget = Budget(3)
    assert [budget.take(NOW) for _ in range(4)] == [True, True, True, False]
    assert [budget.take(NOW + 10) for _ in range(4)] == [True, True, True, False]
    # A clock that was set back gives nothing, and takes nothing for long.
    assert not budget.take(NOW)
    assert budget.take(NOW + 1)


def test_the_same_is_signed_once_and_other_data_anew():
    signatures = Signatures()
    first = get(signatures, address(1))
    assert get(signatures, address(1)) == first
    assert get(signatures, address(2)) != first
    assert get(signatures, address(1)._replace(ttl=61)) != first
    assert signatures.made == 3


def test_signatures_do_not_all_expire_at_once():
    signatures = Signatures()
    names = [f"n{number}.apps.test" for number in range(50)]
    ends = {expiration(get(signatures, address(1, name))) for name in names}
    assert len(ends) > 40
    assert max(ends) - min(ends) > DAY // 4


def test_what_is_due_and_over_budget_is_given_on_while_it_is_good():
    signatures = Signatures(per_second=1)
    first = get(signatures, address(1))
    due = expiration(first) - 2 * DAY
    get(signatures, address(2), due)
    assert get(signatures, address(1), due) == first
    assert get(signatures, address(1), due + 1) != first
    with pytest.raises(OverBudget, match="ask again"):
        get(signatures, address(3), due + 1)


def test_each_purpose_has_a_budget_of_its_own():
    signatures = Signatures(per_second=1)
    for number, stream in enumerate((False, True)):
        for missing in (False, True):
            more = {"is_stream": stream, "is_missing": missing}
            get(signatures, address(10 * number + missing), **more)
            with pytest.raises(OverBudget):
                get(signatures, address(100 + 10 * number + missing), **more)


def test_what_is_asked_for_stays_whatever_else_is():
    signatures = Signatures(per_second=1e9, room=100)
    first = get(signatures, address(0))
    for number in range(1, 500):
        get(signatures, address(number))
        if number % 40 == 0:
            assert get(signatures, address(0)) is first
    made = signatures.made
    get(signatures, address(1))
    assert signatures.made == made + 1, "what nobody asks for goes"


def test_names_that_are_not_there_push_nothing_out():
    signatures = Signatures(per_second=1e9, room=10)
    first = get(signatures, address(0))
    for number in range(1, 100):
        get(signatures, address(number), is_missing=True)
    assert get(signatures, address(0)) is first
