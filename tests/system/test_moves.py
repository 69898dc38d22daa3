"""Apps move while all kinds of clients go on: nobody notices."""

import hashlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from waiting import wait_until

HELLO = "hello.ada.apps.test"
CHAT = "chat.bob.apps.test"

MOST_GROWTH = 40 << 20


@pytest.fixture
def clients(demo, stage, hammer):
    """Those who ask DNS each time, those who never do, those who keep a connection."""
    hosts = [(HELLO, "GET"), (stage, "GET"), (stage, "POST")]
    return {
        "fresh": hammer(lambda host: demo.place(demo.resolve(host)), hosts),
        "stale": hammer(lambda _: demo.place("amber"), hosts),
        "kept": hammer(lambda _: demo.place("amber"), hosts, kept=True),
    }


def test_moves_to_and_fro_fail_no_request_of_any_client(demo, stage, clients):
    forwards = demo.metric("amber", "domicile_proxy_forwards_total")
    for to in ("birch", "amber") * 2:
        moves = [threading.Thread(target=demo.move, args=(app, to)) for app in
                 ("hello.ada", "stage.ada")]  # fmt: skip
        for each in moves:
            each.start()
        for each in moves:
            each.join()
        assert demo.resolve(HELLO) == demo.resolve(stage) == demo.place(to)[0]
        time.sleep(0.5)
    for each in clients.values():
        each.end()
    assert {name: each.failures for name, each in clients.items()} == {
        "fresh": [], "stale": [], "kept": [],
    }  # fmt: skip
    for each in clients.values():
        assert each.clusters() == {"amber", "birch"}
        for host in (HELLO, stage):
            seen = [generation for name, _, generation in each.answers if name == host]
            assert len(set(seen)) == 5
    assert demo.metric("amber", "domicile_proxy_forwards_total") > forwards


@pytest.fixture(scope="module")
def left(demo, stage):
    """A cluster that the stage and the chat have left, for amber."""
    for app in ("stage.ada", "chat.bob"):
        shown = demo.run("app", "show", app)
        if shown["generation"] == 1 and shown["cluster"] == "amber":
            demo.move(app, "birch")
        if demo.run("app", "show", app)["cluster"] == "birch":
            demo.move(app, "amber")
    return "birch"


def test_a_large_body_goes_through_a_tombstone_in_bounded_memory(demo, stage, left):
    size = 20 << 20
    with demo.memory() as memory:
        posted = demo.fetch(stage, "/digest", left, "POST", content=bytes(size))
        got = demo.fetch(stage, f"/bytes/{size}", left)
    assert posted.text == f"{size} {hashlib.sha256(bytes(size)).hexdigest()}"
    assert posted.headers["cluster"] == got.headers["cluster"] == "amber"
    assert len(got.content) == size
    assert max(memory.growth) < MOST_GROWTH


def test_people_chat_through_a_tombstone_with_those_who_came_directly(demo, left):
    with demo.chat(CHAT, left) as late, demo.chat(CHAT, "amber") as early:
        late.send("hello " * 50_000)
        assert early.recv(timeout=10) == "amber: " + "hello " * 50_000
        early.send("welcome")
        late.recv(timeout=10)
        assert late.recv(timeout=10) == "amber: welcome"


@pytest.mark.parametrize("path", ["/reset/length", "/reset/close", "/short"])
def test_a_response_that_breaks_off_behind_a_tombstone_breaks_off(
    demo, stage, left, path
):
    with pytest.raises(ConnectionResetError):
        demo.say(f"GET {path} HTTP/1.0\r\nHost: {stage}\r\n\r\n".encode(), left)


def test_an_app_behind_a_tombstone_knows_its_client(demo, stage, left):
    assert demo.fetch(stage, "/origin", left).text == "127.0.0.1"


def test_a_request_in_flight_is_answered_by_the_copy_that_has_it(demo, stage, tmp_path):
    """The old one goes only when it is done, long after new requests go elsewhere."""
    home, other = demo.home_and_other("stage.ada")
    before = demo.fetch(stage).headers["generation"]
    go_on = tmp_path / "go-on"
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(demo.fetch, stage, f"/until{go_on}", home)
        moved = pool.submit(demo.move, "stage.ada", other)
        wait_until(lambda: demo.fetch(stage, at=home).headers["generation"] != before)
        time.sleep(0.5)
        assert not moved.done()
        go_on.touch()
        answer = asked.result()
    assert answer.text.endswith("at last")
    assert answer.headers["generation"] == before
    assert moved.result()["step"] == "finished"


def test_an_app_with_a_port_of_its_own_stays_where_it_is_and_answers_on(demo):
    """Two copies of it cannot be on one machine: that is known before anything is hurt."""
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        port = probe.getsockname()[1]
    host = demo.deploy("fixed.ada", "--env", f"FIXED_PORT={port}")
    home, other = demo.home_and_other("fixed.ada")
    pid = demo.fetch(host, "/pid").text
    said = demo.refused("app", "move", "fixed.ada", "--to", other)
    assert str(port) in said
    assert "fixed.ada" in said
    for cluster in ("amber", "birch"):
        answer = demo.fetch(host, "/pid", at=cluster)
        assert (answer.text, answer.headers["cluster"]) == (pid, home)
    assert demo.resolve(host) == demo.place(home)[0]
    assert demo.run("app", "show", "fixed.ada")["cluster"] == home
