"""Real clients, a real front, real upstreams."""

import asyncio
import hashlib

import httpx
import pytest
from structlog.testing import capture_logs

from domicile.model.health import PROBE_PATH
from domicile.model.records import (
    Cluster,
    Endpoint,
    EndpointState,
    Residence,
    ResidenceState,
)

APP = "a" * 26
HOST = "hello.ada.apps.test"
GET = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()


async def say_head(reader, writer):
    """Answer each request with the head that arrived, keeping the connection."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(head))
        if not head.startswith(b"HEAD"):
            writer.write(head)


async def digest_body(reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    digest, size = hashlib.sha256(), 0
    if b"transfer-encoding" in head:
        while length := int(await reader.readline(), 16):
            digest.update(await reader.readexactly(length))
            size += length
            await reader.readexactly(2)
        await reader.readexactly(2)
    else:
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        while size < length:
            piece = await reader.read(1 << 16)
            if not piece:  # The body was broken off.
                return
            digest.update(piece)
            size += len(piece)
    body = f"{size} {digest.hexdigest()}".encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def status(answer):
    return int(answer.split(b" ", 2)[1])


async def test_a_request_reaches_its_app_with_what_we_know_of_the_client(
    records, upstream, ask
):
    records.live(await upstream(say_head))
    answer = await ask(
        GET.replace(b"Host", b"X-Forwarded-For: 6.6.6.6\r\nDomicile-Hop: x\r\nHost")
    )
    assert status(answer) == 200
    assert b"x-forwarded-for: 127.0.0.1\r\n" in answer
    assert b"6.6.6.6" not in answer
    assert b"domicile-hop" not in answer


async def test_an_unknown_host_is_not_found_and_a_bad_request_is_told_so(ask):
    assert status(await ask(GET)) == 404
    assert status(await ask(GET.replace(b"Host", b"Host: b\r\nHost"))) == 400
    assert status(await ask(b"GET / HTTP/2.0\r\nHost: a\r\n\r\n")) == 505


def probe(host, method="GET"):
    head = f"{method} {PROBE_PATH} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
    return head.encode() + b"\r\n"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:80"])
async def test_a_probe_is_answered_with_the_cluster_by_the_proxy_itself(
    front, records, ask, host
):
    front[0].around.cluster = "amber"
    with capture_logs() as logs:
        assert status(await ask(probe(host))) == 503  # It knows nothing yet.
    assert logs == []
    records.put(Cluster("amber", ("127.0.0.1",), ()))
    answer = await ask(probe(host))
    assert status(answer) == 200
    assert answer.endswith(b"\r\n\r\namber\n")
    assert (await ask(probe(host, "HEAD"))).endswith(b"\r\n\r\n")
    assert status(await ask(probe(host, "POST"))) == 404


async def test_the_path_of_probes_is_the_app_s_where_the_host_is_a_name(
    records, upstream, ask
):
    records.live(await upstream(say_head))
    answer = await ask(probe(HOST))
    assert f"GET {PROBE_PATH} HTTP/1.1".encode() in answer


async def test_a_body_that_drips_is_an_attack_and_one_that_comes_is_waited_for(
    front, records, upstream, wait
):
    """However short each pause is: slowhttptest -B sends a byte at a time."""
    wait(slow_body=0.3, body_rate=100.0)
    records.live(await upstream(digest_body))
    head = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 4000\r\n\r\n"

    async def send(piece, pause):
        reader, writer = await asyncio.open_connection("127.0.0.1", front[1])
        writer.write(head.encode())
        for _ in range(4000 // len(piece)):
            if reader._buffer:
                break
            writer.write(piece)
            await asyncio.sleep(pause)
        answer = await reader.readline()
        writer.close()
        return status(answer)

    assert await send(b"x", 0.02) == 408
    assert await send(b"x" * 100, 0.02) == 200


async def test_a_request_that_goes_round_in_a_circle_is_ended(
    front, records, upstream, ask
):
    """RFC 8586: an app, or a CDN in front of us, leads back to us."""
    front[0].around.cdn = b"domicile-amber"
    records.live(await upstream(say_head))
    answer = await ask(GET.replace(b"Host", b"CDN-Loop: cdn.example\r\nHost"))
    assert status(answer) == 200
    assert b"cdn-loop: cdn.example\r\n" in answer
    ours = b"domicile-amber-" + APP.encode()
    assert b"cdn-loop: %b\r\n" % ours in answer
    again = b"CDN-Loop: cdn.example, %b\r\nHost" % ours
    assert status(await ask(GET.replace(b"Host", again))) == 508
    another = b"CDN-Loop: domicile-amber-%b\r\nHost" % (b"z" * 26)
    assert status(await ask(GET.replace(b"Host", another))) == 200


async def test_pipelined_requests_are_answered_in_order(records, upstream, ask):
    records.live(await upstream(say_head))
    first = f"GET /1 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    head = f"HEAD /2 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    answer = await ask(first + head + GET)
    assert answer.count(b"HTTP/1.1 200") == 3
    assert answer.index(b"GET /1") < answer.index(b"GET / ")
    assert b"HEAD /2" not in answer


async def test_more_is_pipelined_than_the_buffer_holds(front):
    """Reading goes on once the heads before are cut off the buffer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", front[1])
    filler = "x" * 500
    request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nFiller: {filler}\r\n\r\n".encode()
    count = 2000
    writer.write(request * (count - 1) + request.replace(b"GET", b"HEAD"))
    writer.write_eof()
    answers = await asyncio.wait_for(reader.read(), 60)
    assert answers.count(b"HTTP/1.1 404 ") == count
    writer.close()


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_body_arrives_whole(front, records, upstream, chunked):
    records.live(await upstream(digest_body))
    piece = bytes(range(256)) * 256

    async def pieces():
        for _ in range(200):
            yield piece

    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"http://127.0.0.1:{front[1]}/",
            content=pieces() if chunked else piece * 200,
            headers={"Host": HOST},
        )
    expected = hashlib.sha256(piece * 200).hexdigest()
    assert answer.text == f"{200 * len(piece)} {expected}"


async def test_who_expects_continue_is_told_to(front, records, upstream):
    records.live(await upstream(digest_body))
    reader, writer = await asyncio.open_connection("127.0.0.1", front[1])
    writer.write(
        f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 2\r\n"
        "Expect: 100-continue\r\n\r\n".encode()
    )
    assert status(await reader.readuntil(b"\r\n\r\n")) == 100
    writer.write(b"hi")
    assert status(await reader.readuntil(b"\r\n\r\n")) == 200
    writer.close()


async def test_who_refuses_or_breaks_is_502_and_who_hangs_is_504(
    records, upstream, ask
):
    async def slam(reader, _):
        await reader.read(1)

    async def hang(reader, _):
        await reader.read()

    records.live(1)
    assert status(await ask(GET)) == 502
    records.live(await upstream(slam), 2)
    assert status(await ask(GET)) == 502
    records.live(await upstream(hang), 3)
    assert status(await ask(GET)) == 504


async def test_a_kept_connection_that_died_is_replaced_unseen(records, upstream, ask):
    served = []

    async def answer_once_then_die_at_the_next(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        served.append(writer)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")

    records.live(await upstream(answer_once_then_die_at_the_next))
    assert [status(await ask(GET)) for _ in range(3)] == [200, 200, 200]
    assert len(served) == 3


async def test_a_response_until_close_comes_in_chunks_and_204_without_body(
    records, upstream, ask
):
    async def until_close(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")

    async def nothing(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n")

    records.live(await upstream(until_close))
    answer = await ask(GET)
    assert answer.endswith(b"\r\n\r\n9\r\nall of it\r\n0\r\n\r\n")
    old = f"GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode()
    assert (await ask(old)).endswith(b"\r\n\r\nall of it")
    records.live(await upstream(nothing), 2)
    answer = await ask(GET)
    assert status(answer) == 204
    assert b"content-length" not in answer


async def test_a_response_that_breaks_off_breaks_off(front, records, upstream):
    async def half(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")

    records.live(await upstream(half))
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"http://127.0.0.1:{front[1]}/", headers={"Host": HOST})


async def test_a_body_for_an_app_that_does_not_read_is_not_gathered(
    front, records, upstream, wait
):
    """The client gets stuck long before its 64 MiB are sent."""
    go_on = asyncio.Event()

    async def read_late(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        await go_on.wait()
        writer.write(b"HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n")

    records.live(await upstream(read_late))
    wait(answer=20.0)
    reader, writer = await asyncio.open_connection("127.0.0.1", front[1])
    size = 64 << 20
    writer.write(
        f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}\r\n\r\n".encode()
    )
    writer.write(bytes(size))
    left = size
    while left != (now := writer.transport.get_write_buffer_size()):
        left = now
        await asyncio.sleep(0.3)
    assert left > size // 2
    go_on.set()
    assert status(await reader.readuntil(b"\r\n\r\n")) == 413
    writer.transport.abort()


async def test_a_request_that_waited_for_its_app_is_served(front, records, upstream):
    port = await upstream(say_head)
    records.put(Residence("a" * 26, "amber", 1, ResidenceState.HELD, hosts=(HOST,)))
    reader, writer = await asyncio.open_connection("127.0.0.1", front[1])
    writer.write(GET)
    while not front[0].around.room.waiting:
        await asyncio.sleep(0.01)
    records.live(port, 2)
    front[0].around.room.wake()
    assert status(await reader.read()) == 200
    writer.close()


async def test_a_deleted_app_is_gone_and_a_stopped_one_unavailable(records, ask):
    records.live(8000)
    records.put(Endpoint("a" * 26, 1, EndpointState.STOPPED))
    answer = await ask(GET)
    assert status(answer) == 503
    assert b"Retry-After: 1\r\n" in answer
    records.put(Residence("a" * 26, "amber", 2, ResidenceState.GONE, hosts=(HOST,)))
    assert status(await ask(GET)) == 410


async def test_a_port_that_is_another_app_s_now_gets_a_new_connection(
    records, upstream, ask
):
    """Promise 9: no kept connection outlives the generation it was made for."""
    connections = []

    async def count(reader, writer):
        connections.append(writer)
        await say_head(reader, writer)

    port = await upstream(count)
    for generation in (1, 1, 2):
        records.live(port, generation)
        assert status(await ask(GET)) == 200
    assert len(connections) == 2
