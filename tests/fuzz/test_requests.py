"""Any request: one verdict however it is cut, the oracles' own, and none to smuggle by.

The streams are changed copies of those in the corpus, built from a grammar of tricks,
or noise.
"""

from collections import Counter
from random import Random

import pytest
from differences import APART, LENIENCES, STRICTNESS, compare
from messages import NEXT, make_request
from mutation import load, seeded
from oracles import ask_h11, ask_llhttp
from reading import PARTIAL, Taken, cut, read_request
from twins import find_twins

CASES = 12_000
CORPUS = load("http", "requests")
TWINS = find_twins("domicile.http", "head", "host", "body", "fields", "upgrade")
ORACLES = {"h11": ask_h11, "llhttp": ask_llhttp}
PRIVATE = frozenset((b"domicile-hop",))
OF_ONE_HOP = {b"te", b"trailer", b"expect", b"keep-alive", b"proxy-connection"}


def read(random, stream, size=0):
    """Read it whole, and cut anywhere: it must all be the same."""
    ways = [[stream], cut(random, stream, size)]
    readings = [read_request(http, way) for http in TWINS for way in ways]
    assert all(reading == readings[0] for reading in readings)
    return readings[0]


def check(random, stream, size=0) -> set[tuple[str, str]]:
    """Hold all that is owed to any stream; give the differences that are meant."""
    reading = read(random, stream, size)
    differences = {compare(name, reading, ask(stream)) for name, ask in ORACLES.items()}
    if isinstance(reading, Taken):
        check_forwarding(stream, reading)
    return differences - {None}


def check_forwarding(stream, reading) -> None:
    """Hold that what goes on is one request, for both oracles and for ourselves."""
    ((written, target),) = {write_forward(http, stream) for http in TWINS}
    for name, ask in [*ORACLES.items(), ("the next hop", ask_next_hop)]:
        theirs = ask(written + NEXT)
        if not isinstance(theirs, Taken):
            assert (name, theirs.reason) in LENIENCES, theirs
            assert "method" in theirs.reason, theirs
            continue
        assert theirs.line == (reading.line[0], target)
        assert (theirs.body, theirs.end) == (reading.body, len(written))
        check_fields(Counter(field for field, _ in theirs.fields), reading)


def ask_next_hop(stream):
    (http, *_) = TWINS
    return read_request(http, [stream], limits=http.head.FROM_A_HOP)


def write_forward(http, stream) -> tuple[bytes, bytes]:
    """Write the request and its body as the proxy does; give it, and its target."""
    reading = read_request(http, [stream])
    head = reading.head
    asked = http.host.read_host(head)
    client = http.fields.Client("192.0.2.7", "https")
    fields = http.fields.forward_request(head, asked, client, PRIVATE)
    if http.upgrade.find_websocket_key(head) is not None:
        assert not reading.body
        fields += http.upgrade.UPGRADE_FIELDS
    written = http.fields.write_request_head(head.method, asked.target, fields)
    if head.framing is http.head.Framing.CHUNKED:
        body = b"".join(http.body.write_chunk(reading.body)) + http.body.LAST_CHUNK
    else:
        body = reading.body
    return written + body, asked.target


def check_fields(count, reading) -> None:
    """Hold that each hop's own are ours alone, and that one field tells the end."""
    ours = (
        b"host",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-real-ip",
        b"forwarded",
    )
    assert all(count[name] == 1 for name in ours)
    told = count[b"content-length"] + count[b"transfer-encoding"]
    assert told == (reading.head.framing.name in ("LENGTH", "CHUNKED"))
    assert not OF_ONE_HOP & count.keys()
    assert not PRIVATE & count.keys()
    assert not any(b"_" in name for name in count)
    assert count[b"upgrade"] == count[b"connection"] <= 1


@pytest.mark.parametrize("name", CORPUS)
def test_a_request_of_the_corpus_gets_what_its_folder_says(name):
    stream = CORPUS[name]
    for size in (1, 2, 9000):
        check(Random(name), stream, size)
    reading = read(Random(name), stream)
    told = "incomplete" if reading == PARTIAL else "taken"
    assert name.partition("/")[0] == str(getattr(reading, "status", told))


@pytest.mark.soak
def test_any_request_is_read_alike_however_cut_and_as_h11_and_llhttp_read_it(
    seeds, figure
):
    corpus = list(CORPUS.values())
    kinds = Counter()
    differences = Counter()
    for seed in seeds(CASES):
        random = Random(seed)
        stream = make_request(random, corpus)
        with seeded(seed, stream):
            differences.update(check(random, stream))
        kinds[type(read_request(TWINS[0], [stream])).__name__] += 1
    figure("HTTP requests fuzzed", kinds.total())
    figure("HTTP requests by what became of them", dict(kinds))
    figure("HTTP requests read unlike an oracle, as meant", differences.total())
    assert {reason for _, reason in differences} <= {
        *STRICTNESS,
        *(reason for _, reason in (*LENIENCES, *APART)),
    }
