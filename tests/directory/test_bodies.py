"""Bodies that are none: each is one clear problem that says what is expected."""

import msgspec
import pytest

from domicile.directory.bodies import BadBody, read_json
from domicile.model.moves import Report

OWNER = "expected is an object with name, and maybe plan, zone"
REPORTS = "an array of it: an object with app, cluster, generation, status, and maybe"


@pytest.fixture
def clients(operator, amber):
    return {"/v1/owners": operator, "/v1/clusters": operator, "/v1/reports": amber}


def report(**more):
    said = {"app": "a", "cluster": "amber", "generation": 1, "status": "serving"}
    return msgspec.json.encode([said | more])


BAD = {
    "nothing": ("/v1/owners", b"", "the body is empty: " + OWNER),
    "no JSON": ("/v1/owners", b"{", "truncated; " + OWNER),
    "an array": ("/v1/owners", b"[]", "got `array`; " + OWNER),
    "deep in nothing": ("/v1/owners", b"[" * 100_000, OWNER),
    "deep in a field": ("/v1/owners", b'{"name": ' + b"[" * 100_000, OWNER),
    "deep where all is skipped": (
        "/v1/reports", b'[{"x": ' + b"[" * 100_000, "JSON is nested too deep; ",
    ),
    "no UTF-8": ("/v1/owners", b'{"name": "\xff"}', "JSON is not UTF-8; " + OWNER),
    "a surrogate": ("/v1/owners", b'{"name": "\\ud800"}', OWNER),
    "a field too many": (
        "/v1/owners", b'{"name": "ada", "plam": "pro"}',
        "Object contains unknown field `plam`; " + OWNER,
    ),
    "a text for a number": (
        "/v1/clusters", b'{"name": "x", "addresses": [], "links": [], "capacity": "1"}',
        "Expected `int`, got `str` - at `$.capacity`",
    ),
    "a capacity that no store holds": (
        "/v1/clusters", b'{"name": "x", "addresses": [], "links": [], "capacity": 1%s}'
        % (b"0" * 30), "Expected `int` <= 9223372036854775807 - at `$.capacity`",
    ),
    "no reports": ("/v1/reports", b"", REPORTS),
    "a generation that no store holds": (
        "/v1/reports", report(generation=2**63), "- at `$[0].generation`; ",
    ),
    "a generation below zero": ("/v1/reports", report(generation=-1), ">= 0"),
    "a port that no store holds": ("/v1/reports", report(port=2**64), "- at `$[0].port`"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
async def test_a_body_that_is_none_is_one_clear_problem(clients, what):
    path, body, says = BAD[what]
    answer = await clients[path].post(path, content=body)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:domicile:BadBody")
    detail = answer.json()["detail"]
    assert says in detail
    assert len(detail.splitlines()) == 1


async def test_what_takes_no_body_may_come_without_one_or_with_any(operator):
    for body in (b"", b"[" * 100_000):
        answer = await operator.post("/v1/link-authority/rotate", content=body)
        assert answer.status_code == 201


async def test_an_ask_for_the_feed_that_no_store_can_answer_is_a_problem(ns1):
    for ask in (
        {"follower": "f", "kinds": ["zone"], "after": 2**63},
        {"follower": "f", "kinds": ["zone"], "notes": {"w": {"serial": 2**64 - 1}}},
    ):
        answer = await ns1.post("/v1/feed", content=msgspec.msgpack.encode(ask))
        assert answer.status_code == 400
        assert "9223372036854775807" in answer.json()["detail"]
    for ask in (b"\x81\xa1x" + b"\x91" * 100_000, b"\x81\xa8follower\xa1\xff"):
        assert (await ns1.post("/v1/feed", content=ask)).status_code == 400


def test_a_whole_body_is_read_as_its_type():
    assert read_json(report(), list[Report]) == [Report("a", "amber", 1, "serving")]
    with pytest.raises(BadBody, match="missing required field `app`"):
        read_json(b"[{}]", list[Report])
