"""Follower and workers speak without ever waiting for each other."""

import asyncio
import os

import pytest

from domicile.model.feed import WorkerNote
from domicile.service.channel import open_channels


@pytest.fixture
def channels():
    follower, workers = open_channels(["1", "2"])
    yield follower, workers
    for end in follower._sockets.values():
        end.close()
    for worker in workers.values():
        worker._socket.close()


async def test_every_worker_hears_of_a_change(channels):
    follower, workers = channels
    loop = asyncio.get_running_loop()
    heard = {name: asyncio.Event() for name in workers}
    for name, worker in workers.items():
        worker.call_on_change(loop, heard[name].set)
    follower.tell_changed()
    for event in heard.values():
        await event.wait()
    for worker in workers.values():
        loop.remove_reader(worker._socket)


async def test_changes_that_piled_up_are_one_call(channels):
    follower, workers = channels
    loop = asyncio.get_running_loop()
    calls = []
    for _ in range(5):
        follower.tell_changed()
    workers["1"].call_on_change(loop, lambda: calls.append(1))
    while not calls:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert calls == [1]
    loop.remove_reader(workers["1"]._socket)


def test_a_worker_that_does_not_read_keeps_nobody_waiting(channels):
    follower, _ = channels
    for _ in range(10_000):
        follower.tell_changed()


def test_the_last_note_of_each_worker_counts(channels):
    follower, workers = channels
    workers["1"].tell(WorkerNote(1))
    workers["1"].tell(WorkerNote(2, {"app": 3}))
    assert follower.notes() == {"1": WorkerNote(2, {"app": 3}), "2": WorkerNote(0)}
    workers["2"].tell(WorkerNote(7))
    assert follower.notes() == {"1": WorkerNote(2, {"app": 3}), "2": WorkerNote(7)}


def test_a_note_that_finds_the_queue_full_says_so_and_is_told_again(channels):
    follower, workers = channels
    serial = 0
    while workers["1"].tell(WorkerNote(serial)):
        serial += 1
    assert follower.notes()["1"] == WorkerNote(serial - 1)
    assert workers["1"].tell(WorkerNote(serial))
    assert follower.notes()["1"] == WorkerNote(serial)


def test_a_note_of_a_thousand_apps_fits(channels):
    follower, workers = channels
    note = WorkerNote(1, {f"{number:026}": number for number in range(1000)})
    assert workers["1"].tell(note)
    assert follower.notes()["1"] == note


async def test_the_follower_is_called_when_a_note_comes(channels):
    follower, workers = channels
    loop = asyncio.get_running_loop()
    told = asyncio.Event()

    def read():
        if follower.notes()["2"] == WorkerNote(5):
            told.set()

    follower.call_on_note(loop, read)
    workers["2"].tell(WorkerNote(5))
    await told.wait()
    for end in follower._sockets.values():
        loop.remove_reader(end)


def test_a_forked_worker_is_heard_and_its_death_forgets_nothing(channels):
    follower, workers = channels
    child = os.fork()
    if child == 0:
        workers["1"].tell(WorkerNote(9))
        os._exit(0)
    os.waitpid(child, 0)
    assert follower.notes()["1"] == WorkerNote(9)
    assert follower.notes()["1"] == WorkerNote(9)
