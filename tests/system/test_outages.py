"""Services are killed, and clients go on; what comes back finds its place."""

import socket
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode
import psutil
import pytest
from waiting import wait_until

HELLO = "hello.ada.apps.test"
UPLOAD = "upload.ada.apps.test"
CONTROL = ("directory", "manager-amber", "manager-birch")


@pytest.fixture(scope="module")
def demo(own_demo):
    """Hello has left amber for birch."""
    own_demo.mend()
    own_demo.move("hello.ada", "birch")
    return own_demo


@pytest.fixture(scope="module")
def stage(demo):
    restore(demo)
    return demo.deploy("stage.ada")


def restore(demo):
    demo.restart(*CONTROL)
    wait_until(lambda: demo.ask("app", "list").returncode == 0)


@pytest.fixture
def no_control(demo):
    """Nobody is there who could tell anybody anything."""
    demo.kill(*CONTROL)


def is_behind(demo, cluster):
    return demo.metric(cluster, "domicile_proxy_behind") == 1


def answers_of(demo):
    """Ask of everything; gives the clusters that answered."""
    direct = demo.fetch(HELLO)
    late = demo.fetch(HELLO, at="amber")
    other = demo.fetch(UPLOAD)
    assert direct.status_code == late.status_code == other.status_code == 200
    return [each.headers["cluster"] for each in (direct, late, other)]


@pytest.mark.usefixtures("no_control")
def test_without_any_control_names_apps_and_tombstones_go_on(demo, hammer):
    """Promise 5, also once everybody knows to be behind."""
    place = demo.place("amber")
    client = hammer(lambda _: place, [(HELLO, "GET"), (UPLOAD, "GET")])
    assert demo.resolve(HELLO, ask=dns.query.tcp) == demo.place("birch")[0]
    assert answers_of(demo) == ["birch", "birch", "amber"]
    wait_until(lambda: is_behind(demo, "amber") and is_behind(demo, "birch"))
    assert answers_of(demo) == ["birch", "birch", "amber"]
    client.end()
    assert client.failures == []
    assert client.clusters() == {"amber", "birch"}


@pytest.mark.usefixtures("no_control")
def test_who_is_behind_says_no_confident_no(demo):
    wait_until(lambda: is_behind(demo, "amber"))
    answer = demo.fetch("new.ada.apps.test", at="amber")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    query = dns.message.make_query("new.ada.apps.test", "A")
    wait_until(lambda: demo.ask_dns(query).authority[0].ttl == 5)


@pytest.mark.usefixtures("no_control")
@pytest.mark.parametrize("name", ["nameserver", "proxy-amber"])
def test_who_serves_and_is_restarted_alone_serves_on(demo, name):
    nameserver = ("127.0.0.1", demo.ports["nameserver"])
    place = nameserver if name == "nameserver" else demo.place("amber")
    demo.kill(name)
    wait_until(lambda: not listens(place))
    demo.restart(name)
    wait_until(lambda: listens(place))
    assert answers_of(demo) == ["birch", "birch", "amber"]


@pytest.mark.parametrize("name", ["nameserver", "proxy-amber", "proxy-birch"])
def test_killed_workers_leave_their_queues_to_their_successors(demo, name):
    """The parent keeps the sockets: who comes meanwhile waits, and nobody is refused."""
    for child in psutil.Process(demo.pid(name)).children():
        child.kill()
    for _ in range(10):
        assert answers_of(demo) == ["birch", "birch", "amber"]


def listens(place):
    with socket.socket() as probe:
        return probe.connect_ex(place) == 0


def test_managers_that_come_back_go_on_with_the_apps_that_run(demo, stage, hammer):
    """Their processes are the same, and are theirs again: they can be stopped."""
    place = demo.place("amber")
    client = hammer(lambda _: place, [(stage, "POST"), (HELLO, "GET")])
    pid = int(demo.fetch(stage, "/pid").text)
    assert runs(pid)
    demo.kill(*CONTROL)
    restore(demo)
    assert demo.fetch(stage, "/pid").text == str(pid)
    home, other = demo.home_and_other("stage.ada")
    demo.move("stage.ada", other)
    assert demo.fetch(stage, at=home).headers["cluster"] == other
    client.end()
    assert client.failures == []
    assert not runs(pid)


@pytest.mark.parametrize("seconds", [0.0, 0.7])
def test_a_move_that_lost_everybody_in_the_middle_is_finished(demo, hammer, seconds):
    """Whatever it had come to, and no request fails for it."""
    restore(demo)
    place = demo.place("amber")
    client = hammer(lambda _: place, [(UPLOAD, "POST")])
    _, other = demo.home_and_other("upload.ada")
    move = demo.run("app", "move", "upload.ada", "--to", other, "--no-wait")["id"]
    time.sleep(seconds)
    demo.kill(*CONTROL)
    restore(demo)
    wait_until(lambda: demo.run("move", "show", move)["step"] == "finished")
    assert demo.resolve(UPLOAD) == demo.place(other)[0]
    assert demo.fetch(UPLOAD, at="amber").headers["cluster"] == other
    client.end()
    assert client.failures == []


def runs(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"
