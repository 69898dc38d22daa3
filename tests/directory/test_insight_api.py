"""Logs, explanations and the status, asked of admin listeners over real sockets."""

import hashlib
import socket

import pytest

DIGEST = hashlib.sha256(b"release").hexdigest()  # what ada has uploaded
HELLO = {"owner": "ada", "name": "hello", "digest": DIGEST, "command": "run"}
HOST = "hello.ada.apps.test"
NS_KINDS = ("zone", "owner", "placement", "cluster")


def living(state="here", **more):
    return {"app": "i" * 26, "generation": 1, "state": state, **more}


def says(outcome, way, state="here"):
    return {
        "proxy": "p", "host": HOST, "serial": 5, "behind": False,
        "outcome": outcome, "way": way, "residence": living(state),
    }  # fmt: skip


def managers_page(*proxies, residence=None):
    return {
        "cluster": "amber", "serial": 6, "behind": False, "wanted": None,
        "store_serial": 9, "residence": residence or living(), "endpoint": None,
        "proxies": proxies,
    }  # fmt: skip


async def deploy(ada, amber):
    """Deploy hello.ada, and have amber say that it serves it."""
    move = (await ada.post("/v1/apps", json=HELLO)).json()
    report = {"app": move["app"], "cluster": "amber", "generation": 1}
    while (await ada.get(f"/v1/moves/{move['id']}")).json()["step"] == "planned":
        pass
    await amber.post("/v1/reports", json=[report | {"status": "serving"}])
    ended = await ada.get(f"/v1/moves/{move['id']}?wait=20")
    assert ended.json()["step"] == "finished"
    return move["app"]


async def explained(operator, host=HOST):
    answer = await operator.get("/v1/explain", params={"host": host})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return found, {each["who"]: each for each in found["statements"]}


async def test_a_log_comes_from_the_manager_of_the_apps_cluster(
    ada, amber, follow, outposts
):
    app = await deploy(ada, amber)
    page = {"app": app, "cluster": "amber", "lines": ["one", "two"], "end": "amber:1-8"}
    admin = await outposts.open("/logs", page)
    await follow(amber, "manager-amber", ("residence",), admin, "amber")
    assert (await ada.get("/v1/apps/hello.ada/logs?lines=2")).json() == page
    assert outposts.pages["/logs"] == [{"app": app, "lines": "2"}]


async def test_events_come_from_there_too_and_are_the_owners_own(
    ada, amber, operator, running, follow, outposts
):
    app = await deploy(ada, amber)
    row = {"at": "2026-01-02T03:04:05.678Z", "event": "asleep", "detail": "after 9 s"}
    page = {"app": app, "cluster": "amber", "rows": [row]}
    admin = await outposts.open("/events", page)
    await follow(amber, "manager-amber", ("residence",), admin, "amber")
    assert (await ada.get("/v1/apps/hello.ada/events")).json() == page
    assert outposts.pages["/events"] == [{"app": app}]
    eve = (await operator.post("/v1/owners", json={"name": "eve"})).json()["token"]
    async with running.client(eve) as other:
        assert (await other.get("/v1/apps/hello.ada/events")).status_code == 404


async def test_who_sleeps_is_shown_so_and_no_record_changes(ada, amber, operator):
    app = await deploy(ada, amber)
    serial = (await operator.get("/v1/status")).json()["serial"]
    report = {"app": app, "cluster": "amber", "generation": 1}
    asleep = report | {"status": "asleep", "serial": 8}
    await amber.post("/v1/reports", json=[asleep])
    # Within a generation they may come in any order.
    await amber.post("/v1/reports", json=[report | {"status": "serving", "serial": 7}])
    shown = (await ada.get("/v1/apps/hello.ada")).json()
    assert (shown["state"], shown["waits_for"]) == ("asleep", [])
    (row,) = (await ada.get("/v1/apps")).json()["rows"]
    assert row["state"] == "asleep"
    status = (await operator.get("/v1/status")).json()
    assert (status["apps"], status["serial"]) == ({"asleep": 1}, serial)
    _, said = await explained(operator)
    assert said["directory"]["says"] == "hello.ada is asleep, lives in amber"
    await amber.post("/v1/reports", json=[report | {"status": "serving", "serial": 9}])
    assert (await ada.get("/v1/apps/hello.ada")).json()["state"] == "running"


async def test_a_log_is_asked_for_what_comes_after_a_mark(ada, amber, follow, outposts):
    app = await deploy(ada, amber)
    page = {"app": app, "cluster": "amber", "lines": ["three"], "end": "amber:1-14"}
    admin = await outposts.open("/logs", page)
    await follow(amber, "manager-amber", ("residence",), admin, "amber")
    query = {"after": "birch:2-5,amber:1-8"}
    assert (await ada.get("/v1/apps/hello.ada/logs", params=query)).json() == page
    assert outposts.pages["/logs"] == [{"app": app, "lines": "100"} | query]


async def test_a_log_of_a_deployment_that_failed_tells_why(
    ada, amber, follow, outposts
):
    move = (await ada.post("/v1/apps", json=HELLO)).json()
    report = {"app": move["app"], "cluster": "amber", "generation": 1}
    while (await ada.get(f"/v1/moves/{move['id']}")).json()["step"] == "planned":
        pass
    await amber.post("/v1/reports", json=[report | {"status": "failed"}])
    page = {"app": move["app"], "cluster": "amber", "lines": ["no module"], "end": ""}
    admin = await outposts.open("/logs", page)
    await follow(amber, "manager-amber", ("residence",), admin, "amber")
    assert (await ada.get("/v1/apps/hello.ada/logs")).json() == page


async def test_a_log_that_nobody_can_give_is_a_problem(
    running, operator, ada, amber, follow, outposts
):
    await deploy(ada, amber)
    answer = await ada.get("/v1/apps/hello.ada/logs")
    assert answer.status_code == 502
    assert answer.json()["detail"] == "no manager of amber can be asked"
    await follow(amber, "manager-amber", ("residence",), "", "amber")
    answer = await ada.get("/v1/apps/hello.ada/logs")
    assert (answer.status_code, answer.json()["type"]) == (502, "urn:domicile:NoAnswer")
    assert "the manager of amber: its admin listener" in answer.json()["detail"]
    bob = (await operator.post("/v1/owners", json={"name": "bob"})).json()["token"]
    async with running.client(bob) as client:
        assert (await client.get("/v1/apps/hello.ada/logs")).status_code == 404


async def test_a_host_is_explained_by_all_who_route(
    ada, operator, amber, ns1, follow, outposts
):
    app = await deploy(ada, amber)
    page = {
        "nameserver": "ns1", "serial": 8, "behind": False, "cluster": "amber",
        "generation": 1, "addresses": ["127.0.0.11"],
    }  # fmt: skip
    await follow(ns1, "ns1", NS_KINDS, await outposts.open("/explain", page))
    page = managers_page(
        says("ToUpstream", {"address": "127.0.0.1", "port": 20000}) | {"proxy": "a"},
        {"proxy": "b", "error": "its admin listener does not answer"},
        says("Forward", {"cluster": "birch"}, "away") | {"proxy": "c"},
        says("Nonsense", {}) | {"proxy": "d"},
        says("Hold", {}) | {"proxy": "e"},
    )
    admin = await outposts.open("/explain", page)
    await follow(amber, "manager-amber", ("residence",), admin, "amber")
    found, said = await explained(operator, HOST.upper() + ".")
    assert (found["host"], found["app"]["id"], found["moves"]) == (HOST, app, [])
    directory = said["directory"]
    assert directory["says"] == "hello.ada is running, lives in amber"
    assert (directory["generation"], directory["serial"] > 0) == (1, True)
    assert said["name server ns1"] == {
        "who": "name server ns1", "says": "127.0.0.11 (amber)", "serial": 8,
        "generation": 1, "behind": False,
    }  # fmt: skip
    assert said["manager of amber"]["says"] == "here in amber's store at serial 9"
    assert said["manager of amber"]["serial"] == 6
    serves, away, tombstone, odd, less = (
        said[f"proxy {name} of amber"] for name in "abcde"
    )
    assert serves["says"] == "serves: its app is at 127.0.0.1:20000"
    assert (serves["serial"], serves["generation"]) == (5, 1)
    assert (away["says"], away["serial"]) == (
        "its admin listener does not answer", None,
    )  # fmt: skip
    assert tombstone["says"] == "tombstone: forwards to birch"
    assert "not understood" in odd["says"]
    assert "not understood" in less["says"]


async def test_who_does_not_answer_is_a_line_and_no_error(
    ada, operator, amber, ns1, follow, outposts
):
    await deploy(ada, amber)
    _, said = await explained(operator)
    assert "never asked" in said["manager of amber"]["says"]
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        gone = f"127.0.0.1:{closed.getsockname()[1]}"
        await follow(ns1, "ns1", NS_KINDS, gone)
        admin = await outposts.open("/explain", {"serial": "six"})
        await follow(amber, "manager-amber", ("residence",), admin, "amber")
        _, said = await explained(operator)
    assert f"{gone} does not answer" in said["name server ns1"]["says"]
    assert said["name server ns1"]["serial"] is None
    assert "is not understood" in said["manager of amber"]["says"]


async def test_an_open_move_is_part_of_the_explanation(ada, operator, amber):
    await deploy(ada, amber)
    birch = {"name": "birch", "addresses": [], "links": []}
    await operator.post("/v1/clusters", json=birch)
    move = await operator.post("/v1/apps/hello.ada/moves", json={"to": "birch"})
    found, _ = await explained(operator)
    assert [each["id"] for each in found["moves"]] == [move.json()["id"]]


async def test_a_host_of_no_app_is_explained_too(operator):
    found, said = await explained(operator, "none.test")
    assert found["app"] is None
    assert said["directory"]["says"] == "no app has this host"


async def test_only_operators_look_at_everything(ada, amber, ns1):
    for client in (ada, amber, ns1):
        for path in ("/v1/explain?host=x", "/v1/status"):
            assert (await client.get(path)).status_code == 403


async def test_the_status_says_what_is_wrong_first(ada, operator, amber, ns1, follow):
    await deploy(ada, amber)
    found = (await operator.get("/v1/status")).json()
    assert found["problems"] == [
        "cluster amber: no manager of it asks the directory",
        "no name server has ever asked the directory",
    ]
    await follow(ns1, "ns1", NS_KINDS)
    await follow(amber, "manager-amber", ("residence",), "", "amber")
    found = (await operator.get("/v1/status")).json()
    assert found["problems"] == []
    assert found["clusters"] == [
        {
            "name": "amber",
            "addresses": ["127.0.0.11"],
            "apps": 1,
            "followed": True,
            "withdrawn": [],
            "lost": False,
        }
    ]
    manager, nameserver = found["followers"]
    assert manager["name"] == "cluster/amber/manager-amber"
    # Neither has acknowledged yet what it was given.
    assert nameserver["lag"] == found["serial"]
    assert (found["apps"], found["moves"]) == ({"running": 1}, [])


async def test_whom_a_rotation_waits_for_is_in_the_status(operator, amber, follow):
    await follow(amber, "manager-amber", ("authority",), "", "amber")
    await operator.post("/v1/link-authority/rotate")
    assert (await operator.get("/v1/status")).json()["problems"][-1] == (
        "the links' CA of epoch 2 waits for cluster/amber/manager-amber"
    )


async def test_an_open_move_is_in_the_status(ada, operator, amber):
    await deploy(ada, amber)
    birch = {"name": "birch", "addresses": [], "links": []}
    await operator.post("/v1/clusters", json=birch)
    await operator.post("/v1/apps/hello.ada/moves", json={"to": "birch"})
    (move,) = (await operator.get("/v1/status")).json()["moves"]
    assert (move["app"], move["source"], move["target"]) == (
        "hello.ada", "amber", "birch",
    )  # fmt: skip
    assert move["seconds"] >= 0


@pytest.mark.parametrize("lines", ["x", "1.5"])
async def test_a_number_of_lines_that_is_none_is_refused(ada, lines):
    assert (await ada.get(f"/v1/apps/x.ada/logs?lines={lines}")).status_code == 400
