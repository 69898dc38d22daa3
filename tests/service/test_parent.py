"""A parent with real children: it restarts them, and nobody outlives it."""

import itertools
import os
import signal
import socket
import time
from pathlib import Path

import pytest

PRELUDE = r"""
import asyncio, ctypes, os, signal, socket, sys, time
from domicile.service import lifeline, logs, parent

logs.configure('test')

def say(*words):
    line = " ".join(map(str, (*words, os.getpid())))
    os.write(1, line.encode() + b"\n")

def polite():
    async def run():
        loop = asyncio.get_running_loop()
        waiting = asyncio.create_task(lifeline.wait_for_end(loop))
        await asyncio.sleep(0)
        say("up")
        await waiting
        say("bye")
    asyncio.run(run())

def deaf():
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    say("deaf")
    while True:
        signal.pause()

def forget_death_signal(run):
    def child():
        ctypes.CDLL(None).prctl(1, 0)
        run()
    return child
"""


def pids(lines):
    return {int(words[-1]) for words in lines}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_parent_ends_all_children_politely(start, number):
    script = start(PRELUDE + "parent.run_children([('a', polite), ('b', polite)])")
    up = script.lines(2)
    script.process.send_signal(number)
    assert pids(script.lines(2)) == pids(up)
    assert script.rest() == ""
    assert script.process.wait() == 0


def test_ctrl_c_reaches_the_whole_group_and_all_end_once(start):
    script = start(PRELUDE + "parent.run_children([('a', polite), ('b', polite)])")
    script.lines(2)
    os.killpg(script.process.pid, signal.SIGINT)
    assert script.rest().count("bye") == 2
    assert script.process.wait() == 0


def test_a_killed_child_is_started_again(start):
    script = start(PRELUDE + "parent.run_children([('a', polite), ('b', polite)])")
    first = pids(script.lines(2))
    victim = min(first)
    os.kill(victim, signal.SIGKILL)
    (again,) = script.lines(1)
    assert again[0] == "up"
    assert int(again[1]) not in first
    script.process.terminate()
    assert pids(script.lines(2)) == {*first, int(again[1])} - {victim}
    assert script.process.wait() == 0


def test_a_child_that_keeps_failing_is_started_after_growing_delays(start):
    script = start(
        PRELUDE
        + """
def fail():
    print(time.monotonic(), flush=True)
    raise OSError("on purpose")
parent.run_children([('a', fail)])
"""
    )
    times = [float(words[0]) for words in script.lines(4)]
    waited = [after - before for before, after in itertools.pairwise(times)]
    assert waited[1] >= 0.5
    assert waited[2] >= 1.0
    script.process.terminate()
    assert script.process.wait() == 0


def test_a_deaf_child_is_killed_after_the_grace(start):
    script = start(PRELUDE + "parent.run_children([('a', deaf)], grace=0.2)")
    script.lines(1)
    script.process.terminate()
    assert script.rest() == ""
    assert script.process.wait() == 0


def test_children_may_open_as_many_files_as_the_machine_allows(start):
    script = start(
        PRELUDE
        + """
import resource
kind = resource.RLIMIT_NOFILE
resource.setrlimit(kind, (64, resource.getrlimit(kind)[1]))
def tell():
    say(*resource.getrlimit(kind))
    signal.pause()
parent.run_children([('a', tell)])
"""
    )
    ((soft, hard, _),) = script.lines(1)
    assert soft == hard
    assert int(hard) > 64
    script.process.terminate()
    assert script.process.wait() == 0


def test_a_second_signal_changes_nothing(start):
    script = start(PRELUDE + "parent.run_children([('a', deaf)], grace=0.5)")
    script.lines(1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        script.process.send_signal(number)
    assert script.rest() == ""
    assert script.process.wait() == 0


def test_children_of_a_killed_parent_end(start):
    script = start(PRELUDE + "parent.run_children([('a', polite), ('b', polite)])")
    script.lines(2)
    script.process.kill()
    assert script.rest().count("bye") == 2


def test_the_lifeline_alone_tells_of_a_killed_parent(start):
    """Where there is no death signal, or its thread is not the one that counts."""
    script = start(
        PRELUDE
        + "polite = forget_death_signal(polite)\n"
        + "parent.run_children([('a', polite), ('b', polite)])"
    )
    script.lines(2)
    script.process.kill()
    assert script.rest().count("bye") == 2


NESTED = (
    PRELUDE
    + """
def service():
    parent.run_children([('1', polite), ('2', polite)])
parent.run_children([('a', service), ('b', service)])
"""
)


def test_killing_a_parent_of_parents_ends_all(start):
    script = start(NESTED)
    script.lines(4)
    script.process.kill()
    assert script.rest().count("bye") == 4


def test_ctrl_c_ends_a_parent_of_parents_with_all_below(start):
    script = start(NESTED)
    script.lines(4)
    os.killpg(script.process.pid, signal.SIGINT)
    assert script.rest().count("bye") == 4
    assert script.process.wait() == 0


def test_a_child_that_becomes_another_program_ends_with_its_parent(start):
    script = start(
        PRELUDE
        + """
def program():
    os.execv("/bin/sh", ["sh", "-c", "trap 'echo over; exit' TERM; echo on; "
             "while :; do sleep 0.05; done"])
parent.run_children([('a', program)])
"""
    )
    assert script.lines(1) == [["on"]]
    script.process.kill()
    assert script.rest() == "over\n"


def test_a_child_without_a_loop_gets_the_death_signal(start):
    script = start(
        PRELUDE
        + """
def stuck():
    say("stuck")
    while True:
        signal.pause()
parent.run_children([('a', stuck)])
"""
    )
    script.lines(1)
    script.process.kill()
    assert script.rest() == ""


def test_a_killed_worker_leaves_its_queue_to_its_successor(start):
    """A connection that nobody has accepted yet is served by the next worker."""
    script = start(
        PRELUDE
        + """
listener = socket.create_server(("127.0.0.1", 0))
def first_hangs_then_serves():
    beside.setblocking(False)
    try:
        beside.recv(1)
    except BlockingIOError:
        served = listener.accept()[0]
        served.sendall(b"by the successor")
        served.close()
    else:
        say(listener.getsockname()[1])
    while True:
        signal.pause()
beside, token = socket.socketpair()
token.send(b"1")
parent.run_children([('a', first_hangs_then_serves)])
"""
    )
    ((port, pid),) = script.lines(1)
    with socket.create_connection(("127.0.0.1", int(port)), timeout=30) as client:
        os.kill(int(pid), signal.SIGKILL)
        assert client.recv(64) == b"by the successor"
    script.process.terminate()
    assert script.process.wait() == 0


HURRIED = PRELUDE + "parent.BETWEEN_LOOKS = 0.15\nfrom domicile.service import beats\n"
HURRIED += "beats.BETWEEN_BEATS = 0.05\n"


def test_a_child_that_hangs_says_where_and_is_started_again(start, tmp_path):
    script = start(
        HURRIED
        + """
def hang_at_a_signal():
    async def run():
        loop = asyncio.get_running_loop()
        waiting = asyncio.create_task(lifeline.wait_for_end(loop))
        loop.add_signal_handler(signal.SIGUSR1, hang_for_ever)
        await asyncio.sleep(0)
        say("up")
        await waiting
    asyncio.run(run())
def hang_for_ever():
    while True:
        pass
parent.run_children([('a', hang_at_a_signal), ('b', polite)])
"""
    )
    first = pids(script.lines(2))
    (victim,) = [pid for pid in first if is_called(pid, "a")]
    os.kill(victim, signal.SIGUSR1)
    ((word, again),) = script.lines(1)
    assert word == "up"
    assert is_called(int(again), "a")
    log = (tmp_path / "stderr").read_text()
    assert "in hang_for_ever" in log
    assert '"event": "hangs"' in log
    assert f'"status": {-signal.SIGABRT}' in log
    script.process.terminate()
    assert script.process.wait() == 0


def test_a_stopped_child_is_killed_and_started_again(start):
    script = start(HURRIED + "parent.run_children([('a', polite)])")
    (first,) = pids(script.lines(1))
    os.kill(first, signal.SIGSTOP)
    ((word, again),) = script.lines(1)
    assert (word, int(again) != first) == ("up", True)
    script.process.terminate()
    assert script.process.wait() == 0


def test_who_was_stopped_with_its_parent_lives_on(start, tmp_path):
    """As Ctrl-Z and a suspended machine do."""
    script = start(HURRIED + "parent.run_children([('a', polite), ('b', polite)])")
    up = pids(script.lines(2))
    os.killpg(script.process.pid, signal.SIGSTOP)
    time.sleep(2.5)
    os.killpg(script.process.pid, signal.SIGCONT)
    time.sleep(0.5)
    script.process.terminate()
    assert pids(script.lines(2)) == up
    assert script.process.wait() == 0
    assert '"event": "hangs"' not in (tmp_path / "stderr").read_text()


def test_a_parent_that_works_does_not_hang(start, tmp_path):
    """One below another has no loop, and beats all the same."""
    script = start(
        HURRIED
        + """
from domicile.service import watchdog
watchdog._PATIENCE_AT_START = 10
def service():
    parent.run_children([('1', polite)])
parent.run_children([('a', service)])
"""
    )
    script.lines(1)
    time.sleep(3)
    script.process.terminate()
    assert script.rest().count("bye") == 1
    assert script.process.wait() == 0
    assert '"event": "hangs"' not in (tmp_path / "stderr").read_text()


CRASHES = (
    PRELUDE
    + """
import os
def set_aside(name):
    say("aside", name)
    raise OSError("on purpose")
def crash():
    say("up")
    os.kill(os.getpid(), number)
def run(which):
    global number
    number = which
    parent.run_children([('a', crash)], on_crashes=set_aside)
"""
)


def test_what_a_child_crashed_on_twice_is_set_aside_once(start, tmp_path):
    script = start(CRASHES + "run(signal.SIGBUS)")
    words = [line[0] for line in script.lines(5)]
    assert words == ["up", "up", "aside", "up", "up"]
    assert "on purpose" in (tmp_path / "stderr").read_text()
    script.process.terminate()
    assert script.process.wait() == 0


def test_who_was_killed_did_not_crash(start):
    script = start(CRASHES + "run(signal.SIGKILL)")
    assert [line[0] for line in script.lines(4)] == ["up"] * 4
    script.process.terminate()
    assert script.process.wait() == 0


def is_called(pid, name):
    return Path(f"/proc/{pid}/comm").read_text().strip() == name
