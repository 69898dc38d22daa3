"""An app that is asleep is woken: by one call, whoever waits, again while they wait."""

import asyncio
import contextlib

import pytest
from structlog.testing import capture_logs

from domicile.model.records import Endpoint, EndpointState, Residence, ResidenceState
from domicile.model.routing import HOLD_SECONDS, HoldReason, Hop, ToUpstream
from domicile.proxy import waking
from domicile.proxy.holds import WaitingRoom
from domicile.proxy.waking import Waker

APP = "a" * 26
HOST = "hello.ada.apps.test"


class Manager:
    """Keeps the heads of what it is asked, and answers with a status, once it may."""

    def __init__(self):
        self.heads = []
        self.status = 202
        self.may = asyncio.Event()
        self.may.set()

    async def converse(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError):
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            await self.may.wait()
            head = f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\n"
            writer.write(f"{head}Connection: close\r\n\r\n".encode())
        writer.close()

    async def asked(self, times):
        async with asyncio.timeout(20):
            while len(self.heads) < times:
                await asyncio.sleep(0.01)


@pytest.fixture
async def manager():
    manager = Manager()
    server = await asyncio.start_server(manager.converse, "127.0.0.1", 0)
    manager.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield manager
    server.close()


@pytest.fixture
async def waker(manager):
    waker = Waker(manager.url, "secret")
    yield waker
    await waker.close()


@pytest.fixture
def asleep(records):
    records.put(
        Residence(APP, "amber", 1, ResidenceState.HERE, hosts=(HOST,)),
        Endpoint(APP, 1, EndpointState.ASLEEP),
    )


async def test_whoever_waits_the_app_is_woken_once(
    records, tally, asleep, manager, waker
):
    room = WaitingRoom(records.replica, tally, waker.wake)
    hop = Hop(APP, 1, "192.0.2.1", "http", "r")
    ways = [(HOST, None), (HOST, hop)] * 10
    waiting = [asyncio.create_task(room.find_way(*way)) for way in ways]
    await manager.asked(1)
    for _ in range(5):
        room.wake()
        await asyncio.sleep(0.02)
    records.live(8000)
    room.wake()
    found = await asyncio.gather(*waiting)
    assert found == [ToUpstream(APP, 1, "127.0.0.1", 8000)] * len(ways)
    (head,) = manager.heads
    assert head.startswith(f"POST /v1/apps/{APP}/wake HTTP/1.1\r\n")
    assert "authorization: bearer secret\r\n" in head.lower()
    assert tally.of("holds", "asleep") == len(ways)


async def test_it_is_asked_again_while_anybody_waits(
    records, tally, asleep, manager, waker, monkeypatch
):
    monkeypatch.setattr(waking, "_AGAIN_SECONDS", 0.1)
    manager.status = 503
    room = WaitingRoom(records.replica, tally, waker.wake)
    waiting = asyncio.create_task(room.find_way(HOST, None))
    with capture_logs() as logs:
        await manager.asked(3)
    assert [each["event"] for each in logs] == ["cannot wake"]
    waiting.cancel()
    await asyncio.wait([waiting])
    before = len(manager.heads)
    await asyncio.sleep(0.4)
    assert len(manager.heads) == before
    waker.sweep()
    assert waker._next == {}


async def test_who_waits_in_vain_is_told_when_to_come_again(asleep, ask, monkeypatch):
    monkeypatch.setitem(HOLD_SECONDS, HoldReason.ASLEEP, 0.3)
    answer = await ask(f"GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1\r\n" in answer


async def test_many_apps_are_asked_for_a_few_at_a_time(manager, waker):
    manager.may.clear()
    apps = [f"{n:026}" for n in range(40)]
    for app in apps:
        waker.wake(app)
    await manager.asked(8)
    await asyncio.sleep(0.2)
    assert len(manager.heads) == 8
    manager.may.set()
    await manager.asked(len(apps))
    assert {head.split("/")[3] for head in manager.heads} == set(apps)


async def test_a_manager_that_is_away_is_no_trouble(records, tally, asleep):
    waker = Waker("http://127.0.0.1:9", "secret")
    room = WaitingRoom(records.replica, tally, waker.wake)
    waiting = asyncio.create_task(room.find_way(HOST, None))
    await asyncio.sleep(0.1)
    records.live(8000)
    room.wake()
    assert isinstance(await waiting, ToUpstream)
    await waker.close()
