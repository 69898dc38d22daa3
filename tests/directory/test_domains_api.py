"""Domains over the API: linked, checked against a real server, listed, unlinked."""

import asyncio
import hashlib

import pytest
from customer import CustomerDns

DIGEST = hashlib.sha256(b"release").hexdigest()  # what ada has uploaded
HOST = "www.ada.example"
BIRCH = {"name": "birch", "addresses": ["127.0.0.12"], "links": ["127.0.0.12:8444"]}


@pytest.fixture
def customer():
    with CustomerDns() as served:
        yield served


@pytest.fixture
def resolvers(customer):
    return (customer.address,)


@pytest.fixture
async def hello(ada, amber):
    """The id of ada's app, which lives in amber."""
    body = {"owner": "ada", "name": "hello", "digest": DIGEST, "command": "run"}
    planned = await ada.post("/v1/apps", json=body)
    move = planned.json()
    await report(amber, "amber", move, "serving")
    await ended(ada, move)
    return move["app"]


async def report(client, cluster, move, status):
    said = {"app": move["app"], "cluster": cluster, "generation": move["generation"]}
    answer = await client.post("/v1/reports", json=[said | {"status": status}])
    assert answer.status_code == 204, answer.text


async def ended(client, move):
    async with asyncio.timeout(20):
        path = f"/v1/moves/{move['id']}?wait=20"
        while (await client.get(path)).json()["step"] != "finished":
            pass


@pytest.fixture
async def bob(running, operator):
    answer = await operator.post("/v1/owners", json={"name": "bob"})
    async with running.client(answer.json()["token"]) as client:
        yield client


async def link(client, host=HOST, app="hello.ada"):
    return await client.post("/v1/domains", json={"host": host, "app": app})


async def check(client, host=HOST, wait=20):
    return await client.post(f"/v1/domains/{host}/check?wait={wait}")


async def hosts(client):
    return (await client.get("/v1/apps/hello.ada")).json()["hosts"]


async def test_a_domain_is_linked_checked_listed_and_unlinked(ada, hello, customer):
    wanted = f"CNAME {hello}.apps.test"
    pending = {
        "host": HOST, "app": "hello.ada", "id": hello, "wanted": wanted,
        "active": False,
    }  # fmt: skip
    answer = await link(ada)
    assert (answer.status_code, answer.json()) == (201, pending)
    assert (await link(ada, app=hello)).json() == pending

    sight = (await check(ada)).json()
    assert "NXDOMAIN" in sight.pop("why")
    assert sight == pending | {"seen": []}
    assert HOST not in await hosts(ada)

    customer.set(HOST, f"CNAME {hello.upper()}.apps.test")
    active = pending | {"active": True}
    sight = (await check(ada)).json()
    assert sight == active | {"seen": [wanted], "why": ""}
    assert HOST in await hosts(ada)
    assert (await ada.get("/v1/domains")).json() == {"rows": [active]}

    answer = await ada.post(f"/v1/domains/{HOST}/unlink")
    assert (answer.status_code, answer.json()) == (201, pending)
    assert HOST not in await hosts(ada)
    assert (await ada.get("/v1/domains")).json() == {"rows": []}


async def test_another_owners_domain_is_not_found_and_not_looked_up(
    ada, bob, operator, hello, customer
):
    assert (await link(ada)).status_code == 201
    for answer in (
        await check(bob),
        await bob.post(f"/v1/domains/{HOST}/unlink"),
        await check(operator, "nobodys.example"),
    ):
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:domicile:NotFound"
    assert customer.asked == []
    assert (await bob.get("/v1/domains")).json() == {"rows": []}
    assert (await link(bob, host="b.example")).status_code == 404
    (row,) = (await operator.get("/v1/domains")).json()["rows"]
    assert row["host"] == HOST


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"host": "192.0.2.1", "app": "hello.ada"}, 400, "an address"),
        ({"host": "a.apps.test", "app": "hello.ada"}, 400, "our zone"),
        ({"host": HOST, "app": "nobody.ada"}, 404, "no app 'nobody.ada'"),
        ({"host": HOST}, 400, "app"),
    ],
)
async def test_a_link_that_cannot_be_is_a_problem(ada, hello, body, status, says):
    answer = await ada.post("/v1/domains", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]


async def test_a_host_that_leads_to_another_app_is_a_conflict(
    ada, amber, bob, hello, customer
):
    body = {"owner": "bob", "name": "other", "digest": DIGEST, "command": "run"}
    planned = (await bob.post("/v1/apps", json=body)).json()
    await report(amber, "amber", planned, "serving")
    await ended(bob, planned)
    linked = await link(ada)
    customer.set(HOST, linked.json()["wanted"])
    assert (await check(ada)).json()["active"]
    answer = await link(bob, app="other.bob")
    assert (answer.status_code, answer.json()["type"]) == (
        409,
        "urn:domicile:AlreadyThere",
    )
    assert "ada" not in answer.json()["detail"].replace(HOST, "")
    customer.set(HOST, f"CNAME {planned['app']}.apps.test")
    assert (await link(bob, app="other.bob")).json()["active"]
    assert (await ada.get("/v1/domains")).json()["rows"] == []


async def test_an_activation_waits_until_its_app_has_moved(
    running, ada, operator, amber, hello, customer
):
    joined = await operator.post("/v1/clusters", json=BIRCH)
    await link(ada)
    customer.set(HOST, f"CNAME {hello}.apps.test")
    planned = await operator.post("/v1/apps/hello.ada/moves", json={"to": "birch"})
    move = planned.json()
    refused = await check(ada, wait=0)
    assert (refused.status_code, refused.json()["type"]) == (
        409,
        "urn:domicile:MoveInProgress",
    )
    checked = asyncio.create_task(check(ada))
    async with running.client(joined.json()["token"]) as birch:
        await report(birch, "birch", move, "serving")
        await report(amber, "amber", move, "settled")
    assert (await checked).json()["active"]
    assert HOST in await hosts(ada)
