"""The table of signed replies, by both twins."""

import sys
from random import Random

import pytest
from uncompiled import in_python

from domicile.nameserver import signed_replies

BESIDE = [b"amber", b"birch", b""]


@pytest.fixture(
    params=[signed_replies, in_python(signed_replies)], ids=["imported", "python"]
)
def twin(request):
    return request.param


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
        key, beside = random.choice(keys), random.choice(BESIDE)
        reply = b"%d" % number + bytes(random.randrange(500))
        replies.put(key + b"behind", len(key), beside, reply)
        expected[key, beside] = reply
        assert kept(replies, key, beside) == reply
        asked = random.choice(keys), random.choice(BESIDE)
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
