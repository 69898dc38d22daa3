"""Two directory services on one store: both answer, one moves, and the other can."""

import json
import os
import signal

import httpx
import pytest
from waiting import wait_until

HELLO = "hello.ada.apps.test"
FOLLOWERS = ("nameserver", "manager-amber", "manager-birch")


class Second:
    """The demo's other directory, whom all followers ask."""

    def __init__(self, demo):
        self._demo = demo
        port, admin = demo.free_ports(2)
        self.url = f"http://127.0.0.1:{port}"
        config = (demo.data / "directory.toml").read_text()
        for before, after in (
            (demo.ports["directory"], port), (demo.ports["directory_admin"], admin),
        ):  # fmt: skip
            config = config.replace(f":{before}", f":{after}")
        self._config = demo.data / "second.toml"
        self._config.write_text(config)

    def start(self):
        self.process = self._demo.run_service("directory-second", self._config)
        access = json.loads((self._demo.data / "client.json").read_text())
        headers = {"Authorization": f"Bearer {access['token']}"}
        self.client = httpx.Client(base_url=self.url, headers=headers, timeout=40)
        wait_until(self.answers)

    def answers(self):
        try:
            return self.client.get("/v1/apps").status_code == 200
        except httpx.TransportError:
            return False

    def take_over_followers(self):
        """Have everybody follow this one, and report to it."""
        first = f"http://127.0.0.1:{self._demo.ports['directory']}"
        self._demo.kill(*FOLLOWERS)
        for name in FOLLOWERS:
            config = self._demo.data / f"{name}.toml"
            config.write_text(config.read_text().replace(first, self.url))
        self._demo.restart(*FOLLOWERS)
        wait_until(lambda: not self.client.get("/v1/status").json()["problems"])

    def move(self, app, to):
        answer = self.client.post(f"/v1/apps/{app}/moves", json={"to": to})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def step(self, move, wait=0):
        return self.client.get(f"/v1/moves/{move}", params={"wait": wait}).json()[
            "step"
        ]

    def end(self):
        self.client.close()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def own_demo(running_demo, tmp_path_factory):
    """One whose followers all ask another directory than the demo's."""
    with running_demo(tmp_path_factory.mktemp("two")) as demo:
        yield demo


@pytest.fixture(scope="module")
def second(own_demo):
    second = Second(own_demo)
    second.start()
    second.take_over_followers()
    yield second
    second.end()


def test_who_leads_moves_what_the_other_was_asked_to_and_waits_for_its_followers(
    own_demo, second
):
    """The name server asks the other one, and has acknowledged when the move ends."""
    for to in ("birch", "amber"):
        move = second.move("hello.ada", to)
        assert second.step(move, wait=30) == "finished"
        assert own_demo.resolve(HELLO) == own_demo.place(to)[0]
        assert own_demo.fetch(HELLO, at="amber").headers["cluster"] == to


def test_both_give_the_same_status(own_demo, second):
    def followers(status):
        return {each["name"]: each["serial"] for each in status["followers"]}

    wait_until(
        lambda: (
            followers(own_demo.api("GET", "/status").json())
            == followers(second.client.get("/v1/status").json())
        )
    )
    assert own_demo.api("GET", "/status").json()["problems"] == []


def test_a_ca_that_one_announces_signs_for_both(own_demo, second):
    answer = second.client.post("/v1/link-authority/rotate", json={}).json()
    assert answer["pending"] == answer["epoch"] + 1

    def epochs():
        one = own_demo.api("GET", "/link-authority").json()
        other = second.client.get("/v1/link-authority").json()
        return {one["epoch"], other["epoch"]}

    wait_until(lambda: epochs() == {answer["pending"]})


def test_a_leader_that_is_killed_in_the_middle_is_followed_by_the_other(
    own_demo, second, hammer
):
    place = own_demo.place("amber")
    client = hammer(lambda _: place, [(HELLO, "GET")])
    move = second.move("hello.ada", "birch")
    own_demo.kill("directory")
    wait_until(lambda: second.step(move) == "finished")
    assert own_demo.resolve(HELLO) == own_demo.place("birch")[0]
    client.end()
    assert client.failures == []
    own_demo.restart("directory")
