"""Fields for the next hop: what goes, what stays, what we say ourselves."""

import pytest

from domicile.http.fields import (
    Client,
    forward_request,
    forward_response,
    pass_through,
    write_request_head,
    write_response_head,
)
from domicile.http.head import (
    Refusal,
    RequestHead,
    ResponseHead,
    parse_request_head,
    parse_response_head,
)
from domicile.http.host import read_host

CLIENT = Client("192.0.2.7", "https")
OURS = [
    (b"x-forwarded-for", b"192.0.2.7"),
    (b"x-forwarded-host", b"a.example"),
    (b"x-forwarded-proto", b"https"),
    (b"x-real-ip", b"192.0.2.7"),
    (b"forwarded", b'for=192.0.2.7;host="a.example";proto=https'),
]


def forward(*lines, target=b"/", client=CLIENT):
    sent = b"GET " + target + b" HTTP/1.1\r\nHost: A.example.\r\n"
    head = parse_request_head(sent + b"".join(x + b"\r\n" for x in lines) + b"\r\n")
    assert isinstance(head, RequestHead)
    return forward_request(head, read_host(head), client, frozenset([b"domicile-hop"]))


def answer(line, *lines):
    sent = line + b"\r\n" + b"".join(x + b"\r\n" for x in lines) + b"\r\n"
    head = parse_response_head(sent, method=b"GET")
    assert isinstance(head, ResponseHead)
    return forward_response(head)


def test_an_ordinary_request_goes_on_in_order_with_our_fields_behind():
    lines = (b"Accept: */*", b"Cookie: a=1", b"X-B: 1", b"X-A: 2", b"X-B: 3")
    assert forward(*lines) == [
        (b"host", b"a.example"),
        (b"accept", b"*/*"),
        (b"cookie", b"a=1"),
        (b"x-b", b"1"),
        (b"x-a", b"2"),
        (b"x-b", b"3"),
        *OURS,
    ]


@pytest.mark.parametrize(
    "lines",
    [
        [b"Connection: close"],
        [b"Connection: keep-alive", b"Keep-Alive: timeout=5"],
        [b"Connection: X-Secret , x-other", b"X-Secret: 1", b"X-Other: 2"],
        [b"Connection: X-Secret", b"Connection: x-other", b"X-Secret: 1", b"X-Other: 2"],
        [b"TE: trailers", b"Trailer: X", b"Proxy-Connection: keep-alive"],
        [b"Proxy-Authorization: Basic x", b"Expect: 100-continue"],
        [b"Upgrade: h2c", b"Connection: Upgrade, HTTP2-Settings", b"HTTP2-Settings: x"],
        [b"X-Forwarded-For: 1.2.3.4", b"X-Forwarded-Proto: http", b"X-Forwarded-Any: x"],
        [b"Forwarded: for=1.2.3.4", b"X-Real-IP: 1.2.3.4", b"Domicile-Hop: x"],
        [b"X_Forwarded_For: 1.2.3.4", b"Content_Length: 5", b"_: x"],
    ],
)  # fmt: skip
def test_what_is_for_one_hop_or_pretends_to_be_ours_is_dropped(lines):
    assert forward(*lines) == [(b"host", b"a.example"), *OURS]


@pytest.mark.parametrize(
    "listed",
    [
        b"Host",
        b"close, Authorization",
        b"cookie",
        b"Content-Length",
        b"Transfer-Encoding",
        b"X-Forwarded-For",
        b"x-forwarded-anything",
        b"Forwarded",
        b"X-Real-IP",
    ],
)
def test_connection_may_not_list_what_is_for_the_far_end(listed):
    refusal = forward(b"Connection: " + listed)
    assert isinstance(refusal, Refusal)
    assert refusal.status == 400
    refusal = answer(b"HTTP/1.1 200 OK", b"Connection: " + listed)
    assert isinstance(refusal, Refusal)
    assert refusal.status == 502


def test_a_host_in_the_target_goes_on_as_host_too():
    fields = forward(target=b"http://B.example:81/")
    assert fields[0] == (b"host", b"b.example:81")
    assert (b"x-forwarded-host", b"b.example:81") in fields
    assert fields[-1][1] == b'for=192.0.2.7;host="b.example:81";proto=https'


def test_an_ipv6_client_is_quoted_in_forwarded_only():
    fields = dict(forward(client=Client("2001:db8::1", "http")))
    assert fields[b"x-forwarded-for"] == b"2001:db8::1"
    assert fields[b"forwarded"].startswith(b'for="[2001:db8::1]";')


def test_the_framing_of_a_request_goes_on_once():
    assert forward(b"Transfer-Encoding: Chunked")[-1] == (
        b"transfer-encoding",
        b"chunked",
    )
    assert forward(b"Content-Length: 5").count((b"content-length", b"5")) == 1


def test_a_response_loses_what_was_for_one_hop():
    assert answer(
        b"HTTP/1.1 200 OK",
        b"Set-Cookie: a",
        b"Connection: close, X-A",
        b"X-A: 1",
        b"X_b: kept",
        b"Transfer-Encoding: chunked",
        b"Set-Cookie: b",
    ) == [(b"set-cookie", b"a"), (b"x_b", b"kept"), (b"set-cookie", b"b")]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"HTTP/1.1 200 OK", True),
        (b"HTTP/1.1 304 Not Modified", True),
        (b"HTTP/1.1 204 No Content", False),
        (b"HTTP/1.1 103 Early Hints", False),
    ],
)
def test_a_length_is_told_only_where_there_may_be_one(line, told):
    assert bool(answer(line, b"Content-Length: 5")) is told


def test_what_is_written_reads_back():
    fields = [(b"host", b"a"), (b"x", b""), (b"x", b"1 2")]
    request = parse_request_head(write_request_head(b"PUT", b"/x", fields))
    assert (request.method, request.target, request.minor) == (b"PUT", b"/x", 1)
    assert request.fields == fields
    response = parse_response_head(
        write_response_head(404, b"Not Found", fields), method=b"GET"
    )
    assert (response.status, response.reason) == (404, b"Not Found")
    assert response.fields == fields


def request(*lines):
    sent = b"GET / HTTP/1.1\r\nHost: a.example\r\n"
    head = parse_request_head(sent + b"".join(x + b"\r\n" for x in lines) + b"\r\n")
    assert isinstance(head, RequestHead)
    return head


@pytest.mark.parametrize(
    "line",
    [
        b"X: y",
        b"CDN-Loop: other",
        b"CDN-Loop: domicile-birch, other; v=domicile-amber",
        b"CDN-Loop: ",
    ],
)
def test_what_was_not_here_goes_on_with_our_mark(line):
    assert pass_through(request(line), b"domicile-amber") == (
        b"cdn-loop", b"domicile-amber",
    )  # fmt: skip


@pytest.mark.parametrize(
    "lines",
    [
        [b"CDN-Loop: domicile-amber"],
        [b"CDN-Loop: other, Domicile-Amber; v=1"],
        [b"CDN-Loop: other", b"cdn-loop: domicile-amber ;x"],
    ],
)
def test_what_was_here_goes_round_in_a_circle(lines):
    found = pass_through(request(*lines), b"domicile-amber")
    assert isinstance(found, Refusal)
    assert found.status == 508
