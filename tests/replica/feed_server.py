"""A feed that answers as it is told to, and a follower of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

import pytest

from domicile.model.changes import Change
from domicile.model.feed import Ask, Begin, WorkerNote, decode_ask, encode_answer
from domicile.model.records import Owner
from domicile.replica.follower import Follower, Readers, Source
from domicile.replica.replica import Replica

CHAIN = b"c" * 16
OTHER_CHAIN = b"d" * 16
ASK = Ask("ns1", ("owner",), cluster="amber")
TOKEN = "secret-token"

Reply = bytes | None


def http(body: bytes, *, status: str = "200 OK", missing: int = 0) -> bytes:
    """Give a response; `missing` bytes are announced and never come."""
    length = len(body) + missing
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n".encode() + body


class FeedServer:
    """Answers each question with the next reply, and the last one never."""

    def __init__(self, replies: Iterable[bytes]) -> None:
        self._replies = list(replies)
        self.asks: list[Ask] = []
        self.heads: list[bytes] = []
        self.exhausted = asyncio.Event()

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.lower().split(b"\r\n")
                length = next(x for x in lines if x.startswith(b"content-length:"))
                body = await reader.readexactly(int(length.split(b":")[1]))
                self.heads.append(head)
                self.asks.append(decode_ask(body))
                if not self._replies:
                    self.exhausted.set()
                    await reader.read()
                    break
                reply = self._replies.pop(0)
                writer.write(reply)
                await writer.drain()
                announced, _, sent = reply.partition(b"\r\n\r\n")
                if int(announced.split(b":")[1]) != len(sent):
                    break
        writer.close()


@asynccontextmanager
async def serving(replies: Iterable[bytes]) -> AsyncIterator[tuple[FeedServer, str]]:
    feed = FeedServer(replies)
    server = await asyncio.start_server(feed.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield feed, f"http://127.0.0.1:{port}"


async def follow(
    replica: Replica,
    *replies: bytes,
    on_change: Callable[[], None] = lambda: None,
    notes: Callable[[], dict[str, WorkerNote]] = dict,
) -> tuple[FeedServer, Follower]:
    """Follow until all replies were taken in and the next question was asked."""
    async with serving(replies) as (feed, url):
        follower = Follower(replica, Source(url, TOKEN), ASK, Readers(on_change, notes))
        task = asyncio.create_task(follower.run())
        async with asyncio.timeout(30):
            await feed.exhausted.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    return feed, follower


def answer(begin: Begin, *changes: Change) -> bytes:
    return b"".join(encode_answer(begin, changes))


def state(replica: Replica) -> tuple[int, bytes, list[str]]:
    with replica.view() as view:
        return view.serial, view.chain, [owner.name for owner in view.all(Owner)]
