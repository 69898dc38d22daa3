"""The lines about requests: those that end badly, sparingly; or every one."""

import asyncio
import contextlib
import re
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from domicile.model.records import Residence, ResidenceState
from domicile.proxy.counts import Ending
from domicile.proxy.requestlog import RequestLog

APP = "a" * 26
HOST = "hello.ada.apps.test"
PAGE = (Path(__file__).parents[2] / "docs" / "logs.md").read_text()


def get(path="/", host=HOST):
    fields = "Authorization: Bearer secret\r\nConnection: close\r\n"
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n".encode()


def fields_of(event):
    (row,) = re.findall(rf"^\| `{event}` \| \w+ \| (.*`) \|", PAGE, re.MULTILINE)[:1]
    return set(re.findall(r"`(\w+)`", row))


@pytest.fixture
def logs():
    with capture_logs() as written:
        yield written


async def hang_up(reader, writer):
    await reader.readuntil(b"\r\n\r\n")


async def break_off(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")


async def hang(reader, writer):
    await asyncio.sleep(60)


async def say_ok(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(
    ("converse", "status", "outcome", "reason"),
    [
        (hang_up, 502, "page", "The app closed the connection."),
        (hang, 504, "page", "The app did not answer in time."),
        (break_off, 200, "cut", ""),
    ],
)
async def test_what_ends_badly_is_a_line(
    records, upstream, ask, logs, converse, status, outcome, reason
):
    records.live(await upstream(converse), 3)
    with contextlib.suppress(ConnectionResetError):
        await ask(get("/path?query=secret"))
    (line,) = logs
    assert line["event"] == "request failed"
    assert re.fullmatch("[0-9a-f]{32}", line["request_id"])
    assert (line["host"], line["app"], line["generation"]) == (HOST, APP, 3)
    assert (line["status"], line["outcome"]) == (status, outcome)
    assert reason in line["reason"]
    assert "secret" not in str(line)
    assert set(line) - {"event", "log_level"} <= fields_of("request failed")


async def test_the_page_and_the_line_have_the_same_number(records, ask, logs):
    records.put(Residence(APP, "amber", 5, ResidenceState.HELD, hosts=(HOST,)))
    asking = asyncio.create_task(ask(get()))
    await asyncio.sleep(0.1)
    records.put(
        Residence(APP, "amber", 6, ResidenceState.AWAY, to="birch", hosts=(HOST,))
    )
    answer = await asking
    (line,) = logs
    assert line["request_id"].encode() in answer
    assert (line["reason"], line["generation"]) == ("behind", 6)


async def test_what_is_not_our_doing_is_no_line(records, upstream, ask, logs):
    records.live(await upstream(say_ok))
    await ask(get())  # 500, but by the app's own word
    await ask(get(host="nobody.apps.test"))
    await ask(b"nonsense\r\n\r\n")
    assert logs == []


async def test_many_of_one_kind_are_one_line_with_their_count(
    records, upstream, ask, logs, front
):
    now = 0.0
    front[0].around.log = RequestLog(clock=lambda: now)
    records.live(await upstream(hang_up))
    for _ in range(4):
        await ask(get())
    now = 11.0
    await ask(get())
    assert [line["times"] for line in logs] == [1, 4]


async def test_every_request_is_a_line_where_that_is_asked_for(
    records, upstream, ask, logs, front
):
    front[0].around.log = RequestLog(every=True)
    port = await upstream(say_ok)
    records.live(port)
    await ask(get("/path?query=secret"))
    await ask(get(host="nobody.apps.test"))
    await ask(b"nonsense\r\n\r\n")
    served, unknown, refused = logs
    assert (served["method"], served["path"], served["status"]) == ("GET", "/path", 500)
    assert (served["outcome"], served["app"]) == (Ending.APP, APP)
    assert served["milliseconds"] >= 0
    assert unknown["status"] == 404
    assert refused["status"] == 400
    for line in logs:
        assert set(line) - {"event", "log_level"} <= fields_of("request")
        assert "secret" not in str(line)


def test_so_many_apps_as_there_are_are_not_all_kept():
    log = RequestLog()
    for number in range(3000):
        entry = log.begin()
        entry.app, entry.status, entry.outcome = str(number), 502, Ending.PAGE
        log._count(entry)
    assert len(log._sparing) <= 1000
