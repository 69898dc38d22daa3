"""A move at a time that was named, as dig and a client see it."""

import shutil
import subprocess
import time
from datetime import datetime

import pytest
from waiting import wait_until

HELLO = "hello.ada.apps.test"
DIG = shutil.which("dig")

pytestmark = pytest.mark.skipif(DIG is None, reason="dig (bind9-dnsutils) is missing")


def dig(demo, name=HELLO):
    """Give TTL and address."""
    ran = subprocess.run(
        [DIG, "@127.0.0.1", "-p", str(demo.ports["nameserver"]), name, "A",
         "+noall", "+answer"],
        capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    (line,) = ran.stdout.splitlines()
    _, ttl, _, _, address = line.split()
    return int(ttl), address


@pytest.fixture
def at_home(demo):
    """Give where the app lives and the other cluster, with no move in its way."""
    home, other = demo.home_and_other("hello.ada")
    wait_until(lambda: dig(demo) == (60, demo.place(home)[0]))
    return home, other


def test_the_ttl_goes_down_until_the_app_moves_and_comes_back(demo, at_home):
    home, other = at_home
    scheduled = demo.run("app", "move", "hello.ada", "--to", other, "--at", "+12s")
    assert (scheduled["step"], scheduled["generation"]) == ("scheduled", 0)
    shown = demo.run("app", "show", "hello.ada")
    assert shown["scheduled"] == f"to {other} at {scheduled['at']}"
    seen = []

    def moved():
        seen.append(dig(demo))
        return seen[-1] == (60, demo.place(other)[0])

    wait_until(moved)
    before = [ttl for ttl, address in seen if address == demo.place(home)[0]]
    lowered = [ttl for ttl in before if ttl < 60]
    assert lowered == sorted(lowered, reverse=True)
    assert lowered[0] <= 12
    assert lowered[-1] == 5
    assert demo.fetch(HELLO).headers["cluster"] == other
    (ended,) = [
        each
        for each in demo.run("move", "list")["rows"]
        if each["id"] == scheduled["id"]
    ]
    assert ended["step"] in {"settling", "finished"}
    assert ended["generation"] > 0


def test_what_is_withdrawn_has_its_ttl_again_and_does_not_move(demo, at_home):
    home, other = at_home
    demo.run("app", "move", "hello.ada", "--to", other, "--at", "+30s")
    wait_until(lambda: dig(demo)[0] <= 30)
    withdrawn = demo.run("move", "withdraw", "hello.ada")
    assert withdrawn["step"] == "withdrawn"
    wait_until(lambda: dig(demo) == (60, demo.place(home)[0]))
    assert demo.refused("move", "withdraw", "hello.ada").startswith(
        "no move of hello.ada is scheduled"
    )


def test_a_directory_that_was_down_at_the_time_moves_once_it_is_back(demo, at_home):
    _, other = at_home
    scheduled = demo.run("app", "move", "hello.ada", "--to", other, "--at", "+4s")
    wait_until(lambda: dig(demo)[0] <= 5)
    demo.kill("directory")
    try:
        due = datetime.fromisoformat(scheduled["at"]).timestamp() + 1
        wait_until(lambda: time.time() > due)
        # Of what is due and not heard of, an answer lasts the shortest.
        assert dig(demo)[0] == 5
    finally:
        demo.mend()
    wait_until(lambda: dig(demo) == (60, demo.place(other)[0]))


@pytest.mark.parametrize(
    ("at", "says"),
    [("soon", "'soon' is no time"), ("2020-01-01T00:00:00Z", "is over")],
)
def test_what_is_no_time_is_refused_in_a_line(demo, at, says):
    assert says in demo.refused("app", "move", "hello.ada", "--to", "birch", "--at", at)
