"""Requests that wait for their app, and what becomes of them."""

import asyncio

import pytest

from domicile.model.records import Endpoint, EndpointState, Residence, ResidenceState
from domicile.model.routing import Hold, HoldReason, ToUpstream
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
