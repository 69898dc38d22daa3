"""Apps fall asleep and are woken, in a demo whose plans have them sleep soon."""

import contextlib
import http.client
import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from waiting import wait_until

from domicile.client.archive import pack

STAGE = Path(__file__).parent / "apps" / "stage"
SLEEP_SECONDS = 0.3
SLOWLY = "sleep 2; exec python app.py"


@pytest.fixture(scope="module")
def demo(running_demo, tmp_path_factory):
    """One in which the apps of every plan sleep as soon as nobody asks them."""
    nap = f"{{ sleep_seconds = {SLEEP_SECONDS} }}"
    plans = f"plans = {{ free = {nap}, pro = {nap} }}"
    with running_demo(tmp_path_factory.mktemp("sleepy"), [plans]) as demo:
        yield demo


def show(demo, app):
    return demo.api("GET", f"/apps/{app}").json()


def until_asleep(demo, *apps):
    for app in apps:
        wait_until(lambda app=app: show(demo, app)["state"] == "asleep")


def events(demo, app):
    return [
        row["event"] for row in demo.api("GET", f"/apps/{app}/events").json()["rows"]
    ]


def of_manager(demo, name, cluster="amber"):
    return demo.metric(cluster, f"domicile_manager_{name}", "manager")


def ask(demo, host, cluster="amber", path="/digest"):
    """Ask once, as no client does that tries again; gives status and Retry-After."""
    connection = http.client.HTTPConnection(*demo.place(cluster), timeout=60)
    try:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers["Retry-After"]
    finally:
        connection.close()


def test_an_idle_app_falls_asleep_and_a_request_wakes_it(demo):
    host = demo.deploy("nap.ada")
    assert ask(demo, host) == (200, None)
    until_asleep(demo, "nap.ada")
    rows = demo.run("app", "list")["rows"]
    assert "asleep" in {each["state"] for each in rows if each["name"] == "nap"}
    said = {
        each["who"]: each["says"] for each in demo.run("explain", host)["statements"]
    }
    assert said["directory"] == "nap.ada is asleep, lives in amber"
    assert said["proxy proxy-amber of amber"] == "holds: asleep"
    assert demo.run("status")["apps"]["asleep"] >= 1
    woken = of_manager(demo, "wakes_total")
    assert ask(demo, host) == (200, None)
    assert of_manager(demo, "wakes_total") == woken + 1
    # That it is shown as asleep may be from before.
    wait_until(lambda: events(demo, "nap.ada")[-1] == "woken")
    wait_until(lambda: events(demo, "nap.ada")[-1] == "asleep")
    found = demo.run("app", "events", "nap.ada")["rows"]
    assert [each["event"] for each in found] == ["started", "asleep", "woken", "asleep"]
    assert found[2]["detail"].startswith("by a request, and ready after ")


def test_an_app_asleep_is_stopped_started_and_deleted_as_any_other(demo):
    host = demo.deploy("brief.ada")
    until_asleep(demo, "brief.ada")
    assert demo.run("app", "stop", "brief.ada")["state"] == "stopped"
    assert ask(demo, host)[0] == 503
    assert demo.run("app", "start", "brief.ada")["state"] in {"running", "asleep"}
    until_asleep(demo, "brief.ada")
    assert demo.run("app", "delete", "brief.ada")["state"] == "deleted"
    assert ask(demo, host)[0] == 410


def test_of_a_crowd_before_an_app_that_sleeps_its_room_is_served_by_one_wake(demo):
    """Two workers have a room of a hundred each; whoever finds it full is told when."""
    host = demo.deploy("crowd.ada", command=SLOWLY)
    until_asleep(demo, "crowd.ada")
    woken = of_manager(demo, "wakes_total")
    with ThreadPoolExecutor(300) as pool:
        found = Counter(pool.map(lambda _: ask(demo, host), range(300)))
    assert found.keys() == {(200, None), (503, "1")}
    assert 100 <= found[200, None] <= 200
    assert of_manager(demo, "wakes_total") == woken + 1


class Sleepless(threading.Thread):
    """A client that asks in such gaps that the app is often about to fall asleep."""

    def __init__(self, demo, host, seed, over):
        super().__init__()
        self.demo, self.host, self.over = demo, host, over
        self.random = random.Random(seed)
        self.answers = Counter()

    def run(self):
        while not self.over.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.answers[ask(self.demo, self.host)] += 1
                time.sleep(self.random.uniform(SLEEP_SECONDS + 1, SLEEP_SECONDS + 4))
                continue
            self.answers["broken"] += 1


def test_whenever_somebody_comes_nothing_fails(demo):
    names = [f"often-{n}" for n in range(6)]
    hosts = deploy_many(demo, names, command="exec python app.py")
    slept = of_manager(demo, "sleeps_total")
    over = threading.Event()
    clients = [Sleepless(demo, host, n, over) for n, host in enumerate(hosts)]
    for each in clients:
        each.start()
    wait_until(lambda: of_manager(demo, "sleeps_total") >= slept + 8)
    over.set()
    for each in clients:
        each.join()
    answers = sum((each.answers for each in clients), Counter())
    assert set(answers) == {(200, None)}


def test_an_app_asleep_moves_and_is_woken_through_its_tombstone(demo):
    host = demo.deploy("away.ada")
    until_asleep(demo, "away.ada")
    assert demo.move("away.ada", "birch")["step"] == "finished"
    until_asleep(demo, "away.ada")
    assert show(demo, "away.ada")["cluster"] == "birch"
    assert ask(demo, host, "amber") == (200, None)
    wait_until(lambda: events(demo, "away.ada")[:3] == ["started", "asleep", "woken"])


def test_a_websocket_keeps_its_app_awake(demo):
    with demo.chat("chat.bob.apps.test", "birch") as chat:
        wait_until(lambda: events(demo, "chat.bob")[-1] != "asleep")
        before = events(demo, "chat.bob")
        # So long that it would have fallen asleep.
        time.sleep(SLEEP_SECONDS + 5)
        chat.send("still here")
        assert chat.recv(timeout=20) == "birch: still here"
        assert events(demo, "chat.bob") == before
        assert show(demo, "chat.bob")["state"] == "running"
    until_asleep(demo, "chat.bob")


def step_of(demo, move):
    return demo.api("GET", f"/moves/{move['id']}").json()["step"]


def deploy_many(demo, names, command):
    """Deploy the stage under many names at once."""
    archive = pack(STAGE)
    demo.api("PUT", f"/blobs/{archive.digest}", content=archive.data)
    planned = []
    for name in names:
        wanted = {"owner": "ada", "name": name, "command": command}
        moved = demo.api("POST", "/apps", wanted | {"digest": archive.digest})
        planned.append(moved.json())
    for each in planned:
        wait_until(lambda move=each: step_of(demo, move) == "finished")
    return [f"{name}.ada.apps.test" for name in names]


def test_many_that_are_woken_at_once_are_started_a_few_at_a_time(demo, tmp_path):
    """And those who wait for them are all served."""
    gate = tmp_path / "gate"
    gate.touch()
    # Four for each core start, and six wait.
    names = [f"storm-{n}" for n in range(4 * os.cpu_count() + 6)]
    wait = f"until [ -e {gate} ]; do sleep 0.1; done"
    hosts = deploy_many(demo, names, command=f"{wait}; exec python app.py")
    until_asleep(demo, *(f"{name}.ada" for name in names))
    gate.unlink()
    woken = of_manager(demo, "wakes_total")
    with ThreadPoolExecutor(len(hosts)) as pool:
        answers = [pool.submit(ask, demo, host) for host in hosts]
        wait_until(lambda: of_manager(demo, "wakes_total") == woken + len(hosts))
        wait_until(lambda: of_manager(demo, "starts_waiting") == 6)
        gate.touch()
        assert {each.result() for each in answers} == {(200, None)}
    assert of_manager(demo, "starts_waiting") == 0


def test_who_waits_while_the_manager_is_away_is_served_once_it_is_back(demo):
    """And who sleeps does so still, whoever was killed or started anew."""
    host = demo.deploy("patient.ada")
    other = demo.deploy("quiet.ada")
    until_asleep(demo, "patient.ada", "quiet.ada")
    demo.kill("manager-amber")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, demo, host)
        time.sleep(1)
        assert not answer.done()
        demo.restart("manager-amber")
        assert answer.result() == (200, None)
    assert events(demo, "quiet.ada") == ["started", "asleep"]
    demo.end()
    demo.killed.clear()
    demo.start()
    assert show(demo, "quiet.ada")["state"] == "asleep"
    assert events(demo, "quiet.ada") == ["started", "asleep"]
    assert ask(demo, other) == (200, None)
    wait_until(lambda: events(demo, "quiet.ada") == ["started", "asleep", "woken"])
