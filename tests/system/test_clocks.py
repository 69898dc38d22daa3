"""Clocks of the services differ, and are set while they run: nobody compares them.

What is fresh, and what is given up, is told by the machine's monotonic clock, which is
not faked here. The certificates of the links are the one use of the time of day.
"""

from pathlib import Path

import pytest
from waiting import wait_until

HELLO = "hello.ada.apps.test"
HOUR, DAY = 3600, 86_400


class Clocks:
    """A file for each service that says by how many seconds its clock is wrong."""

    def __init__(self, demo, folder, library):
        self._demo = demo
        self._folder = folder
        self._library = library
        self.set(**dict.fromkeys(demo.services, 0))

    def set(self, **seconds):
        for name, offset in seconds.items():
            path = self._file(name)
            path.with_suffix(".new").write_text(f"{offset:+d}s\n")
            path.with_suffix(".new").replace(path)

    def restart_all(self):
        self._demo.kill(*self._demo.services)
        for name in self._demo.services:
            wrong = {
                "LD_PRELOAD": self._library,
                "FAKETIME_TIMESTAMP_FILE": self._file(name),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                # Without it, who waits by the monotonic clock spins.
                "FAKETIME_FORCE_MONOTONIC_FIX": "0",
            }
            told = [f"{key}={value}" for key, value in wrong.items()]
            self._demo.restart(name, before=["env", *told])
        self._demo.mend()

    def _file(self, name):
        return self._folder / name.replace("_", "-")


@pytest.fixture(scope="module")
def clocks(own_demo, tmp_path_factory):
    """All services, with clocks that can be set."""
    found = sorted(Path("/usr/lib").glob("**/faketime/libfaketime.so.1"))
    if not found:
        pytest.skip("faketime is not installed")
    own_demo.mend()
    clocks = Clocks(own_demo, tmp_path_factory.mktemp("clocks"), found[0])
    clocks.restart_all()
    yield clocks
    own_demo.kill(*own_demo.services)
    own_demo.mend()


@pytest.fixture
def demo(own_demo, clocks):
    yield own_demo
    clocks.set(**dict.fromkeys(own_demo.services, 0))
    own_demo.mend()


def assert_all_works(demo):
    """A name, an app, a deployment, a move and the tombstone that it leaves."""
    host = demo.deploy("clock.ada")
    try:
        home, other = demo.home_and_other("clock.ada")
        demo.move("clock.ada", other)
        assert demo.fetch(host).headers["cluster"] == other
        assert demo.fetch(host, at=home).headers["cluster"] == other
    finally:
        demo.run("app", "delete", "clock.ada")


def test_an_hour_of_difference_is_noticed_by_nobody(demo, clocks, witness):
    """Nor that it was set meanwhile; also where all proves itself anew."""
    witnesses = witness(HELLO)
    clocks.set(
        **{"directory": 0, "nameserver": HOUR, "proxy-amber": -HOUR},
        **{"proxy-birch": HOUR, "manager-amber": HOUR, "manager-birch": -HOUR},
    )
    for cluster in ("amber", "birch"):
        (demo.data / cluster / "proxy" / "link.pem").unlink()
    demo.mend()
    assert_all_works(demo)
    assert all(map(demo.is_well, demo.services))
    for each in witnesses.values():
        each.end()
        assert (each.wrong, each.missing) == ([], [])


@pytest.fixture(scope="module")
def moved(own_demo, clocks):
    """An app that has left its cluster: its host, the one that it left, and the new."""
    host = own_demo.deploy("jump.ada")
    home, other = own_demo.home_and_other("jump.ada")
    own_demo.move("jump.ada", other)
    yield host, home, other
    own_demo.run("app", "delete", "jump.ada")


@pytest.mark.parametrize("days", [400, -400])
def test_a_clock_that_jumps_far_makes_no_wrong_answer(
    demo, clocks, moved, witness, days
):
    """But a link takes no certificate of another time: who is wrong says so."""
    witnesses = witness(HELLO)
    host, home, other = moved
    clocks.set(**{f"proxy-{home}": days * DAY})
    assert "clock says" in wait_for_complaint(demo, f"proxy-{home}")
    assert demo.fetch(host, at=other).status_code == 200
    assert demo.fetch(host, at=home).status_code in {200, 502, 503}
    clocks.set(**{f"proxy-{home}": 0})
    # Until the whole service has seen its clock set: else its follower may still ask
    # for a certificate by the wrong one, and get one of the directory's next clock.
    wait_until(lambda: demo.is_well(f"proxy-{home}"))
    wait_until(lambda: demo.fetch(host, at=home).status_code == 200)
    clocks.set(**{name: days * DAY for name in demo.services if "proxy" not in name})
    assert_all_works(demo)
    for each in witnesses.values():
        each.end()
        assert (each.wrong, each.missing) == ([], [])


def wait_for_complaint(demo, name):
    wait_until(lambda: not demo.is_well(name))
    return demo.health(name)["message"]
