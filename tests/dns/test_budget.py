"""Budgets of octets: what they let through, whoever asks."""

from collections import defaultdict
from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from domicile.dns.budget import Budget, prefix_of

RATE, BURST = 1000, 5000
SECOND = 1_000_000
KEY = 0x9E3779B97F4A7C15
ASKED = 40
MET = [source for source in range(600_000) if (source * KEY & (2**64 - 1)) >> 49 == 0]
"""Sources that share one set of two places."""


def budget(exempt=(), key=KEY):
    return Budget(RATE, BURST, key, [ip_network(each) for each in exempt])


def prefix(text):
    return prefix_of(ip_address(text).packed)


def let_through(limited, source, count, now=0, size=140):
    return sum(limited.allows(source, ASKED, size, now) for _ in range(count))


def test_answers_up_to_one_and_a_half_of_the_query_are_free():
    limited = budget()
    assert let_through(limited, 1, 10_000, size=60) == 10_000
    assert let_through(limited, 1, 10_000, size=61) == BURST // 21


def test_a_burst_goes_out_and_then_what_a_second_gives():
    limited = budget()
    assert let_through(limited, 1, 1000) == BURST // 100
    assert let_through(limited, 1, 1000, now=SECOND) == RATE // 100
    assert let_through(limited, 1, 1000, now=3600 * SECOND) == BURST // 100


def test_who_asks_elsewhere_has_a_budget_of_his_own():
    limited = budget()
    let_through(limited, prefix("192.0.2.1"), 1000)
    assert let_through(limited, prefix("192.0.2.200"), 1) == 0
    assert let_through(limited, prefix("192.0.3.1"), 1) == 1


def test_prefixes_are_a_24_and_a_56():
    assert prefix("192.0.2.1") == prefix("192.0.2.255") != prefix("192.0.3.0")
    assert prefix("2001:db8:0:1::") == prefix("2001:db8:0:ff::1")
    assert prefix("2001:db8:0:ff::") != prefix("2001:db8:0:100::")
    assert prefix("::1") != prefix("0.0.0.0")


def test_listed_networks_are_exempt_and_their_neighbours_are_not():
    limited = budget(["127.0.0.0/8", "::1/128", "192.0.2.0/23"])
    for each in ("127.0.0.1", "127.255.0.1", "::1", "192.0.3.255"):
        assert let_through(limited, prefix(each), 1000) == 1000
    for each in ("126.255.255.1", "128.0.0.1", "0:0:0:100::1", "192.0.1.1"):
        assert let_through(limited, prefix(each), 1000) == BURST // 100


def test_every_other_one_that_is_over_slips():
    limited = budget()
    assert [limited.slips() for _ in range(4)] == [True, False, True, False]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(MET[:5]), st.integers(61, 2000), st.integers(0, SECOND)
        ),
        max_size=300,
    ),
)
def test_no_mix_of_sources_gets_more_than_its_budgets(asks):
    """In no window, of no length, and however they push each other out."""
    limited = budget()
    given_out = defaultdict(list)
    now = 0
    for source, size, pause in asks:
        now += pause
        if limited.allows(source, ASKED, size, now):
            given_out[source].append((now, size - ASKED))
    for sent in given_out.values():
        _check_windows(sent)


def _check_windows(sent):
    for first, (begin, _) in enumerate(sent):
        total = 0
        for end, size in sent[first:]:
            total += size
            assert total * SECOND <= RATE * (end - begin) + BURST * SECOND


@given(st.lists(st.sampled_from(MET), max_size=60))
def test_who_was_pushed_out_comes_back_with_what_he_spent(order):
    limited = budget()
    for source in MET:
        let_through(limited, source, 60)
    assert sum(let_through(limited, source, 60) for source in order) == 0


def test_a_flood_from_everywhere_gets_what_the_table_has_places_for():
    limited = budget()
    places = 2 << 15
    total = sum(
        limited.allows(source, ASKED, ASKED + BURST, 0) for source in range(4 * places)
    )
    assert total <= places
