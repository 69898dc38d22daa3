"""Idle apps sleep and are woken, with real processes; the test is their proxy."""

import asyncio
import contextlib

import msgspec
import pytest

from domicile.manager.activity import Activity
from domicile.manager.events import MOST, What, events_of, note
from domicile.manager.resident import Resident
from domicile.manager.starting import Starts
from domicile.model import idleness
from domicile.model.feed import Ask, WorkerNote
from domicile.model.moves import Status
from domicile.model.records import Endpoint, EndpointState, Residence, ResidenceState
from domicile.runtime.ports import free_port
from domicile.runtime.processes import adopt
from domicile.store.feed import Feed
from domicile.store.followers import Word

APP = "i" * 26
PATIENCE = 20
ASLEEP, RUNNING = EndpointState.ASLEEP, EndpointState.RUNNING


class Proxy:
    """Asks again and again, as a proxy does; its worker tells what it is told to."""

    def __init__(self, site):
        self.site = site
        self.acknowledges = True
        self.seen = 0
        self.active = {}
        self.in_flight = {}

    async def run(self):
        while True:
            await self.ask()
            await asyncio.sleep(0.05)

    async def ask(self):
        async with self.site.store.reading() as reading:
            head = await reading.head()
        if self.acknowledges:
            self.seen = head.serial
        note = WorkerNote(self.seen, self.in_flight, active=self.active)
        ask = Ask("p", ("residence",), head.serial, head.chain, notes={"0": note})
        answer = self.site.feed.answer(ask)
        # Not for its whole second: what it says is said at its beginning.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                async for _ in answer:
                    pass


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Our proxy tells all it knows whenever it asks."""
    monkeypatch.setattr(idleness, "TOLD_LATE", 0.1)


@pytest.fixture
async def proxy(site):
    proxy = Proxy(site)
    await proxy.ask()
    task = asyncio.create_task(proxy.run())
    yield proxy
    task.cancel()
    await asyncio.wait([task])


@pytest.fixture
async def resident(site):
    resident = Resident(APP, site)
    yield resident
    await resident.close(stop=True)


@pytest.fixture
def sleepy(here):
    def sleepy(generation=1, seconds=0.1, **more):
        wanted = here(generation, **more)
        return msgspec.structs.replace(wanted, sleep_seconds=seconds)

    return sleepy


async def next_of(told):
    return await asyncio.wait_for(told.get(), PATIENCE)


async def until_told(told, status):
    while (report := await next_of(told)).status is not status:
        pass
    return report


async def endpoint(site):
    async with site.store.reading() as reading:
        return await reading.get(Endpoint, APP)


async def until_state(site, state):
    async with asyncio.timeout(PATIENCE):
        while (found := await endpoint(site)) is None or found.state is not state:
            await asyncio.sleep(0.01)
    return found


def pids(site):
    return [each.record.pid for each in adopt(site.processes).values()]


async def events(site):
    return [each.event for each in await events_of(site.store, APP)]


async def test_an_idle_app_sleeps_and_is_woken_again_and_again(
    site, resident, told, sleepy
):
    resident.wish(sleepy())
    serials = [(await until_told(told, Status.SERVING)).serial]
    for _ in range(2):
        report = await until_told(told, Status.ASLEEP)
        serials.append(report.serial)
        assert (await endpoint(site)).state is ASLEEP
        assert pids(site) == []
        assert site.counts.asleep == 1
        resident.wake()
        serials.append((await until_told(told, Status.SERVING)).serial)
        assert site.counts.asleep == 0
    assert serials == sorted(set(serials))
    assert (await events(site))[:4] == ["started", "asleep", "woken", "asleep"]
    counts = site.counts
    assert (counts.wakes, counts.ready) == (2, 2)
    assert counts.sleeps >= 2
    assert counts.wake_seconds > 0


async def test_an_app_of_a_plan_without_sleep_stays_awake(site, told, here, resident):
    resident.wish(here(1))
    await next_of(told)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await told.get()


async def test_it_is_stopped_only_when_every_proxy_knows_that_it_sleeps(
    site, proxy, resident, told, sleepy
):
    resident.wish(sleepy())
    await until_told(told, Status.SERVING)
    proxy.acknowledges = False
    (pid,) = pids(site)
    await until_state(site, ASLEEP)
    await asyncio.sleep(0.5)
    assert pids(site) == [pid]
    assert told.empty()
    proxy.acknowledges = True
    await until_told(told, Status.ASLEEP)
    assert pids(site) == []


@pytest.mark.parametrize("came", ["asked", "in flight", "woken"])
async def test_who_comes_meanwhile_finds_the_same_process(
    site, proxy, resident, told, sleepy, came
):
    resident.wish(sleepy())
    await until_told(told, Status.SERVING)
    proxy.acknowledges = False
    (pid,) = pids(site)
    await until_state(site, ASLEEP)
    if came == "asked":
        proxy.active = {APP: 1.0}
    elif came == "in flight":
        proxy.in_flight = {APP: 1}
    else:
        resident.wake()
    proxy.acknowledges = True
    await until_told(told, Status.SERVING)
    assert pids(site) == [pid]
    assert "asleep" not in await events(site)


async def test_who_is_asked_all_the_time_stays_awake(
    site, proxy, resident, told, sleepy
):
    resident.wish(sleepy(seconds=0.3))
    await until_told(told, Status.SERVING)
    for mark in range(25):
        proxy.active = {APP: float(mark)}
        await asyncio.sleep(0.1)
        assert (await endpoint(site)).state is RUNNING
    # What is told again and again happened once.
    await until_told(told, Status.ASLEEP)


async def test_an_app_asleep_stays_so_over_a_restart_of_its_manager(site, told, sleepy):
    first = Resident(APP, site)
    first.wish(sleepy())
    await until_told(told, Status.ASLEEP)
    await first.close(stop=False)
    second = Resident(APP, site)
    second.wish(sleepy())
    assert (await next_of(told)).status is Status.ASLEEP
    second.wake()
    assert (await next_of(told)).status is Status.SERVING
    await second.close(stop=True)


async def test_what_a_killed_manager_had_begun_is_ended_by_the_next(
    site, proxy, told, sleepy
):
    """Nobody knows whether the process was told to end: it is asked nothing more."""
    first = Resident(APP, site)
    first.wish(sleepy())
    await until_told(told, Status.SERVING)
    proxy.acknowledges = False
    await until_state(site, ASLEEP)
    await first.close(stop=False)
    (process,) = adopt(site.processes).values()
    second = Resident(APP, site, process)
    second.wish(sleepy())
    await asyncio.sleep(0.3)
    assert pids(site) == [process.record.pid]
    proxy.acknowledges = True
    assert (await next_of(told)).status is Status.ASLEEP
    assert pids(site) == []
    await second.close(stop=True)


async def test_new_hosts_and_an_undone_move_leave_it_asleep(
    site, resident, told, sleepy
):
    resident.wish(sleepy())
    await until_told(told, Status.ASLEEP)
    linked = msgspec.structs.replace(sleepy(3), hosts=("www.ada.example",))
    resident.wish(linked)
    report = await next_of(told)
    assert (report.status, report.generation) == (Status.ASLEEP, 3)
    async with site.store.reading() as reading:
        residence = await reading.get(Residence, linked.key)
    assert residence.hosts == linked.hosts
    assert residence.sleep_seconds == 0, "that is nothing for proxies"
    assert (await endpoint(site)).generation == 3


async def test_who_may_sleep_no_more_is_started(site, resident, told, sleepy):
    resident.wish(sleepy())
    await until_told(told, Status.ASLEEP)
    resident.wish(sleepy(seconds=0.0))
    assert (await next_of(told)).status is Status.SERVING


@pytest.mark.parametrize("state", [ResidenceState.HERE, ResidenceState.AWAY])
async def test_an_app_asleep_is_stopped_and_leaves_as_any_other(
    site, resident, told, sleepy, state
):
    resident.wish(sleepy())
    await until_told(told, Status.ASLEEP)
    wanted = Residence(APP, "amber", 2, state, "birch", name="hello.ada")
    resident.wish(wanted)
    status = (await next_of(told)).status
    assert status is (Status.STOPPED if state == "here" else Status.SETTLED)
    assert (await events(site))[-1] in {"stopped", "left"}
    resident.wake()
    await asyncio.sleep(0.3)
    assert pids(site) == []


async def test_the_port_of_its_own_is_told_asleep_too(site, resident, told, sleepy):
    """A move looks there for it, whether the app sleeps or not."""
    port = free_port()
    resident.wish(sleepy(command=f"exec python app.py {port}"))
    assert (await until_told(told, Status.SERVING)).port == port
    assert (await until_told(told, Status.ASLEEP)).port == port


async def test_a_bad_start_of_who_is_woken_is_not_begun_by_each_request(
    site, resident, told, sleepy
):
    command = "if [ -e once ]; then echo . >> again; exit 3; fi; touch once; "
    resident.wish(sleepy(command=f"{command} exec python app.py"))
    await until_told(told, Status.ASLEEP)
    resident.wake()
    await until_state(site, EndpointState.STARTING)
    tried = site.releases.folder_of(APP) / ("r" * 26) / "again"
    began = asyncio.get_running_loop().time()
    while not tried.exists() or tried.read_text().count(".") < 3:
        resident.wake()
        await asyncio.sleep(0.01)
    # After the first there are the waits of 0.5 s and of 1 s.
    assert asyncio.get_running_loop().time() - began > 1.4
    assert (await events(site))[-2:] == ["asleep", "failed"]


async def test_so_many_start_at_once_and_who_arrives_does_not_wait_for_them():
    starts, order, gate = Starts(2), [], asyncio.Event()

    async def begin(name, *, arrives=False):
        async with starts.turn(arrives=arrives):
            order.append(name)
            await gate.wait()

    tasks = [asyncio.create_task(begin(n)) for n in range(5)]
    await asyncio.sleep(0)
    assert (order, starts.waiting) == ([0, 1], 3)
    tasks.append(asyncio.create_task(begin("moved", arrives=True)))
    await asyncio.sleep(0)
    assert (order, starts.waiting) == ([0, 1, "moved"], 3)
    gate.set()
    await asyncio.gather(*tasks)
    assert (order[3:], starts.waiting) == ([2, 3, 4], 0)


class Time:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
async def heard(site):
    """What is told of apps, by a clock of the test's, and how to tell it."""
    time = Time()
    feed = await Feed.open(site.store, time)
    activity = Activity(feed, time)

    async def tell(name, **active):
        notes = {"0": WorkerNote(0, active=active)}
        await feed._hear(name, Word(notes=notes))
        activity.look()

    return time, activity, tell


async def test_after_a_proxy_was_not_heard_all_count_as_just_asked(heard):
    time, activity, tell = heard
    await tell("p", a=1.0)
    time.now += 1
    await tell("p", a=1.0)
    assert activity.asked_at("a") == 1000
    time.now += 3
    await tell("p", a=1.0)
    assert activity.asked_at("a") == 1000
    time.now += 6
    await tell("p")
    assert activity.asked_at("a") == activity.asked_at("b") == 1010
    time.now += 1
    await tell("new")
    assert activity.asked_at("a") == 1011


async def test_a_proxy_that_is_silent_keeps_all_awake(heard):
    time, activity, tell = heard
    await tell("p")
    await tell("q")
    idle = asyncio.create_task(activity.until_idle("a", 30.0))
    await asyncio.sleep(0)
    for _ in range(60):
        time.now += 1
        await tell("p")
    await asyncio.sleep(0.6)
    assert not idle.done()
    assert activity.unheard() == ["q"]
    idle.cancel()


async def test_of_each_app_the_last_events_are_kept(site):
    for number in range(MOST + 5):
        await note(site.store, APP, What.WOKEN, str(number))
    await note(site.store, "other", What.STARTED, "")
    kept = await events_of(site.store, APP)
    assert [each.detail for each in kept] == [str(n) for n in range(5, MOST + 5)]
    assert kept[0].at.endswith("Z")
    assert len(await events_of(site.store, "other")) == 1
