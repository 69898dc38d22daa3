"""Any response of an app: one verdict however it is cut, and the oracles' own.

What goes on to the client is one response, of the same body.
"""

from collections import Counter
from random import Random

import pytest
from differences import compare
from messages import make_response
from mutation import load, seeded
from oracles import ask_h11_for_response, ask_llhttp_for_response
from reading import CUT, PARTIAL, Taken, cut, read_response
from twins import find_twins

CASES = 8_000
CORPUS = load("http", "responses")
TWINS = find_twins("domicile.http", "head", "host", "body", "fields")
OF_ONE_HOP = {b"connection", b"keep-alive", b"upgrade", b"te", b"trailer"}
ORACLES = {"h11": ask_h11_for_response, "llhttp": ask_llhttp_for_response}


def read(random, stream, method=b"GET", size=0):
    """Read it whole, and cut anywhere: it must all be the same."""
    ways = [[stream], cut(random, stream, size)]
    readings = [read_response(http, way, method) for http in TWINS for way in ways]
    assert all(reading == readings[0] for reading in readings)
    return readings[0]


def check(random, stream, size=0) -> set[tuple[str, str]]:
    """Hold all that is owed to any stream; give the differences that are meant."""
    reading = read(random, stream, size=size)
    differences = {
        compare(name, reading, ask(stream, b"GET")) for name, ask in ORACLES.items()
    }
    if isinstance(reading, Taken) and reading.line != 101:
        check_passing_on(stream, reading)
    compare("h11", read(random, stream, b"HEAD"), ask_h11_for_response(stream, b"HEAD"))
    return differences - {None}


def check_passing_on(stream, reading) -> None:
    """Hold that a client of HTTP/1.1 reads what the app said, and nothing behind it."""
    (written,) = {write_passed_on(http, stream) for http in TWINS}
    (http, *_) = TWINS
    limits = http.head.FROM_A_HOP
    ours = read_response(http, [written], b"GET", limits=limits)
    names = Counter(name for name, _ in ours.fields)
    told = names[b"content-length"] + names[b"transfer-encoding"]
    # RFC 9112 6.2: a server MUST NOT tell a length with 1xx or 204.
    assert told <= (reading.line != 204)
    assert not OF_ONE_HOP & names.keys()
    for ask in ORACLES.values():
        theirs = ask(written + b"HTTP/1.1 200 OK\r\n\r\n", b"GET")
        assert (theirs.line, theirs.body, theirs.end) == (
            reading.line,
            reading.body,
            len(written),
        )


def write_passed_on(http, stream) -> bytes:
    """Write the response and its body as the proxy does."""
    reading = read_response(http, [stream], b"GET")
    head = reading.head
    fields = http.fields.forward_response(head)
    framing = http.head.Framing
    chunked = head.framing in (framing.CHUNKED, framing.CLOSE)
    ours = [http.fields.CHUNKED] if chunked else []
    written = http.fields.write_response_head(head.status, head.reason, fields + ours)
    if not chunked:
        return written + reading.body
    body = http.body.write_chunk(reading.body)
    return b"".join((written, *body, http.body.LAST_CHUNK))


@pytest.mark.parametrize("name", CORPUS)
def test_a_response_of_the_corpus_gets_what_its_folder_says(name):
    stream = CORPUS[name]
    for size in (1, 2, 9000):
        check(Random(name), stream, size)
    reading = read(Random(name), stream)
    told = "incomplete" if reading == PARTIAL else "taken"
    status = getattr(reading, "status", told)
    assert name.partition("/")[0] == ("cut" if status == CUT else str(status))


@pytest.mark.soak
def test_any_response_is_read_alike_however_cut_and_as_h11_and_llhttp_read_it(
    seeds, figure
):
    corpus = list(CORPUS.values())
    kinds = Counter()
    differences = Counter()
    for seed in seeds(CASES):
        random = Random(seed)
        stream = make_response(random, corpus)
        with seeded(seed, stream):
            differences.update(check(random, stream))
        kinds[type(read_response(TWINS[0], [stream], b"GET")).__name__] += 1
    figure("HTTP responses fuzzed", kinds.total())
    figure("HTTP responses by what became of them", dict(kinds))
    figure("HTTP responses read unlike an oracle, as meant", differences.total())
