import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domicile.model import feed
from domicile.model.changes import NO_CHAIN, Change


def answer(count):
    begin = feed.Begin(after=0, up_to=count, chain=b"c" * 16)
    entries = [
        Change(n, "app", f"k{n}", "", b"v" * n, NO_CHAIN) for n in range(1, count + 1)
    ]
    return begin, entries


@given(st.integers(0, 5), st.lists(st.integers(0, 400), max_size=6))
def test_frames_come_out_whole_wherever_the_stream_is_cut(count, cuts):
    begin, entries = answer(count)
    stream = b"".join(feed.encode_answer(begin, entries))
    reader = feed.FrameReader()
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    frames = [
        frame
        for start, end in itertools.pairwise(edges)
        for frame in reader.feed(stream[start:end])
    ]
    assert frames == [begin, *map(feed.Entry, entries), feed.End(count)]


def test_an_ask_survives_the_wire():
    note = feed.WorkerNote(7, {"a": 1}, active={"a": 0.5})
    ask = feed.Ask("ns1", ("app", "zone"), 7, b"x" * 16, notes={"0": note})
    assert feed.decode_ask(feed.encode_ask(ask)) == ask


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x80", b"GET / HTTP/1.1"])
def test_what_is_no_feed_is_refused(body):
    with pytest.raises(feed.BadFeed):
        feed.decode_ask(body)


def test_a_frame_longer_than_any_is_refused_before_it_is_awaited():
    with pytest.raises(feed.BadFeed, match="more than is ever sent"):
        list(feed.FrameReader().feed(b"\xff\xff\xff\xff"))
