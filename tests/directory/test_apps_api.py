"""Apps and moves over the API; the test reports as the clusters would."""

import asyncio
import hashlib

import pytest

from domicile.model.feed import Ask, encode_ask

BIRCH = {
    "name": "birch",
    "addresses": ["127.0.0.12"],
    "links": ["127.0.0.12:8444"],
    "prefers": ["pro"],
}
DIGEST = hashlib.sha256(b"release").hexdigest()  # what ada has uploaded
HELLO = {"owner": "ada", "name": "hello", "digest": DIGEST, "command": "run"}


@pytest.fixture
async def birch(running, operator):
    answer = await operator.post("/v1/clusters", json=BIRCH)
    async with running.client(answer.json()["token"]) as client:
        yield client


async def until(client, move, step):
    async with asyncio.timeout(20):
        while (found := await client.get(f"/v1/moves/{move['id']}?wait=0.2")).json()[
            "step"
        ] != step:
            pass
    return found.json()


async def deploy(ada, amber, wishes=HELLO):
    planned = await ada.post("/v1/apps", json=wishes)
    assert planned.status_code == 201, planned.text
    move = planned.json()
    await until(ada, move, "preparing")
    await report(amber, "amber", move, "serving")
    return await until(ada, move, "finished")


async def report(cluster_client, cluster, move, status):
    said = {
        "app": move["app"],
        "cluster": cluster,
        "generation": move["generation"],
        "status": status,
    }
    answer = await cluster_client.post("/v1/reports", json=[said])
    assert answer.status_code == 204, answer.text


async def test_a_cluster_that_was_never_heard_of_gets_no_new_app(
    operator, ada, amber, follow
):
    """Whatever the plan: it was added, and its host is not there yet."""
    preferred = BIRCH | {"prefers": ["free"]}
    assert (await operator.post("/v1/clusters", json=preferred)).status_code == 201
    await follow(amber, "manager-amber", ("residence",), cluster="amber")
    planned = await ada.post("/v1/apps", json=HELLO)
    assert planned.json()["target"] == "amber"


async def test_an_app_is_deployed_shown_and_listed(ada, amber):
    move = await deploy(ada, amber)
    shown = (await ada.get("/v1/apps/hello.ada")).json()
    assert shown == {
        "id": move["app"],
        "name": "hello",
        "owner": "ada",
        "cluster": "amber",
        "generation": 1,
        "state": "running",
        "hosts": [
            "hello.ada.apps.test",
            "hello--ada.apps.test",
            f"{move['app']}.apps.test",
        ],
        "detail": "",
        "waits_for": [],
        "scheduled": "",
    }
    assert (await ada.get(f"/v1/apps/{move['app']}")).json() == shown
    assert shown.pop("waits_for") == []
    assert not shown.pop("scheduled")
    assert (await ada.get("/v1/apps")).json() == {"rows": [shown]}
    assert (await ada.get("/v1/moves")).json() == {"rows": [move]}


async def test_a_move_goes_through(ada, operator, amber, birch):
    await deploy(ada, amber)
    answer = await operator.post("/v1/apps/hello.ada/moves", json={"to": "birch"})
    move = answer.json()
    await until(operator, move, "preparing")
    await report(birch, "birch", move, "serving")
    await until(operator, move, "settling")
    await report(amber, "amber", move, "settled")
    await until(operator, move, "finished")
    shown = (await operator.get("/v1/apps/hello.ada")).json()
    assert (shown["cluster"], shown["generation"]) == ("birch", 2)


async def test_a_move_waits_for_a_name_server_that_is_not_behind(
    ada, operator, amber, ns1
):
    kinds = ("zone", "owner", "placement", "cluster")
    await ns1.post("/v1/feed", content=encode_ask(Ask("ns1", kinds)))
    move = (await ada.post("/v1/apps", json=HELLO)).json()
    await until(ada, move, "preparing")
    await report(amber, "amber", move, "serving")
    await until(ada, move, "settling")
    waited = await ada.get(f"/v1/moves/{move['id']}?wait=1")
    assert waited.json()["step"] == "settling"


async def plan(operator, to, wait=20):
    return await operator.post(f"/v1/apps/hello.ada/moves?wait={wait}", json={"to": to})


async def test_a_second_move_waits_until_the_first_has_ended(
    ada, operator, amber, birch
):
    await deploy(ada, amber)
    first = (await plan(operator, "birch")).json()
    second = asyncio.create_task(plan(operator, "amber"))
    await until(operator, first, "preparing")
    await report(birch, "birch", first, "serving")
    await until(operator, first, "settling")
    assert len((await operator.get("/v1/moves")).json()["rows"]) == 2
    assert not second.done()
    await report(amber, "amber", first, "settled")
    planned = (await second).json()
    assert (planned["source"], planned["target"]) == ("birch", "amber")
    assert planned["generation"] == first["generation"] + 1


@pytest.mark.parametrize("wait", ["0.2", "-1", "nan"])
async def test_a_move_that_does_not_end_is_waited_for_so_long_and_then_named(
    ada, operator, amber, birch, wait
):
    await deploy(ada, amber)
    await plan(operator, "birch")
    answer = await plan(operator, "amber", wait=wait)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:domicile:MoveInProgress"
    assert "hello.ada is moving to birch" in answer.json()["detail"]


async def change(client, what, app="hello.ada", wait=20):
    return await client.post(f"/v1/apps/{app}/{what}?wait={wait}")


async def test_an_app_is_stopped_once_its_cluster_says_so(ada, amber):
    move = await deploy(ada, amber)
    wanted = (await change(ada, "stop")).json()
    assert (wanted["state"], wanted["waits_for"]) == ("running", ["amber"])
    shown = asyncio.create_task(ada.get("/v1/apps/hello.ada?wait=20"))
    await report(amber, "amber", move, "stopped")
    stopped = (await shown).json()
    assert (stopped["state"], stopped["waits_for"]) == ("stopped", [])
    assert (await change(ada, "start")).json()["waits_for"] == ["amber"]
    await report(amber, "amber", move, "serving")
    assert (await ada.get("/v1/apps/hello.ada?wait=20")).json()["state"] == "running"


@pytest.mark.parametrize("what", ["stop", "start", "delete"])
async def test_what_is_wanted_of_an_app_that_moves_waits_for_the_move(
    ada, operator, amber, birch, what
):
    await deploy(ada, amber)
    move = (await plan(operator, "birch")).json()
    assert (await change(ada, what, wait=0.1)).status_code == 409
    waiting = asyncio.create_task(change(ada, what))
    await until(operator, move, "preparing")
    await report(birch, "birch", move, "serving")
    await until(operator, move, "settling")
    await report(amber, "amber", move, "settled")
    assert (await waiting).status_code == 201


async def test_a_deleted_app_is_shown_but_not_listed(ada, amber):
    move = await deploy(ada, amber)
    for _ in range(2):
        deleted = (await change(ada, "delete")).json()
        assert (deleted["state"], deleted["generation"]) == ("deleted", 2)
    assert (await ada.get("/v1/apps/hello.ada")).json() == deleted
    assert (await ada.get("/v1/apps")).json() == {"rows": []}
    for what in ("stop", "start"):
        assert (await change(ada, what)).status_code == 409
    again = await ada.post("/v1/apps", json=HELLO)
    assert again.json()["app"] != move["app"]
    shown = (await ada.get(f"/v1/apps/{move['app']}")).json()
    assert shown["hosts"] == [f"{move['app']}.apps.test"]


async def test_an_operators_choice_against_the_plan_is_remarked_on(
    ada, operator, amber, birch
):
    answer = await operator.post("/v1/apps", json=HELLO | {"to": "birch"})
    assert answer.json()["note"].startswith("birch prefers pro, and the plan of ada is")
    answer = await operator.post("/v1/apps", json=HELLO | {"name": "x", "to": "amber"})
    assert answer.json()["note"] == ""


async def test_one_owner_finds_nothing_of_anothers(running, operator, ada, amber):
    move = await deploy(ada, amber)
    answer = await operator.post("/v1/owners", json={"name": "bob"})
    async with running.client(answer.json()["token"]) as bob:
        for path in ("/v1/apps/hello.ada", f"/v1/moves/{move['id']}"):
            assert (await bob.get(path)).status_code == 404
        for what in ("stop", "start", "delete"):
            assert (await change(bob, what)).status_code == 404
        assert (await bob.get("/v1/apps")).json() == {"rows": []}
        assert (await bob.get("/v1/moves")).json() == {"rows": []}
        assert (await bob.post("/v1/apps", json=HELLO)).status_code == 403


async def test_only_an_operator_says_where(ada, amber):
    answer = await ada.post("/v1/apps", json=HELLO | {"to": "amber"})
    assert answer.status_code == 403
    answer = await ada.post("/v1/apps/hello.ada/moves", json={"to": "amber"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/v1/apps", HELLO, 409, "exists already"),
        ("/v1/apps", HELLO | {"name": "a--b"}, 400, "single inner hyphens"),
        ("/v1/apps", HELLO | {"name": "x", "digest": "x"}, 400, "'x' is not a SHA-256"),
        ("/v1/apps", HELLO | {"name": "x", "command": ""}, 400, "the command is empty"),
        ("/v1/apps", HELLO | {"name": "x", "to": "cedar"}, 404, "is only amber"),
        ("/v1/apps/hello.ada/moves", {"to": "cedar"}, 404, "no cluster 'cedar'"),
        ("/v1/apps/hello.ada/moves", {"to": "amber"}, 409, "lives in amber already"),
        (
            "/v1/apps/hello.ada/moves",
            {"to": "amber", "generation": 9},
            409,
            "at generation 1, not 9",
        ),
        ("/v1/apps/nobody.ada/moves", {"to": "amber"}, 404, "no app 'nobody.ada'"),
    ],
)
async def test_bad_input_is_one_clear_sentence(
    ada, operator, amber, path, body, status, says
):
    await deploy(ada, amber)
    answer = await operator.post(path, json=body)
    assert answer.status_code == status
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("birch", "no cluster 'birch': there is only amber: `domicile cluster add` "),
        ("amber", "lives in amber already, and there is no other cluster: `domicile "),
    ],
)
async def test_where_there_is_one_cluster_a_move_says_how_there_are_more(
    ada, operator, amber, to, says
):
    await deploy(ada, amber)
    answer = await operator.post("/v1/apps/hello.ada/moves", json={"to": to})
    assert says in answer.json()["detail"]


async def test_the_same_key_plans_one_move(ada, operator, amber, birch):
    await deploy(ada, amber)
    key = {"Idempotency-Key": "k1"}
    wish = {"to": "birch"}
    first = await operator.post("/v1/apps/hello.ada/moves", json=wish, headers=key)
    again = await operator.post("/v1/apps/hello.ada/moves", json=wish, headers=key)
    assert first.json() == again.json()
    assert (first.status_code, again.status_code) == (201, 201)


async def test_a_move_is_scheduled_shown_and_withdrawn(ada, operator, amber, birch):
    await deploy(ada, amber)
    path = "/v1/apps/hello.ada/moves"
    answer = await operator.post(path, json={"to": "birch", "at": "+10m"})
    assert answer.status_code == 201, answer.text
    move = answer.json()
    assert (move["step"], move["generation"]) == ("scheduled", 0)
    shown = (await ada.get("/v1/apps/hello.ada")).json()
    assert shown["scheduled"] == f"to birch at {move['at']}"
    assert shown["state"] == "running"
    assert (await ada.post(f"{path}/withdraw", json={})).status_code == 403
    withdrawn = (await operator.post(f"{path}/withdraw", json={})).json()
    assert (withdrawn["id"], withdrawn["step"]) == (move["id"], "withdrawn")
    assert not (await ada.get("/v1/apps/hello.ada")).json()["scheduled"]
    again = await operator.post(f"{path}/withdraw", json={})
    assert again.status_code == 409
    assert "no move of hello.ada is scheduled" in again.json()["detail"]


async def test_a_bad_time_is_one_clear_sentence(ada, operator, amber, birch):
    await deploy(ada, amber)
    path = "/v1/apps/hello.ada/moves"
    answer = await operator.post(path, json={"to": "birch", "at": "noon"})
    assert answer.status_code == 400
    assert answer.json()["detail"] == (
        "'noon' is no time: write it as +10m (s, m, h, d), or as 2030-01-31T14:30:00Z"
    )
