"""Zones and their keys through the API of a real directory."""

import pytest

from domicile.model.sealing import sealing_key_from_text


@pytest.fixture
def zone(operator):
    async def zone(verb="", **body):
        path = "/v1/zones/apps.test" + (verb and f"/{verb}")
        answer = await (operator.post(path, json=body) if verb else operator.get(path))
        return answer.json() | {"status": answer.status_code}

    return zone


async def test_a_zone_is_unsigned_until_it_is_told(operator, zone):
    found = await zone()
    assert (found["signing"], found["keys"], found["ds"]) == ("unsigned", [], [])
    (row,) = (await operator.get("/v1/zones")).json()["rows"]
    assert row == {"name": "apps.test", "signing": "unsigned", "parent": "", "keys": 0}


async def test_signing_shows_the_key_and_no_secret(operator, zone):
    found = await zone("sign")
    assert found["status"] == 201
    (key,) = found["keys"]
    assert (key["role"], key["algorithm"]) == ("csk", "ecdsap256sha256")
    assert (key["state"], key["waits_for"]) == (
        "published",
        "every name server to know it",
    )
    assert "sealed" not in key
    assert (await zone())["signing"] == "beginning"


async def test_the_one_that_is_waited_for_is_named(zone, ns1, follow):
    await follow(ns1, "ns1", ("zone-key",))
    await zone("sign")
    assert (await zone())["waits_for"] == ["nameserver/ns1/ns1"]


async def test_a_name_server_follows_the_keys_and_a_cluster_does_not(
    ns1, amber, follow
):
    await follow(ns1, "ns1", ("zone", "zone-key"))
    with pytest.raises(AssertionError, match="does not follow zone-key"):
        await follow(amber, "manager", ("zone-key",), cluster="amber")


async def test_a_zone_that_leaves_says_what_the_parent_is_to_do(operator, zone):
    await zone("sign")
    found = await zone("insecure", now=False)
    assert found["signing"] == "leaving"
    assert "no DS" in found["parent"]
    status = (await operator.get("/v1/status")).json()
    assert any("domicile zone show apps.test" in each for each in status["problems"])
    assert (await zone("confirm"))["keys"][0]["until"]
    assert (await zone("insecure", now=True))["signing"] == "unsigned"


@pytest.mark.parametrize(
    ("verb", "body", "status", "says"),
    [
        ("roll", {}, 409, "sign it first"),
        ("insecure", {}, 409, "not signed"),
        ("confirm", {}, 409, "waits for the parent"),
        ("sign", {"algorithm": "rsa"}, 400, "'rsa'"),
        ("sign", {"algo": "rsa"}, 400, "algo"),
    ],
)
async def test_what_cannot_be_done_is_said(zone, verb, body, status, says):
    refused = await zone(verb, **body)
    assert refused["status"] == status
    assert says in refused["detail"]


async def test_a_zone_that_is_not_there_is_not_found(operator):
    for path in ("/v1/zones/no.test", "/v1/zones/no.test/sign"):
        ask = (
            operator.post(path, json={})
            if path.endswith("sign")
            else operator.get(path)
        )
        answer = await ask
        assert (answer.status_code, answer.json()["type"]) == (
            404,
            "urn:domicile:NotFound",
        )


async def test_owners_have_no_zones(ada, ns1):
    for client in (ada, ns1):
        assert (await client.get("/v1/zones")).status_code == 403
        assert (
            await client.post("/v1/zones/apps.test/sign", json={})
        ).status_code == 403


async def test_the_key_that_seals_is_the_name_servers(operator):
    join = (await operator.post("/v1/nameservers", json={"name": "ns9"})).json()
    assert len(sealing_key_from_text(join["sealing_key"])) == 32
