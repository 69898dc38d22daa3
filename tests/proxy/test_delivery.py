"""Kept connections that died, and which requests may be sent again."""

import asyncio

import pytest

HOST = "hello.ada.apps.test"


def request(method, body=b""):
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    host = f" / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n".encode()
    return method + host + length + b"\r\n" + body


def status(answer):
    return int(answer.split(b" ", 2)[1])


@pytest.fixture
async def dying(records, upstream):
    """An app that answers once on a connection, and dies at the next request."""
    seen = []

    async def converse(reader, writer):
        for last in (False, True):
            head = await reader.readuntil(b"\r\n\r\n")
            seen.append(head.split()[0])
            if not last:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    records.live(await upstream(converse))
    return seen


async def test_a_request_that_changes_nothing_is_repeated_unseen(dying, ask, tally):
    answers = [status(await ask(request(b"GET"))) for _ in range(3)]
    assert answers == [200, 200, 200]
    assert dying == [b"GET"] * 5
    assert tally.of("repeats") == 2


@pytest.mark.parametrize(
    "again", [request(b"POST"), request(b"PATCH"), request(b"PUT", b"a body")]
)
async def test_what_may_have_been_done_is_never_done_twice(dying, ask, again):
    """RFC 9110 section 9.2.2; nor is a body here that has gone up already."""
    assert status(await ask(request(b"GET"))) == 200
    assert status(await ask(again)) == 502
    assert len(dying) == 2


@pytest.mark.parametrize("again", [request(b"POST"), request(b"PUT", b"a body")])
async def test_what_cannot_be_repeated_goes_over_no_old_connection(
    front, dying, ask, again
):
    assert status(await ask(request(b"GET"))) == 200
    (kept,) = next(iter(front[0].around.pool._idle.values()))
    kept.idle_since -= 2.0
    assert status(await ask(again)) == 200
    assert dying == [b"GET", again.split()[0]]


async def test_a_first_connection_that_dies_is_no_reason_to_repeat(
    records, upstream, ask, tally
):
    seen = []

    async def die(reader, writer):
        seen.append(await reader.readuntil(b"\r\n\r\n"))

    records.live(await upstream(die))
    assert status(await ask(request(b"GET"))) == 502
    assert len(seen) == 1
    assert tally.of("requests", "page") == tally.of("responses", "5xx") == 1


async def test_silence_on_a_kept_connection_is_no_death(records, upstream, ask, tally):
    """It would hang twice as long, and may have done what was asked."""

    async def fall_silent(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(30)

    records.live(await upstream(fall_silent))
    assert status(await ask(request(b"GET"))) == 200
    assert status(await ask(request(b"GET"))) == 504
    assert tally.of("repeats") == 0
