"""Apps that answer in every way but the right one; the client must never be misled."""

import asyncio
import socket
import struct

import pytest

from domicile.proxy.exchange import MOST_INTERIM

HOST = "hello.ada.apps.test"
GET = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
POST = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9\r\n\r\n".encode()


def status(answer):
    return int(answer.split(b" ", 2)[1])


def saying(*parts, reset=False):
    """Make an app that reads a head, says the parts, and ends or resets."""

    async def converse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.05)
        if reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
            writer.close()

    return converse


async def hang(reader, writer):
    await reader.read()


async def test_interim_responses_go_on_up_to_a_handful(records, upstream, ask):
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    last = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    records.live(await upstream(saying(early * MOST_INTERIM + last)))
    answer = await ask(GET)
    assert answer.count(b"HTTP/1.1 103 Early Hints\r\nlink") == MOST_INTERIM
    assert b"HTTP/1.1 200 OK" in answer
    records.live(await upstream(saying(early * (MOST_INTERIM + 1) + last)), 2)
    assert b"HTTP/1.1 502" in await ask(GET)


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5a\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
)
async def test_a_reset_within_the_body_never_ends_it(
    records, upstream, ask, tally, head, version
):
    """Not even where the connection's end would be its end."""
    records.live(await upstream(saying(head, b"half", reset=True)))
    with pytest.raises(ConnectionResetError):
        await ask(GET.replace(b"HTTP/1.1", b"HTTP/" + version))
    assert tally.of("requests", "cut") == 1


async def test_a_body_that_does_not_go_on_is_cut(records, upstream, ask, tally):
    async def stall(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        await reader.read()

    records.live(await upstream(stall))
    with pytest.raises(ConnectionResetError):
        await ask(GET)
    assert tally.of("requests", "cut") == 1


async def test_a_response_that_comes_in_time_piece_by_piece_may_take_long(
    records, upstream, ask
):
    """Longer in all than an app may be silent."""
    pieces = [b"x"] * 15
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n"
    records.live(await upstream(saying(head, *pieces)))
    assert (await ask(GET)).endswith(b"\r\n\r\n" + b"x" * 15)


async def test_a_client_whose_body_does_not_go_on_is_told(records, upstream, ask, wait):
    records.live(await upstream(hang))
    wait(body=0.2, answer=20.0)
    assert status(await ask(POST + b"half")) == 408


async def test_an_app_that_never_reads_the_body_did_not_answer_in_time(
    front, records, upstream
):
    async def read_nothing(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(30)

    records.live(await upstream(read_nothing))
    reader, writer = await asyncio.open_connection("127.0.0.1", front[1])
    size = 64 << 20
    writer.write(POST.replace(b"9", b"%d" % size) + bytes(size))
    assert status(await reader.readuntil(b"\r\n\r\n")) == 504
    writer.transport.abort()


async def test_a_body_that_breaks_http_is_a_bad_request_at_once(
    records, upstream, ask, wait
):
    """Nobody waits for the app's answer to it."""
    records.live(await upstream(hang))
    wait(answer=20.0)
    chunked = POST.replace(b"Content-Length: 9", b"Transfer-Encoding: chunked")
    assert status(await ask(chunked + b"nonsense\r\n")) == 400


async def test_an_answer_before_the_body_s_end_is_passed_on(records, upstream, ask):
    full = b"HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    records.live(await upstream(saying(full)))
    assert status(await ask(POST + b"half")) == 413
