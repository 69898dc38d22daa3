"""Requests and responses made from a seed: whole ones, each with what tricks there are."""

from random import Random

from mutation import mutate, noise

NEXT = b"GET /next HTTP/1.1\r\nHost: next.test\r\n\r\n"

_METHODS = (b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE", b"FROB", b"CONNECT",
            b"get", b"G@T")  # fmt: skip
_TARGETS = (b"/", b"/x?y", b"*", b"http://other.test/x", b"http://other.test",
            b"https://u@other.test/", b"//other.test", b"x", b"/x#y", b"/\xff", b"/a b",
            b"other.test:443")  # fmt: skip
_VERSIONS = (b"HTTP/1.1",) * 12 + (b"HTTP/1.0", b"HTTP/1.0", b"HTTP/1.2", b"http/1.1")
_ENDS = (b"\r\n",) * 150 + (b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\r\n ")
_HOSTS = (b"hello.ada.apps.test", b"HELLO.test.", b"a.test:80", b"[::1]:8", b"127.0.0.1", b"a.test:",
          b"", b"a/b", b"a, b", b"u@a.test")  # fmt: skip
_FIELDS = (
    *(
        b"Host: a.test",
        b"X: y",
        b"X:",
        b"X:\t y \t",
        b"X: \xff\xe9",
        b"X : y",
        b"X: \0",
    ),
    *(b"X", b": y", b" x", b"X_y: z", b"Expect: 100-continue", b"Expect: x"),
    *(b"Connection: close", b"Connection: keep-alive, X", b"Connection: Host"),
    *(b"Connection: Upgrade", b"Upgrade: websocket", b"Upgrade: h2c"),
    *(b"Content-Length: 5", b"Content-Length: 0", b"X-Forwarded-For: 6.6.6.6"),
)
_LENGTHS = (b"5",) * 15 + (b"05", b"0", b"5, 5", b"+5", b"-5", b"0x5", b"5 ", b"\t5",
            b"5\x0b", b"9223372036854775808", b"")  # fmt: skip
_CODINGS = (b"chunked",) * 24 + (
    *(b"Chunked", b" chunked\t", b"chunked, chunked", b"gzip, chunked", b"identity"),
    *(b"xchunked", b"\x0bchunked", b"chunked,", b'"chunked"', b"chunked;x", b""),
)
_SIZES = (b"5",) * 60 + (b"05", b"5;a", b'5;a="b;\\"c"', b"5;a=b;c", b"5 ", b" 5", b"+5",
                         b"0x5", b"5;", b"5;\n", b"5; a", b"5_", b"", b"4", b"6",
                         b"10000000000000005")  # fmt: skip
_TRAILERS = (b"",) * 9 + ( b"X: y\r\n", b"Content-Length: 3\r\n", b"X : y\r\n", b"x\r\n",
             b"X: y\n")  # fmt: skip
_LINES = (b"HTTP/1.1 200 OK",) * 8 + (
    *(b"HTTP/1.1 200", b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified"),
    *(b"HTTP/1.0 200 OK", b"HTTP/1.1 101 Switching Protocols", b"HTTP/1.1 500 \xe9"),
    *(b"HTTP/1.1 999 X", b"HTTP/1.1 20 X", b"HTTP/2.0 200 OK", b"HTTP/1.1 206 A\tB"),
)


def make_request(random: Random, corpus: list[bytes]) -> bytes:
    return _make(random, corpus, _build_request)


def make_response(random: Random, corpus: list[bytes]) -> bytes:
    return _make(random, corpus, _build_response)


def _make(random: Random, corpus: list[bytes], build) -> bytes:
    """Take a stream from the three sources: changed, built, or nothing but noise."""
    source = random.random()
    if source < 0.45:
        return mutate(random, random.choice(corpus), corpus)
    if source < 0.85:
        return build(random)
    if source < 0.97:
        return mutate(random, build(random), corpus)
    return noise(random, 80)


def _build_request(random: Random) -> bytes:
    line = b" ".join(
        (
            random.choice(_METHODS[: random.choice((3, 6, 6, 99))]),
            random.choice(_TARGETS[: random.choice((2, 2, 2, 99))]),
            random.choice(_VERSIONS),
        )
    )
    hosts = [b"Host: " + random.choice(_HOSTS[: random.choice((2, 2, 5, 99))])]
    fields = hosts + _some(random, _FIELDS, 0.3)
    return _write(random, line, fields) + random.choice((b"", NEXT, NEXT))


def _build_response(random: Random) -> bytes:
    interim = b""
    while random.random() < 0.1:
        interim += b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"
    rest = random.choice((b"", b"", b"HTTP/1.1 200 OK\r\n\r\n"))
    line = random.choice(_LINES)
    return interim + _write(random, line, _some(random, _FIELDS[1:], 0.3)) + rest


def _write(random: Random, line: bytes, fields: list[bytes]) -> bytes:
    body = b""
    kind = random.random()
    if kind < 0.3:
        fields.append(b"Content-Length: " + random.choice(_LENGTHS))
        body = b"hello"
    elif kind < 0.7:
        fields.append(b"Transfer-Encoding: " + random.choice(_CODINGS))
        body = _chunks(random)
    elif kind < 0.75:
        fields += [b"Content-Length: 5", b"Transfer-Encoding: chunked"]
        body = b"0\r\n\r\n"
    random.shuffle(fields)
    lines = (each + random.choice(_ENDS) for each in (line, *fields, b""))
    return b"".join(lines) + body


def _chunks(random: Random) -> bytes:
    written = b""
    while random.random() < 0.6:
        end = random.choice(_ENDS)
        written += random.choice(_SIZES) + random.choice(_ENDS) + b"hello" + end
    return written + b"0\r\n" + random.choice(_TRAILERS) + random.choice(_ENDS)


def _some(random: Random, choices, chance: float) -> list[bytes]:
    some = []
    while random.random() < chance:
        some.append(random.choice(choices))
    return some
