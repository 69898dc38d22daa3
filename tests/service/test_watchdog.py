"""Who hangs is found by looks in vain, and by nothing else."""

import os
import signal
import subprocess
import time

import psutil
import pytest

from domicile.service.beats import lay_out
from domicile.service.watchdog import Watchdog


@pytest.fixture
def beat():
    (beat,) = lay_out(1)
    return beat


@pytest.fixture
def watchdog(beat):
    return Watchdog(beat)


def looks(watchdog, count, pid=0):
    return [watchdog.look(pid or os.getpid()) for _ in range(count)]


def test_who_stops_beating_writes_where_it_hangs_and_then_is_killed(watchdog, beat):
    beat.add()
    assert looks(watchdog, 10) == [None] * 10
    assert not watchdog.barked
    assert looks(watchdog, 5) == [signal.SIGABRT] * 3 + [signal.SIGKILL] * 2
    assert watchdog.barked


def test_one_beat_now_and_then_is_enough(watchdog, beat):
    for _ in range(5):
        beat.add()
        assert looks(watchdog, 10) == [None] * 10


def test_a_start_may_take_long_but_not_for_ever(watchdog):
    assert looks(watchdog, 59) == [None] * 59
    assert looks(watchdog, 1) == [signal.SIGABRT]


def test_a_new_life_is_not_judged_by_the_last(watchdog, beat):
    beat.add()
    looks(watchdog, 20)
    watchdog.start()
    assert looks(watchdog, 59) == [None] * 59
    assert not watchdog.barked


def test_who_waits_for_a_disk_is_not_judged(watchdog, beat):
    """vfork(2) keeps a parent in the same state until its child has ended."""
    beat.add()
    code = (
        "import ctypes, os; ctypes.CDLL(None).vfork() or (os.read(0, 1), os._exit(0))"
    )
    with subprocess.Popen(["python3", "-c", code], stdin=subprocess.PIPE) as waiting:
        process = psutil.Process(waiting.pid)
        while not process.children() or process.status() != psutil.STATUS_DISK_SLEEP:
            time.sleep(0.01)
        assert looks(watchdog, 100, waiting.pid) == [None] * 100
