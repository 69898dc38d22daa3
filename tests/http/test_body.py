"""Bodies: where they end, and that no cut of the stream moves that place."""

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domicile.http.body import (
    LAST_CHUNK,
    BadBody,
    ChunkedBody,
    CloseBody,
    LengthBody,
    start_body,
    write_chunk,
)
from domicile.http.head import Framing


def read(body, stream, sizes=()):
    """Feed the stream in pieces; give the body and how many bytes were left."""
    seen = b""
    position = 0
    for size in [*sizes, len(stream)]:
        part = stream[position : position + size]
        position += len(part)
        seen += b"".join(body.feed(part))
        if body.done:
            return seen, len(body.excess) + len(stream) - position
    return seen, None


def verdict(stream, sizes=()):
    try:
        return read(ChunkedBody(), stream, sizes)
    except BadBody as error:
        return str(error)


@pytest.mark.parametrize(
    ("stream", "body", "excess"),
    [
        (b"0\r\n\r\n", b"", 0),
        (b"5\r\nhello\r\n0\r\n\r\nGET", b"hello", 3),
        (b"00005\r\nhello\r\n1\r\n!\r\n000\r\n\r\n", b"hello!", 0),
        (b'a;x;y=z;q="a;\\"b"\r\n0123456789\r\n0;z\r\n\r\n', b"0123456789", 0),
        (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n", 0),
        (b"0\r\nX-T: 1\r\nHost: other.example\r\n\r\nx", b"", 1),
        (b"F\r\n0123456789abcde\r\n0\r\n\r\n", b"0123456789abcde", 0),
        (b"5\r\nhel", b"hel", None),
        (b"5\r\nhello\r\n0\r\n", b"hello", None),
        (b"7fffffffffffffff\r\nx", b"x", None),
    ],
)
def test_chunks_are_joined(stream, body, excess):
    assert read(ChunkedBody(), stream) == (body, excess)
    assert read(ChunkedBody(), stream, [1] * len(stream)) == (body, excess)


@pytest.mark.parametrize(
    "stream",
    [
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhello!",
        b"5\r\nhello\rx",
        b"5\r\nhello" + b"x" * 5000,
        b"5\r\nhello" + b"x" * 5000 + b"\r\n",
        b"5;\r\nhello\r\n0\r\n\r\n",
        b"5;a\nb\r\nhello\r\n0\r\n\r\n",
        b"5;a\rb\r\nhello\r\n0\r\n\r\n",
        b"5;a=\r\nhello\r\n0\r\n\r\n",
        b'5;a="\r\nhello\r\n0\r\n\r\n',
        b"5 ;a\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"1_0\r\nhello\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b"g\r\n",
        b"8000000000000000\r\n",
        b"00000000000000005\r\nhello\r\n0\r\n\r\n",
        b"5;a=" + b"x" * 4096,
        b"5;a=" + b"x" * 4096 + b"\r\nhello\r\n0\r\n\r\n",
        b"0\r\n\n",
        b"0\r\nX : 1\r\n\r\n",
        b"0\r\n X: 1\r\n\r\n",
        b"0\r\nX: \x00\r\n\r\n",
        b"0\r\nX: 1\n\r\n",
        b"0\r\nContent-Length: 5\r\n\r\n",
        b"0\r\nX: 1\r\ntransfer-ENCODING: chunked\r\n\r\n",
        b"0\r\nGET / HTTP/1.1\r\n\r\n",
        b"0\r\n" + b"X: 1\r\n" * 2000 + b"\r\n",
    ],
)
def test_bad_chunks_are_refused_however_they_are_cut(stream):
    assert isinstance(verdict(stream), str)
    assert verdict(stream, [1] * len(stream)) == verdict(stream)


CHUNKS = st.lists(
    st.sampled_from(
        [b"0", b"5", b"a", b"\r\n", b"\n", b"\r", b";x", b'="', b"hello", b"X: 1"] * 2
        + [b"5\r\nhello\r\n", b"0\r\n\r\n", b"1;x=y\r\nz\r\n"] * 3
    ),
    max_size=12,
).map(b"".join)


def h11_body(stream):
    """Give what h11 reads as the body, and how many bytes it left."""
    head = b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    other = h11.Connection(h11.SERVER)
    other.receive_data(head + stream)
    other.next_event()
    seen = b""
    while isinstance(event := other.next_event(), h11.Data):
        seen += event.data
    if isinstance(event, h11.EndOfMessage):
        return seen, len(other.trailing_data[0])
    assert event is h11.NEED_DATA
    return seen, None


@given(CHUNKS)
@settings(max_examples=500, deadline=None)
def test_whatever_is_taken_here_h11_takes_too_and_ends_at_the_same_byte(stream):
    taken = verdict(stream)
    if not isinstance(taken, str):
        assert h11_body(stream) == taken


@given(
    CHUNKS,
    st.lists(st.integers(1, 7)),
)
@settings(max_examples=500, deadline=None)
def test_no_cut_of_the_stream_moves_the_end_of_a_chunked_body(stream, sizes):
    assert verdict(stream, sizes) == verdict(stream)


@given(st.binary(), st.integers(0, 20), st.lists(st.integers(1, 7)))
@settings(max_examples=200, deadline=None)
def test_a_told_length_is_kept_to_the_byte(stream, length, sizes):
    seen, excess = read(LengthBody(length), stream, [0, *sizes])
    assert seen == stream[:length]
    assert excess == (len(stream) - length if len(stream) >= length else None)


@given(st.lists(st.binary(max_size=40)), st.lists(st.integers(1, 9)))
@settings(max_examples=200, deadline=None)
def test_what_is_written_in_chunks_reads_back_here_and_in_h11(pieces, sizes):
    stream = b"".join(b"".join(write_chunk(piece)) for piece in pieces) + LAST_CHUNK
    assert read(ChunkedBody(), stream, sizes) == (b"".join(pieces), 0)

    assert h11_body(stream) == (b"".join(pieces), 0)


@pytest.mark.parametrize("size", [3, 100_000])
def test_pieces_are_views_of_what_came(size):
    data = b"x" * size
    for body, stream in [
        (LengthBody(size), data),
        (CloseBody(), data),
        (ChunkedBody(), b"%x\r\n%b" % (size, data)),
    ]:
        (piece,) = body.feed(stream)
        assert piece.obj is stream
    assert write_chunk(data)[1] is data


def test_an_early_end_of_the_connection_is_told_apart_from_the_end():
    for body in (LengthBody(2), ChunkedBody()):
        body.feed(b"1")
        with pytest.raises(BadBody):
            body.finish()
    whole = LengthBody(0)
    whole.finish()
    until_close = CloseBody()
    assert not until_close.done
    until_close.finish()
    assert until_close.done


def test_the_framing_of_the_head_chooses_the_decoder():
    assert isinstance(start_body(Framing.CHUNKED, 0), ChunkedBody)
    assert isinstance(start_body(Framing.CLOSE, 0), CloseBody)
    assert start_body(Framing.NONE, 0).done
    assert not start_body(Framing.LENGTH, 1).done
