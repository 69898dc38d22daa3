"""An app that nobody asks falls asleep, and is woken by whoever comes."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from domicile.client.api import Json
from domicile.demo.plan import ClusterPlan
from domicile.demo.tour.expectation import expect, wait_until
from domicile.demo.tour.places import SLEEPY_PLAN
from domicile.demo.tour.stage import Stage

APP = "nap.cy"

_ASLEEP = "asleep"
_WOKEN = "woken"
_CROWD = 30


def sleep_and_wake(stage: Stage) -> None:
    first, _, third = stage.clusters
    host = stage.host_of(APP)
    stage.deploy(APP, to=first)
    stage.bring(APP, first)
    seconds = stage.plan.plans[SLEEPY_PLAN].sleep_seconds
    _expect_sleep(stage, first)
    stage.teller.checked(
        f"By its plan it sleeps after {seconds:g} s: nothing runs. Its proxies knew it "
        "before the process was stopped, so nobody met a process that was gone."
    )
    _wake(stage, host, first)
    stage.move(APP, third)
    _expect_sleep(stage, third)
    _wake_by_a_crowd(stage, host, first, third)
    _show_events(stage, third)


def _expect_sleep(stage: Stage, home: ClusterPlan) -> None:
    # That it is shown so may be from before a request that has just been answered.
    wait_until(f"{APP} asleep in {home.name}", lambda: _last(stage) == _ASLEEP)
    wait_until(f"{APP} shown as asleep", lambda: _state(stage) == _ASLEEP)
    stage.teller.note(f"nobody asks for {APP}: it has fallen asleep in {home.name}")


def _wake(stage: Stage, host: str, home: ClusterPlan) -> None:
    began = time.monotonic()
    answer = stage.visitor.fetch(host, home)
    waited = time.monotonic() - began
    expect(f"status of {host}", answer.status_code, httpx.codes.OK)
    wait_until(f"{APP} woken", lambda: _last(stage) == _WOKEN)
    stage.teller.draw(
        [
            f"client ── GET / ──> proxy in {home.name} ──> asleep: it is held",
            f"  ├── wake {APP} ──> manager of {home.name} ──> started",
            f"  └── {waited:.1f} s later ──> {answer.text.strip()}",
        ]
    )
    stage.teller.checked("The request that woke it waited, and was answered.")


def _wake_by_a_crowd(
    stage: Stage, host: str, asked: ClusterPlan, home: ClusterPlan
) -> None:
    """Have many ask at once, by an address from before."""
    with ThreadPoolExecutor(_CROWD) as pool:
        crowd = [pool.submit(stage.visitor.fetch, host, asked) for _ in range(_CROWD)]
        statuses = {each.result().status_code for each in crowd}
    expect(f"statuses of {_CROWD} requests at once", statuses, {httpx.codes.OK})
    wait_until(f"{APP} woken", lambda: _last(stage) == _WOKEN)
    stage.draw(host, asked, home)
    expect("times that it was woken for them", _times_woken(stage), 1)
    stage.teller.checked(
        f"{_CROWD} came at once through the tombstone: all waited for one start."
    )


def _events(stage: Stage) -> list[Json]:
    found: list[Json] = stage.api.get(f"/apps/{APP}/events")["rows"]
    return found


def _last(stage: Stage) -> str:
    return str(_events(stage)[-1]["event"])


def _state(stage: Stage) -> str:
    return str(stage.api.get(f"/apps/{APP}")["state"])


def _times_woken(stage: Stage) -> int:
    """Count since it came last to where it lives."""
    found = [each["event"] for each in _events(stage)]
    came = len(found) - found[::-1].index("started")
    return found[came:].count(_WOKEN)


def _show_events(stage: Stage, home: ClusterPlan) -> None:
    stage.teller.note(f"domicile app events {APP}, of {home.name}:")
    stage.teller.draw(
        f"{each['at'][11:19]}  {each['event']:<8} {each['detail']}"
        for each in _events(stage)
    )
