"""Whoever waits for a first copy sees how far it is."""

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios
from contextlib import contextmanager, suppress

import pytest
from structlog.testing import capture_logs

from domicile.replica.answer import Arrival
from domicile.service.arrival import BETWEEN_LINES, Bar, Lines, show_arrival


def test_a_short_one_is_not_worth_a_line():
    lines = Lines(lambda: 100.0)
    with capture_logs() as logged:
        lines.show(Arrival(1, 0, 10))
        lines.show(Arrival(10, 10, 10))
        lines.show(None)
    assert logged == []


def test_a_long_one_is_told_every_ten_seconds_and_when_it_is_over():
    now = [100.0]
    lines = Lines(lambda: now[0])
    with capture_logs() as logged:
        for came in range(1, 6):
            lines.show(Arrival(came, came - 1, 9))
            now[0] += BETWEEN_LINES / 2
        lines.show(None)
        lines.show(None)
    told = [(each["event"], each["records"]) for each in logged]
    assert told == [
        ("a snapshot arrives", 3),
        ("a snapshot arrives", 5),
        ("no snapshot arrives any more", 5),
    ]
    assert (logged[0]["written"], logged[0]["of"]) == (2, 9)


def read_all(descriptor):
    text = b""
    with suppress(BlockingIOError):
        while piece := os.read(descriptor, 65536):
            text += piece
    return text.decode()


@contextmanager
def terminal():
    """Have a terminal in the place of stderr; gives what was written to it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    os.set_blocking(ours, False)
    with os.fdopen(theirs, "w") as stderr, pytest.MonkeyPatch.context() as patch:
        # Not in a fixture: pytest has its own stderr back before the test.
        patch.setattr(sys, "stderr", stderr)
        patch.setenv("TERM", "xterm")
        yield lambda: read_all(ours)
    os.close(ours)


def test_on_a_terminal_there_is_a_bar_while_it_lasts():
    with terminal() as written:
        bar = Bar()
        bar.show(Arrival(2500, 0, 5000))
        assert "25%" in written()
        bar.show(Arrival(5000, 4000, 5000))
        assert "90%" in written()
        bar.show(None)
        assert written()  # the line is taken away
        bar.show(Arrival(5000, 0, 0))
        assert "all records" in written()
        bar.show(None)
        written()
        bar.show(None)
        assert written() == ""


def test_where_stderr_is_no_terminal_there_is_no_bar(capsys):
    Bar().show(Arrival(2500, 0, 10000))
    assert capsys.readouterr().err == ""


async def test_it_looks_again_and_again():
    looks = iter([Arrival(1, 0, 4), Arrival(4, 2, 4)])
    seen = asyncio.Event()

    def look():
        arrival = next(looks, None)
        if arrival is None:
            seen.set()
        return arrival

    with terminal() as written:
        showing = asyncio.create_task(show_arrival(look))
        async with asyncio.timeout(10):
            await seen.wait()
        showing.cancel()
        await asyncio.wait([showing])
        text = written()
    assert text.index(" 12%") < text.index(" 75%")
