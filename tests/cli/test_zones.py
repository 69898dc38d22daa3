"""The verbs about zones, against a real directory and name server."""

import json
import time

import dns.message
import dns.query
import pytest

ZONE = "keys.test"


@pytest.fixture
def until(hosting):
    """Wait until a zone is as wanted."""

    def until(holds):
        deadline = time.monotonic() + 60
        while not holds(found := hosting.ask("zone", "show", ZONE)):
            assert time.monotonic() < deadline, found
            time.sleep(0.2)
        return found

    return until


def problems(hosting):
    # It ends with 3 where something is wrong.
    return json.loads(hosting.run("status", "--json", code=None).stdout)["problems"]


def test_a_zone_is_signed_rolled_and_goes_insecure(hosting, until):
    signed = hosting.ask("zone", "sign", ZONE)
    assert signed["signing"] == "beginning"
    ready = until(lambda zone: zone["ds"])
    assert ready["ds"][0].startswith(f"{ZONE}. 1 IN DS {ready['keys'][0]['tag']} 13 2 ")
    query = dns.message.make_query(ZONE, "DNSKEY", want_dnssec=True)
    answer = dns.query.udp(query, "127.0.0.1", port=hosting.ports["ns1"], timeout=5)
    assert len(answer.answer) == 2
    said = hosting.run("zone", "show", ZONE).stdout
    assert "the parent zone is to have the DS record below" in said
    assert ready["ds"][0] in said
    assert any(ZONE in each for each in problems(hosting))

    hosting.run("zone", "confirm", ZONE)
    until(lambda zone: zone["signing"] == "signed")
    assert not any(ZONE in each for each in problems(hosting))
    rolled = hosting.run("zone", "roll", ZONE)
    assert "domicile zone show keys.test" in rolled.stderr
    until(lambda zone: zone["parent"])
    hosting.run("zone", "confirm", ZONE)
    until(lambda zone: zone["signing"] == "signed" and len(zone["keys"]) == 1)

    hosting.run("zone", "insecure", ZONE)
    assert "no DS record" in hosting.run("zone", "show", ZONE).stdout
    hosting.run("zone", "confirm", ZONE)
    until(lambda zone: zone["signing"] == "unsigned")


def test_going_insecure_at_once_warns(hosting):
    hosting.run("zone", "sign", ZONE, "--split", "--algorithm", "ed25519")
    said = hosting.run("zone", "insecure", ZONE, "--now")
    assert "bogus" in said.stdout
    (row,) = [r for r in hosting.ask("zone", "list")["rows"] if r["name"] == ZONE]
    assert row["signing"] == "unsigned"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "key.test"), "did you mean keys.test?"),
        (("roll", ZONE), "sign it first"),
        (("sign", ZONE, "--algorithm", "rsa"), "'rsa'"),
        (("confirm", ZONE), "waits for the parent"),
        (("show", "a/b"), "no zone 'a/b'"),
    ],
)
def test_what_cannot_be_done_is_one_line(hosting, arguments, says):
    ran = hosting.run("zone", *arguments, code=1)
    (line,) = ran.stderr.splitlines()
    assert line.startswith("domicile: ")
    assert says in line
    assert ran.stdout == ""
