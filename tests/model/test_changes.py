import itertools

from hypothesis import given
from hypothesis import strategies as st

from domicile.model import changes

texts = st.text(max_size=8)
change_values = st.builds(
    changes.Change,
    st.integers(1, 2**63),
    texts,
    texts,
    texts,
    st.none() | st.binary(max_size=8),
    st.just(changes.NO_CHAIN),
)


@given(change_values, change_values)
def test_two_changes_never_hash_alike(one, other):
    same = changes.next_chain(changes.NO_CHAIN, one) == changes.next_chain(
        changes.NO_CHAIN, other
    )
    assert same == (one == other)


def test_where_a_part_ends_counts():
    """The same characters, cut elsewhere, are another change."""
    cuts = itertools.combinations(range(5), 3)
    chains = {
        changes.next_chain(
            changes.NO_CHAIN,
            changes.Change(
                1, "abcd"[:a], "abcd"[a:b], "abcd"[b:c], b"abcd"[c:], changes.NO_CHAIN
            ),
        )
        for a, b, c in cuts
    }
    assert len(chains) == 10
