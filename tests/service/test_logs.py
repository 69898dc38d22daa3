"""Log lines are JSON objects on stderr."""

import io
import json
import logging
import os
import socket
import subprocess
import sys

import pytest
import structlog

from domicile.service import logs


@pytest.fixture
def lines(monkeypatch):
    written = io.StringIO()
    handlers = list(logging.root.handlers)
    monkeypatch.setattr("sys.stderr", written)
    logs.configure("proxy")
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()
    logging.root.handlers = handlers


def test_a_line_is_one_json_object_with_the_service_and_the_time(lines):
    logs.name(worker="2")
    structlog.get_logger().info("started", port=8080, path="a\nb")
    (line,) = lines()
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "started",
        "level": "info",
        "service": "proxy",
        "worker": "2",
        "port": 8080,
        "path": "a\nb",
    }


def test_an_exception_stays_on_its_line(lines):
    try:
        raise ValueError("on purpose")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = lines()
    assert "ValueError: on purpose" in line["exception"]


def test_what_others_log_is_a_line_of_the_same_form(lines):
    logging.getLogger("replica").warning("following %s: %s", "http://x", "gone")
    logging.getLogger("chatty").info("every request")
    (line,) = lines()
    assert (line["event"], line["level"]) == ("following http://x: gone", "warning")
    assert (line["service"], line["logger"]) == ("proxy", "replica")
    try:
        raise ValueError("on purpose")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("failed")
    assert "ValueError: on purpose" in lines()[1]["exception"]


def test_configured_twice_a_line_is_still_one(lines):
    logs.configure("proxy")
    ours = [each for each in logging.root.handlers if isinstance(each, logs._Bridge)]
    assert len(ours) == 1


def test_a_line_is_one_write_so_those_of_several_processes_are_never_torn():
    """Also where Python is told not to buffer, as in many containers."""
    code = (
        "from domicile.service import logs; import structlog; logs.configure('proxy')"
    )
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        subprocess.run(
            [sys.executable, "-c", f"{code}; structlog.get_logger().info('started')"],
            stderr=theirs, env=os.environ | {"PYTHONUNBUFFERED": "1"}, check=True,
        )  # fmt: skip
        assert json.loads(ours.recv(4096))["event"] == "started"
        ours.setblocking(False)
        with pytest.raises(BlockingIOError):
            ours.recv(4096)


def test_debug_lines_are_left_out(lines):
    structlog.get_logger().debug("chatter")
    assert lines() == []


def test_what_is_so_at_every_packet_is_one_line_in_ten_seconds_with_their_count():
    now = 5.0
    sparing = logs.Sparing(lambda: now)
    assert [sparing.count() for _ in range(4)] == [1, 0, 0, 0]
    now += 9.9
    assert sparing.count() == 0
    now += 0.1
    assert [sparing.count() for _ in range(2)] == [5, 0]
    now += 60.0
    assert sparing.count() == 2
