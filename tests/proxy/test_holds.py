"""Requests that wait for their app, and what becomes of them."""

import asyncio

import pytest
from structlog.testing import capture_logs

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import (
    Endpoint,
    EndpointState,
    Residence,
    ResidenceState,
    encode,
)
from domicile.model.routing import Hold, HoldReason, Hop, ToUpstream
from domicile.proxy.holds import MOST, WaitingRoom
from domicile.replica.replica import Replica

APP = "a" * 26
HOST = "hello.ada.apps.test"


@pytest.fixture
def room(records, tally):
    records.put(Residence(APP, "amber", 1, ResidenceState.HELD, hosts=(HOST,)))
    return WaitingRoom(records.replica, tally)


async def test_who_waits_is_let_go_when_the_app_is_there(room, records):
    waiting = [asyncio.create_task(room.find_way(HOST, None)) for _ in range(3)]
    await asyncio.sleep(0)
    assert room.waiting[APP] == 3
    records.live(8000)
    room.wake()
    ways = await asyncio.gather(*waiting)
    assert ways == [ToUpstream(APP, 1, "127.0.0.1", 8000)] * 3
    assert not room.waiting


async def test_a_stopped_app_is_not_waited_for(room, records):
    records.live(8000)
    records.put(Endpoint(APP, 1, EndpointState.STOPPED))
    assert await room.find_way(HOST, None) == Hold(APP, HoldReason.STOPPED)


async def test_a_full_room_turns_the_next_away_at_once(room):
    waiting = [asyncio.create_task(room.find_way(HOST, None)) for _ in range(MOST)]
    await asyncio.sleep(0)
    # No timeout here could be told from a wait: it is done without one step.
    late = room.find_way(HOST, None)
    with pytest.raises(StopIteration) as done:
        late.send(None)
    assert done.value.value == Hold(APP, HoldReason.MOVING)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert not room.waiting


async def test_what_a_replica_that_is_behind_does_not_know_waits_and_expires(
    tmp_path, tally
):
    replica = Replica.open(tmp_path / "never-answered", writable=True)
    way = await WaitingRoom(replica, tally).find_way("who.knows.test", None)
    assert way == Hold("", HoldReason.BEHIND)
    replica.close()


@pytest.mark.parametrize("hop", [None, Hop(APP, 1, "192.0.2.1", "http", "0" * 32)])
async def test_what_cannot_be_read_waits_and_goes_where_the_new_copy_says(
    records, tally, hop
):
    records.live(8000)
    data = records.replica._folder / "current" / "data.mdb"
    with data.open("r+b") as file:
        file.write(data.read_bytes().replace(b"\xa5amber", b"\xa5ember"))
    room = WaitingRoom(records.replica, tally)
    waiting = asyncio.create_task(room.find_way(HOST, hop))
    with capture_logs() as logs:
        await asyncio.sleep(0)
        assert room.waiting == {hop.app if hop else "": 1}
        room.wake()
        await asyncio.sleep(0.01)
    assert [line["event"] for line in logs] == ["cannot route"]
    here = Residence(APP, "amber", 1, ResidenceState.HERE, hosts=(HOST,))
    there = Endpoint(APP, 1, EndpointState.RUNNING, "127.0.0.1", 8000)
    changes = [
        Change(n, each.kind, each.key, each.scope, encode(each), NO_CHAIN)
        for n, each in enumerate((here, there), 3)
    ]
    records.replica.replace(changes, 4, NO_CHAIN)
    room.wake()
    assert await waiting == ToUpstream(APP, 1, "127.0.0.1", 8000)
