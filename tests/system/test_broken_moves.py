"""Moves lose services in each of their steps, or a cluster: they resume, or are undone.

A slow start holds a move at its first step, and a request in flight at its last one.
"""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from waiting import wait_until

SLOW = "sleep 2; exec python app.py"
# Starts only in the cluster that it was deployed to.
HOMELY = 'test "$DOMICILE_CLUSTER" = amber && exec python app.py; sleep 1; exit 7'

AMBER, BIRCH = "manager-amber", "manager-birch"


@pytest.fixture(scope="module")
def demo(own_demo):
    own_demo.mend()
    own_demo.deploy("slow.ada", "--to", "amber", command=SLOW)
    own_demo.deploy("homely.ada", "--to", "amber", command=HOMELY)
    return own_demo


@pytest.fixture
def lose(demo):
    """Kill what is named, whose places are: source, target, or a service's name."""

    def lose(move, names):
        places = {
            "source": f"manager-{move['source']}",
            "target": f"manager-{move['target']}",
        }
        killed = [places.get(name, name) for name in names]
        demo.kill(*killed)
        time.sleep(0.5)
        demo.restart(*killed)

    return lose


def step_of(demo, move):
    answered = demo.ask("move", "show", move["id"])
    return answered.stdout and demo.run("move", "show", move["id"])["step"]


def begin(demo, app, step):
    """Plan a move to where the app is not, and wait until it is at its step."""
    home, other = demo.home_and_other(app)
    move = demo.run("app", "move", app, "--to", other, "--no-wait")
    wait_until(lambda: demo.api("GET", f"/moves/{move['id']}").json()["step"] == step)
    return move | {"source": home, "target": other}


def copies_of(demo, app):
    """Find the processes of an app of this demo, by what they were told, and where."""
    told = f"DOMICILE_APP={app}".encode()
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.NoSuchProcess):
            environment = Path(f"/proc/{each.pid}/environ").read_bytes()
            ours = Path(each.cwd()).is_relative_to(demo.data)
            if ours and told in environment.split(b"\0"):
                found.append(each.pid)
    return found


LOSSES = {
    "the directory": ["directory"],
    "the source": ["source"],
    "the target": ["target"],
    "the name server": ["nameserver"],
    "both proxies": ["proxy-amber", "proxy-birch"],
    "all control": ["directory", "source", "target", "nameserver"],
}


def losses(step):
    """At every step all of them with more effort; a share of them always."""
    always = {
        "preparing": ["the directory", "the target", "the name server"],
        "settling": ["the directory", "the source", "all control"],
    }
    return [
        pytest.param(step, LOSSES[what], what in always[step], id=f"{step}, {what}")
        for what in LOSSES
    ]


@pytest.mark.soak
@pytest.mark.parametrize(
    ("step", "names", "always"), losses("preparing") + losses("settling")
)
def test_a_move_that_loses_services_is_finished(
    demo, hammer, lose, tmp_path, effort, step, names, always
):
    if effort == 1 and not always:
        pytest.skip("only with more effort: make soak")
    host = "slow.ada.apps.test"
    place = demo.place("amber")
    client = hammer(lambda _: place, [(host, "GET")])
    go_on = tmp_path / "go-on"
    with ThreadPoolExecutor() as pool:
        asked = step == "settling" and pool.submit(demo.fetch, host, f"/until{go_on}")
        if asked:
            wait_until(lambda: demo.metric("amber", "domicile_proxy_in_flight") > 0)
        move = begin(demo, "slow.ada", step)
        lose(move, names)
        go_on.touch()
    wait_until(lambda: step_of(demo, move) == "finished")
    assert demo.resolve(host) == demo.place(move["target"])[0]
    assert demo.fetch(host, at=move["source"]).headers["cluster"] == move["target"]
    wait_until(lambda: len(copies_of(demo, "slow.ada")) == 1)
    client.end()
    if "proxy-amber" in names:
        # Who asked it while it was not there was refused.
        assert all("ConnectionRefused" in f or "Reset" in f or "RemoteDisconnected" in f
                   for f in client.failures)  # fmt: skip
    else:
        assert client.failures == []


@pytest.mark.parametrize("names", [[], ["directory"], ["target"], ["source"]])
def test_a_target_that_never_serves_leaves_the_app_untouched(demo, hammer, lose, names):
    """Whatever is lost on the way: the same process answers throughout."""
    host = "homely.ada.apps.test"
    place = demo.place("amber")
    pid = demo.fetch(host, "/pid").text
    client = hammer(lambda _: place, [(host, "GET")])
    move = begin(demo, "homely.ada", "preparing")
    lose(move, names)
    wait_until(lambda: step_of(demo, move) == "failed")
    client.end()
    assert client.failures == []
    assert client.clusters() == {"amber"}
    for cluster in ("amber", "birch"):
        assert demo.fetch(host, "/pid", at=cluster).text == pid
    assert demo.resolve(host) == demo.place("amber")[0]
    assert len(copies_of(demo, "homely.ada")) == 1
    assert "ended with status 7" in demo.run("move", "show", move["id"])["error"]


def test_a_target_that_is_away_is_given_up_and_learns_of_it(demo):
    host = "homely.ada.apps.test"
    pid = demo.fetch(host, "/pid").text
    demo.kill(BIRCH)
    said = demo.refused("app", "move", "homely.ada", "--to", "birch")
    assert "birch did not report it as serving in time" in said
    assert demo.fetch(host, "/pid").text == pid
    demo.restart(BIRCH)
    wait_until(lambda: not demo.run("app", "show", "homely.ada")["waits_for"])
    assert demo.fetch(host, "/pid", at="birch").text == pid


def test_a_source_that_is_away_serves_on_until_it_learns_of_the_move(demo, hammer):
    """Its proxies know nothing of the tombstone yet, and its copy answers."""
    host = "slow.ada.apps.test"
    home, other = demo.home_and_other("slow.ada")
    place = demo.place(home)
    client = hammer(lambda _: place, [(host, "GET")])
    demo.kill(f"manager-{home}")
    move = begin(demo, "slow.ada", "settling")
    wait_until(lambda: demo.resolve(host) == demo.place(other)[0])
    assert demo.fetch(host, at=home).headers["cluster"] == home
    assert demo.fetch(host, at=other).headers["cluster"] == other
    demo.restart(f"manager-{home}")
    wait_until(lambda: step_of(demo, move) == "finished")
    assert demo.fetch(host, at=home).headers["cluster"] == other
    client.end()
    assert client.failures == []
    assert client.clusters() == {home, other}
    wait_until(lambda: len(copies_of(demo, "slow.ada")) == 1)


def test_moves_of_what_does_not_live_are_refused_and_of_what_rests_are_made(demo):
    demo.deploy("resting.ada", "--to", "amber")
    demo.run("app", "stop", "resting.ada")
    assert demo.move("resting.ada", "birch")["stopped"]
    shown = demo.run("app", "show", "resting.ada")
    assert (shown["state"], shown["cluster"]) == ("stopped", "birch")
    assert copies_of(demo, "resting.ada") == []
    app = shown["id"]
    demo.run("app", "delete", "resting.ada")
    said = demo.refused("app", "move", app, "--to", "amber")
    assert "deleted" in said
