"""Managers that cannot reach the directory while apps move: moves wait, clients do not."""

import random
import time

import pytest
from waiting import wait_until

UPLOAD = "upload.ada.apps.test"


class Journey:
    """A move of the upload app to where it is not, while clients go on."""

    def __init__(self, bad, hammer):
        self.bad, self.demo = bad, bad.demo
        self.source, self.target = self.demo.home_and_other("upload.ada")
        demo = self.demo
        hosts = [(UPLOAD, "GET"), (UPLOAD, "POST")]
        self.clients = [
            hammer(lambda host: demo.place(demo.resolve(host)), hosts),
            hammer(lambda _: demo.place("amber"), hosts),
            hammer(lambda _: demo.place("birch"), hosts, kept=True),
        ]

    def feed_of(self, part):
        return self.bad.feed[f"manager-{getattr(self, part)}"]

    def set_out(self):
        asked = self.demo.api("POST", "/apps/upload.ada/moves", {"to": self.target})
        self.id = asked.json()["id"]

    @property
    def step(self):
        return self.demo.api("GET", f"/moves/{self.id}").json()["step"]

    def wait_for(self, *steps):
        wait_until(lambda: self.step in steps)

    def end(self):
        """Have the clients end, who have noticed nothing; gives their requests."""
        for client in self.clients:
            client.end()
        assert [client.failures for client in self.clients] == [[], [], []]
        return sum(len(client.answers) for client in self.clients)


@pytest.fixture
def journey(bad, hammer):
    return Journey(bad, hammer)


@pytest.fixture(autouse=True)
def birch_knows_the_app(relayed):
    """Whoever asks in a cluster where it never was is rightly told so."""
    if relayed.demo.api("GET", "/apps/upload.ada").json()["generation"] == 1:
        relayed.demo.move("upload.ada", "birch")


@pytest.mark.parametrize(
    ("lost", "step", "trouble"),
    [("target", "preparing", "blackhole"), ("source", "settling", "refuse")],
)
def test_a_move_waits_for_who_cannot_be_reached_and_goes_on(
    bad, journey, figure, lost, step, trouble
):
    """Before the source changed DNS leads there still, after that to the target."""
    demo, feed = bad.demo, journey.feed_of(lost)
    getattr(feed, trouble)()
    journey.set_out()
    journey.wait_for(step)
    home = journey.source if lost == "target" else journey.target
    wait_until(lambda: demo.resolve(UPLOAD) == demo.place(home)[0])
    # A source that knows nothing of it has its own copy still.
    served = {demo.fetch(UPLOAD, at=at).headers["cluster"] for at in ("amber", "birch")}
    assert served == {journey.source, home}
    assert journey.step == step
    feed.heal()
    journey.wait_for("finished")
    assert demo.resolve(UPLOAD) == demo.place(journey.target)[0]
    for at in ("amber", "birch"):
        assert demo.fetch(UPLOAD, at=at).headers["cluster"] == journey.target
    figure(f"requests while a move waited for its {lost} ({trouble})", journey.end())


@pytest.mark.soak
def test_a_move_is_finished_whenever_whoever_was_cut_off(bad, journey, effort, figure):
    """At any moment, for any time: no request fails for it."""
    chance = random.Random(5)
    for _ in range(2 * effort):
        journey.source, journey.target = bad.demo.home_and_other("upload.ada")
        lost = chance.choice((["source"], ["target"], ["source", "target"]))
        trouble = chance.choice(("blackhole", "refuse", "cut"))
        journey.set_out()
        time.sleep(chance.uniform(0.0, 1.2))
        for part in lost:
            getattr(journey.feed_of(part), trouble)()
        time.sleep(chance.uniform(0.0, 2.0))
        for part in lost:
            journey.feed_of(part).heal()
        journey.wait_for("finished")
        for at in ("amber", "birch"):
            assert bad.demo.fetch(UPLOAD, at=at).headers["cluster"] == journey.target
    figure(f"requests during {2 * effort} moves with partitions", journey.end())


@pytest.mark.soak
@pytest.mark.timeout(180)
def test_a_move_to_who_stays_away_is_undone_and_the_target_learns_of_it(
    bad, journey, effort
):
    if effort == 1:
        pytest.skip("waits a minute for a step's deadline: make soak")
    demo, feed = bad.demo, journey.feed_of("target")
    feed.blackhole()
    journey.set_out()
    journey.wait_for("failed")
    feed.heal()
    shown = demo.api("GET", "/apps/upload.ada").json()
    assert (shown["cluster"], shown["state"]) == (journey.source, "running")
    wait_until(lambda: bad.has_all(f"manager-{journey.target}"))
    for at in ("amber", "birch"):
        assert demo.fetch(UPLOAD, at=at).headers["cluster"] == journey.source
    assert journey.end()
