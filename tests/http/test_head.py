"""Heads: what is taken, what is refused, and that no cut of the stream matters."""

import h11
import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domicile.http.head import (
    FROM_A_HOP,
    Framing,
    NeedMore,
    Refusal,
    RequestHead,
    ResponseHead,
    parse_request_head,
    parse_response_head,
)

H = b"Host: a.example\r\n"


def request(*lines: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\n" + H + b"".join(x + b"\r\n" for x in lines) + b"\r\n"


def response(line: bytes, *lines: bytes) -> bytes:
    return line + b"\r\n" + b"".join(x + b"\r\n" for x in lines) + b"\r\n"


REFUSED = [
    (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\n", 400),
    (b"\n", 400),
    (b" GET / HTTP/1.1\r\n\r\n", 400),
    (b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", 400),
    (b"GET  / HTTP/1.1\r\n\r\n", 400),
    (b"GET /\r\n\r\n", 400),
    (b"GET / \r\n\r\n", 400),
    (b"GET /a b HTTP/1.1\r\n\r\n", 400),
    (b"GET /\xff HTTP/1.1\r\n\r\n", 400),
    (b"GET /\x00 HTTP/1.1\r\n\r\n", 400),
    (b"G@T / HTTP/1.1\r\n\r\n", 400),
    (b"GET / http/1.1\r\n\r\n", 400),
    (b"GET / HTTP/11\r\n\r\n", 400),
    (b"GET / HTTP/1.1 \r\n\r\n", 400),
    (b"GET / HTTP/1.2\r\n\r\n", 505),
    (b"GET / HTTP/0.9\r\n\r\n", 505),
    (b"GET / HTTP/2.0\r\n\r\n", 505),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400),
    (request(b"X: a", b" b"), 400),
    (request(b"X: a", b"\tb"), 400),
    (request(b"X : a"), 400),
    (request(b"X\t: a"), 400),
    (request(b": a"), 400),
    (request(b"X"), 400),
    (request(b"X: a\rb"), 400),
    (request(b"X: a\r"), 400),
    (request(b"X: a\x00b"), 400),
    (request(b"X: a\x0bb"), 400),
    (request(b"X: a\x7fb"), 400),
    (request(b"X\xe9: a"), 400),
    (request(b"X(: a"), 400),
    (request(b"Content-Length: 1", b"Transfer-Encoding: chunked"), 400),
    (request(b"Transfer-Encoding: xchunked"), 501),
    (request(b"Transfer-Encoding: chunked, identity"), 501),
    (request(b"Transfer-Encoding: gzip, chunked"), 501),
    (request(b"Transfer-Encoding: chunked, chunked"), 400),
    (request(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400),
    (request(b"Transfer-Encoding: chunked,"), 400),
    (request(b"Transfer-Encoding:"), 400),
    (request(b"Transfer-Encoding: \x0bchunked"), 400),
    (request(b'Transfer-Encoding: "chunked"'), 501),
    (request(b"Transfer-Encoding:\tchunked"), 400),
    (request(b"Transfer-Encoding: chunked\t"), 400),
    (request(b"Content-Length:\t1"), 400),
    (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (request(b"Content-Length: 1", b"Content-Length: 1"), 400),
    (request(b"Content-Length: 1, 1"), 400),
    (request(b"Content-Length: +1"), 400),
    (request(b"Content-Length: -1"), 400),
    (request(b"Content-Length: 0x1"), 400),
    (request(b"Content-Length: 1_0"), 400),
    (request(b"Content-Length: 1 0"), 400),
    (request(b"Content-Length: \xb2"), 400),
    (request(b"Content-Length:"), 400),
    (request(b"Content-Length: 9223372036854775808"), 400),
    (request(b"Content-Length: " + b"9" * 5000), 400),
    (request(b"Expect: 200-ok"), 417),
    (request(b"Expect: 100-continue, x"), 417),
    (request(b"Expect: 100-continue", b"Expect: 100-continue"), 417),
    (b"GET /" + b"a" * 8192, 414),
    (b"GET /" + b"a" * 8192 + b" HTTP/1.1\r\n\r\n", 414),
    (request(*[b"X: 1"] * 100), 431),
    (request(b"X: " + b"a" * 16384), 431),
    (request(*[b"X: " + b"a" * 1000] * 40), 431),
    (b"GET / HTTP/1.1\r\n" + b"a" * 40000, 431),
]


@pytest.mark.parametrize(("sent", "status"), REFUSED)
def test_a_bad_request_is_refused_with_its_status(sent, status):
    refusal = parse_request_head(sent)
    assert isinstance(refusal, Refusal)
    assert refusal.status == status
    assert refusal.reason


@pytest.mark.parametrize(
    "lines",
    [[b"X: 1"] * 109, [b"X: " + b"a" * 16382], [b"X: " + b"a" * 11000] * 3],
)
def test_a_hop_may_say_more_than_a_client(lines):
    sent = request(*lines)
    assert parse_request_head(sent).status == 431
    assert parse_request_head(sent, limits=FROM_A_HOP).end == len(sent)
    answer = response(b"HTTP/1.1 200 OK", *lines)
    assert parse_response_head(answer, method=b"GET").status == 502
    parsed = parse_response_head(answer, method=b"GET", limits=FROM_A_HOP)
    assert parsed.end == len(answer)


@pytest.mark.parametrize("sent", [sent for sent, _ in REFUSED])
def test_a_bad_request_is_refused_alike_byte_by_byte(sent):
    assert drip(sent, [1] * len(sent)) == parse_request_head(sent)


TAKEN = [
    (request(), Framing.NONE, 0),
    (request(b"Content-Length: 0"), Framing.LENGTH, 0),
    (request(b"Content-Length: 12"), Framing.LENGTH, 12),
    (request(b"Content-Length: 9223372036854775807"), Framing.LENGTH, 2**63 - 1),
    (request(b"Transfer-Encoding:  Chunked "), Framing.CHUNKED, 0),
    (b"FROB-1 * HTTP/1.0\r\n\r\n", Framing.NONE, 0),
    (b"\r\nGET / HTTP/1.1\r\n\r\n", Framing.NONE, 0),
    (request(b"X:", b"Y:\t caf\xc3\xa9 \t z \t"), Framing.NONE, 0),
    (request(*[b"X: 1"] * 99), Framing.NONE, 0),
    (request(b"X:" + b"a" * 16382), Framing.NONE, 0),
    (b"GET /" + b"a" * 8178 + b" HTTP/1.1\r\n\r\n", Framing.NONE, 0),
]


@pytest.mark.parametrize(("sent", "framing", "length"), TAKEN)
def test_a_good_request_is_taken(sent, framing, length):
    head = parse_request_head(bytearray(sent + b"body"))
    assert isinstance(head, RequestHead)
    assert (head.framing, head.length, head.end) == (framing, length, len(sent))


def test_fields_keep_order_and_values_and_lose_case_of_names():
    head = parse_request_head(request(b"X-B: \t1 2\t", b"x-a:", b"X-B: 3"))
    assert head.fields == [
        (b"host", b"a.example"),
        (b"x-b", b"1 2"),
        (b"x-a", b""),
        (b"x-b", b"3"),
    ]
    assert head.singled == {b"host": [b"a.example"]}


@pytest.mark.parametrize(
    ("minor", "options", "kept"),
    [
        (b"1", [], True),
        (b"0", [], False),
        (b"1", [b"Connection: Close"], False),
        (b"1", [b"Connection: x", b"Connection: y ,close"], False),
        (b"0", [b"Connection: Keep-Alive"], True),
        (b"0", [b"Connection: keep-alive, close"], False),
        (b"1", [b"Connection: closed"], True),
    ],
)
def test_persistence_follows_version_and_connection(minor, options, kept):
    head = parse_request_head(response(b"GET / HTTP/1." + minor, *options))
    assert head.keeps_alive is kept


def test_100_continue_is_expected_by_1_1_only():
    expect = b"Expect: 100-Continue"
    new = parse_request_head(response(b"PUT / HTTP/1.1", expect))
    old = parse_request_head(response(b"PUT / HTTP/1.0", expect))
    assert (new.expects_continue, old.expects_continue) == (True, False)


RESPONSES = [
    (b"GET", b"HTTP/1.1 200 OK", [], Framing.CLOSE, 0, False),
    (b"GET", b"HTTP/1.1 200", [b"Content-Length: 3"], Framing.LENGTH, 3, True),
    (b"GET", b"HTTP/1.1 200 ", [b"Content-Length: 0"], Framing.LENGTH, 0, True),
    (b"GET", b"HTTP/1.0 200 OK", [b"Content-Length: 3"], Framing.LENGTH, 3, False),
    (b"GET", b"HTTP/1.1 200 OK", [b"Transfer-Encoding: chunked"], Framing.CHUNKED, 0, True),
    (b"HEAD", b"HTTP/1.1 200 OK", [b"Content-Length: 3"], Framing.NONE, 0, True),
    (b"HEAD", b"HTTP/1.1 200 OK", [b"Transfer-Encoding: chunked"], Framing.NONE, 0, True),
    (b"GET", b"HTTP/1.1 100 Continue", [], Framing.NONE, 0, True),
    (b"GET", b"HTTP/1.1 101 Switching Protocols", [], Framing.NONE, 0, True),
    (b"GET", b"HTTP/1.1 204 No Content", [b"Content-Length: 3"], Framing.NONE, 0, True),
    (b"GET", b"HTTP/1.1 304 Not Modified", [b"Content-Length: 3"], Framing.NONE, 0, True),
    (b"GET", b"HTTP/1.1 500 \xe9", [b"Connection: close"], Framing.CLOSE, 0, False),
]  # fmt: skip


@pytest.mark.parametrize("row", RESPONSES)
def test_a_response_body_ends_as_rfc_9112_says(row):
    method, line, lines, framing, length, kept = row
    sent = response(line, *lines)
    head = parse_response_head(sent + b"more", method=method)
    assert isinstance(head, ResponseHead)
    assert (head.framing, head.length, head.keeps_alive) == (framing, length, kept)
    assert head.end == len(sent)


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\n\n",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        response(b"HTTP/2.0 200 OK"),
        response(b"HTTP/1.1 099 OK"),
        response(b"HTTP/1.1 600 OK"),
        response(b"HTTP/1.1 20 OK"),
        response(b"HTTP/1.1 200OK"),
        response(b"HTTP/1.1 200 O\rK"),
        response(b"HTTP/1.1 200 OK", b"X : a"),
        response(b"HTTP/1.1 200 OK", b"X: a", b" b"),
        response(b"HTTP/1.1 200 OK", b"Content-Length: 1", b"Content-Length: 2"),
        response(
            b"HTTP/1.1 200 OK", b"Content-Length: 1", b"Transfer-Encoding: chunked"
        ),
        response(b"HTTP/1.0 200 OK", b"Transfer-Encoding: chunked"),
        response(b"HTTP/1.1 200 OK", b"Transfer-Encoding: gzip"),
        response(b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked\t"),
        response(b"HTTP/1.1 204 No Content", b"Content-Length: x"),
        b"HTTP/1.1 200 " + b"a" * 8192,
    ],
)
def test_a_bad_response_is_a_bad_gateway(sent):
    refusal = parse_response_head(sent, method=b"GET")
    assert isinstance(refusal, Refusal)
    assert refusal.status == 502


def drip(stream, sizes):
    """Feed the stream in pieces; the first verdict counts."""
    buffer = bytearray()
    position = 0
    for size in [*sizes, len(stream)]:
        buffer += stream[position : position + size]
        position += size
        verdict = parse_request_head(buffer)
        if not isinstance(verdict, NeedMore):
            return verdict
    return verdict


PIECES = st.sampled_from(
    [
        *(b"GET", b" ", b"/", b"HTTP/1.1", b"\r\n", b"\n", b"\r", b":", b"a"),
        *(b"Host: a\r\n", b"Content-Length: 3\r\n", b"Expect: x\r\n", b"\r\n\r\n"),
        *(b"Transfer-Encoding: chunked\r\n", b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 "),
        *(b"\x00", b"\xff", b"\t"),
    ]
)
STREAMS = st.one_of(st.binary(), st.lists(PIECES, max_size=20).map(b"".join))


@given(STREAMS)
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_the_parsers_raise(stream):
    assert isinstance(parse_request_head(stream), RequestHead | NeedMore | Refusal)
    answer = parse_response_head(stream, method=b"GET")
    assert isinstance(answer, ResponseHead | NeedMore | Refusal)


@given(STREAMS, st.lists(st.integers(1, 9)))
@settings(max_examples=300, deadline=None)
def test_no_cut_of_the_stream_changes_the_verdict(stream, sizes):
    assert drip(stream, sizes) == parse_request_head(stream)


NAMES = st.from_regex(r"X-[A-Za-z0-9\-]{1,12}", fullmatch=True)
VALUES = st.from_regex(r"[!-~]([ -~]{0,20}[!-~])?", fullmatch=True)


@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"]),
    st.from_regex(r"/[a-z0-9/._~%?=&\-]{0,30}", fullmatch=True),
    st.lists(st.tuples(NAMES, VALUES), max_size=8),
    st.one_of(st.none(), st.integers(0, 10**6)),
)
@settings(max_examples=200, deadline=None)
def test_what_is_plainly_good_reads_as_h11_and_llhttp_read_it(
    method, target, extra, length
):
    fields = [("Host", "a.example"), *extra]
    if length is not None:
        fields.append(("Content-Length", str(length)))
    text = f"{method} {target} HTTP/1.1\r\n"
    text += "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
    head = parse_request_head(text.encode())

    other = h11.Connection(h11.SERVER)
    other.receive_data(text.encode())
    event = other.next_event()
    assert (head.method, head.target) == (event.method, event.target)
    assert head.fields == list(event.headers)

    seen = []

    class Listener:
        def on_header(self, name, value):
            seen.append((name.lower(), value))

    httptools.HttpRequestParser(Listener()).feed_data(text.encode())
    assert head.fields == seen


def spoil(sent, place, byte):
    place %= len(sent)
    return sent[:place] + bytes([byte]) + sent[place + 1 :]


SPOILT = st.builds(
    spoil,
    st.lists(PIECES, max_size=4).map(
        lambda pieces: b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(pieces) + b"\r\n\r\n"
    ),
    st.integers(0, 200),
    st.integers(0, 255),
)


@given(SPOILT)
@settings(max_examples=500, deadline=None)
def test_whatever_is_taken_here_h11_takes_too_and_reads_alike(sent):
    head = parse_request_head(sent)
    if not isinstance(head, RequestHead) or len(head.singled.get(b"host", ())) != 1:
        return  # h11 looks for Host itself; here that is for `host`
    other = h11.Connection(h11.SERVER)
    other.receive_data(sent)
    event = other.next_event()
    assert (head.method, head.target) == (event.method, event.target)
    plain = [(n, v.lower() if n == b"transfer-encoding" else v) for n, v in head.fields]
    assert plain == list(event.headers)


@given(
    st.sampled_from([200, 201, 204, 301, 304, 404, 500]),
    st.lists(st.tuples(NAMES, VALUES), max_size=8),
    st.sampled_from(["", "Content-Length: 7\r\n", "Transfer-Encoding: chunked\r\n"]),
    st.sampled_from(["GET", "HEAD"]),
)
@settings(max_examples=200, deadline=None)
def test_a_plain_response_reads_as_h11_reads_it(status, extra, framing, method):
    text = f"HTTP/1.1 {status} Some Reason\r\n"
    text += "".join(f"{n}: {v}\r\n" for n, v in extra) + framing + "\r\n"
    head = parse_response_head(text.encode(), method=method.encode())

    other = h11.Connection(h11.CLIENT)
    other.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    other.send(h11.EndOfMessage())
    other.receive_data(text.encode())
    event = other.next_event()
    assert (head.status, head.reason) == (event.status_code, event.reason)
    assert head.fields == list(event.headers)
    ended = isinstance(other.next_event(), h11.EndOfMessage)
    assert ended is (head.framing is Framing.NONE)
