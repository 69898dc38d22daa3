"""Requests that are not HTTP as it should be: a clear status, then the end.

Each is sent on a connection of its own, and behind it a request that must never be
seen: what breaks the framing is the end of what can be understood.
"""

import re
import socket

import pytest

NEXT = b"GET /next HTTP/1.1\r\nHost: %b\r\n\r\n"

# HOST stands for a host that is there.
HOST = b"Host: HOST"
CHUNKED = b"Transfer-Encoding: chunked"


def get(*fields, line=b"GET / HTTP/1.1"):
    return b"\r\n".join([line, *fields, b"", b""])


def post(*fields, body=b"", line=b"POST /digest HTTP/1.1"):
    return get(HOST, *fields, line=line) + body


BAD = {
    "two Hosts": (400, get(HOST, HOST)),
    "two different Hosts": (400, get(HOST, b"Host: elsewhere.test")),
    "no Host": (400, get()),
    "an empty Host": (400, get(b"Host:")),
    "a Host with a path": (400, get(HOST + b"/x")),
    "a Host with a bad port": (400, get(HOST + b":99999")),
    "a Host with a user": (400, get(b"Host: ada@HOST")),
    "a length that is no number": (400, post(b"Content-Length: ten")),
    "a negative length": (400, post(b"Content-Length: -1")),
    "a length with a sign": (400, post(b"Content-Length: +5", body=b"hello")),
    "two lengths": (400, post(b"Content-Length: 5", b"Content-Length: 6")),
    "a list of lengths": (400, post(b"Content-Length: 5, 5", body=b"hello")),
    "a length beyond all": (400, post(b"Content-Length: " + b"9" * 40)),
    "a length and chunks": (
        400,
        post(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"),
    ),
    "chunks and a length": (
        400,
        post(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n"),
    ),
    "chunks in HTTP/1.0": (400, post(CHUNKED, line=b"POST / HTTP/1.0")),
    "chunks twice": (400, post(CHUNKED, CHUNKED, body=b"0\r\n\r\n")),
    "chunks behind a tab": (
        400,
        post(b"Transfer-Encoding:\tchunked", body=b"0\r\n\r\n"),
    ),
    "a trailer that tells a length": (
        400,
        post(CHUNKED, body=b"0\r\nContent-Length: 5\r\n\r\n"),
    ),
    "an unknown coding": (501, post(b"Transfer-Encoding: gzip, chunked")),
    "a chunk of no size": (400, post(CHUNKED, body=b"many\r\nhello\r\n")),
    "a chunk longer than it says": (400, post(CHUNKED, body=b"2\r\nhello\r\n")),
    "a chunk with a bare LF": (400, post(CHUNKED, body=b"5\nhello\n0\n\n")),
    "bare LF": (400, b"GET / HTTP/1.1\nHost: HOST\n\n"),
    "bare LF between fields": (400, get(HOST + b"\nX: y")),
    "a folded field": (400, get(HOST, b" X: y")),
    "a space before the colon": (400, get(b"Host : HOST")),
    "a NUL": (400, get(HOST, b"X: \x00")),
    "no version": (400, get(HOST, line=b"GET /")),
    "a version to come": (505, get(HOST, line=b"GET / HTTP/3.0")),
    "a target that is none": (400, get(HOST, line=b"GET here HTTP/1.1")),
    "a tunnel": (405, get(HOST, line=b"CONNECT HOST:443 HTTP/1.1")),
    "an endless target": (414, b"GET /" + b"x" * 100_000),
    "an endless field": (431, get(HOST, b"X: " + b"x" * 100_000)),
    "endless fields": (431, get(HOST, *[b"X: y"] * 20_000)),
    "an endless line of a chunk": (400, post(CHUNKED, body=b"5;x=" + b"y" * 100_000)),
    "TLS": (400, bytes.fromhex("16030100c8010000c40303") + b"\n" * 200),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_not_http_gets_its_status_and_nothing_behind_it_is_read(
    demo, stage, what
):
    status, request = BAD[what]
    host = stage.encode()
    answer = demo.say(request.replace(b"HOST", host) + NEXT % host)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert len(re.findall(rb"HTTP/1\.1 [1-5]", answer)) == 1
    assert b"\r\nConnection: close\r\n" in answer
    assert re.search(rb"<code>[0-9a-f]{32}</code>", answer)
    assert b"/next" not in answer
    assert demo.fetch(stage).status_code == 200


@pytest.mark.parametrize(
    "host", ["nobody.ada.apps.test", "elsewhere.example", "127.0.0.1", "[::1]"]
)
def test_an_unknown_host_is_a_page_with_the_request_s_id(demo, host):
    answer = demo.fetch(host, "/<script>", at="amber")
    assert answer.status_code == 404
    assert answer.headers["x-request-id"] in answer.text
    assert "<script>" not in answer.text
    assert host not in answer.text


def test_who_leaves_in_the_middle_hurts_nobody(demo, stage):
    post = b"POST /digest HTTP/1.1\r\nHost: %b\r\nContent-Length: 100\r\n\r\nhalf"
    for cut in (b"", b"GE", b"GET / HTTP/1.1\r\nHo", post % stage.encode()):
        with demo.connect("amber") as connection:
            connection.sendall(cut)
            connection.shutdown(socket.SHUT_WR)
            said = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        assert said == b"" or said.startswith(b"HTTP/1.1 400 ")
    assert demo.fetch(stage).status_code == 200


def test_nobody_outside_the_link_is_believed_to_come_over_it(demo, stage):
    app = demo.run("app", "show", "stage.ada")["id"]
    claim = f"app={app}; generation=1; client=6.6.6.6; scheme=https; request={'a' * 32}"
    answer = demo.say(
        f"GET /origin HTTP/1.1\r\nHost: {stage}\r\nDomicile-Hop: {claim}\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    assert answer.endswith(b"\r\n\r\n127.0.0.1")
