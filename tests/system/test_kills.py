"""Everything is killed in any order, again and again, while clients go on.

Nobody gets a wrong answer. Where only children die, and not the parents that keep their
sockets, nothing fails but what was in flight in the killed process.
"""

import os
import random
import signal
import threading
import time

import httpx
import pytest
from waiting import wait_until

CHILDREN = {
    "nameserver": ("worker-1", "worker-2", "follower"),
    "proxy-amber": ("worker-0", "worker-1", "keeper"),
    "proxy-birch": ("worker-0", "worker-1", "keeper"),
    "manager-amber": ("manager",),
    "manager-birch": ("manager",),
    "directory": ("directory",),
}
# A worker that died often is started again after ten.
PATIENCE = 25.0

pytestmark = pytest.mark.soak


@pytest.fixture
def demo(whole_demo):
    return whole_demo


@pytest.fixture(scope="module")
def stage(own_demo):
    own_demo.mend()
    return own_demo.deploy("killed.ada")


class Writer(threading.Thread):
    """Adds owners; keeps those that the directory said were added."""

    def __init__(self, demo):
        super().__init__()
        self._demo = demo
        self._over = threading.Event()
        self.added = []

    def run(self):
        number = 0
        while not self._over.wait(0.01):
            number += 1
            name = f"w{number}-{random.randrange(1 << 40):x}"
            try:
                told = self._demo.api("POST", "/owners", {"name": name})
            except httpx.TransportError:
                continue
            if told.status_code == 201:
                self.added.append(name)

    def end(self):
        self._over.set()
        self.join()


@pytest.fixture
def writer(demo):
    writer = Writer(demo)
    writer.start()
    yield writer
    writer.end()


def assert_all_agree(demo, writer):
    """Nothing that was acknowledged is lost, and every replica is as far as its store."""
    writer.end()
    demo.mend()
    (owners,) = demo.api("GET", "/owners").json().values()
    assert set(writer.added) <= {each["name"] for each in owners}
    wait_until(lambda: demo.run("status")["problems"] == [])
    told = demo.run("status")
    assert {each["serial"] for each in told["followers"]} == {told["serial"]}


def test_killed_children_fail_nothing_but_what_they_had_in_flight(
    demo, stage, witness, writer, effort, figure
):
    chance = random.Random(effort)
    witnesses = witness(stage, seconds=PATIENCE)
    kills = 0
    for _ in range(effort):
        victims = [(name, child) for name, them in CHILDREN.items() for child in them]
        chance.shuffle(victims)
        for name, child in victims:
            wait_until(lambda n=name, c=child: c in demo.children(n))
            demo.children(name)[child].kill()
            kills += 1
            time.sleep(chance.uniform(0, 0.4))
    wait_until(
        lambda: all(set(demo.children(n)) == set(c) for n, c in CHILDREN.items())
    )
    for each in witnesses.values():
        each.end()
        assert each.wrong == []
        assert len(each.missing) <= kills
        assert each.right > 0
    assert_all_agree(demo, writer)
    figure("children killed", kills)
    served = sum(each.right for each in witnesses.values())
    lost = sum(len(each.missing) for each in witnesses.values())
    figure("served meanwhile / in flight in a killed child", f"{served} / {lost}")


def test_what_is_killed_in_any_order_comes_back_in_any_order(
    demo, stage, witness, writer, effort, figure
):
    """Services, parents alone, children and apps; what is down refuses, and lies never."""
    chance = random.Random(effort)
    witnesses = witness(stage)
    apps = len(demo.app_groups())
    assert apps
    ways = {
        "service": demo.kill,
        "parent": demo.kill_parent,
        "child": lambda name: chance.choice([*demo.children(name).values()]).kill(),
    }
    kills = 0
    for _ in range(4 * effort):
        names = chance.sample(sorted(CHILDREN), chance.randint(1, len(CHILDREN)))
        for name in names:
            ways[chance.choice(sorted(ways))](name)
        if chance.random() < 0.5:
            wait_until(demo.app_groups)
            os.killpg(chance.choice(demo.app_groups()), signal.SIGKILL)
            kills += 1
        kills += len(names)
        time.sleep(chance.uniform(0, 1.0))
        chance.shuffle(names)
        for name in names:
            demo.restart(name)
            time.sleep(chance.uniform(0, 0.3))
        wait_until(lambda: all(map(demo.children, CHILDREN)))
    demo.mend()
    wait_until(lambda: len(demo.app_groups()) == apps)
    served = [each.right for each in witnesses.values()]
    wait_until(
        lambda: all(
            w.right > n for w, n in zip(witnesses.values(), served, strict=True)
        )
    )
    for each in witnesses.values():
        each.end()
        assert each.wrong == []
    assert_all_agree(demo, writer)
    figure("kills of anything", kills)
    lost = sum(len(each.missing) for each in witnesses.values())
    total = sum(each.right for each in witnesses.values())
    figure("served meanwhile / refused or lost", f"{total} / {lost}")
    figure("owners added meanwhile, none lost", len(writer.added))
