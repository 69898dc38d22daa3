"""A directory of the tests, a real HTTP server, and what a manager works with."""

import asyncio
import contextlib
import hashlib
import io
import json
import tarfile

import httpx
import pytest

from domicile.manager.activity import Activity
from domicile.manager.counts import Counts
from domicile.manager.fetching import Releases
from domicile.manager.site import Site
from domicile.manager.starting import Starts
from domicile.model.feed import decode_ask
from domicile.model.records import Release, Residence, ResidenceState
from domicile.runtime.processes import sweep
from domicile.store.feed import Feed
from domicile.store.store import Store

APP = "i" * 26
SERVER = """
import http.server, os, sys
class Say(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(str(os.getpid()).encode())
port = int(sys.argv[1] if sys.argv[1:] else os.environ['PORT'])
http.server.HTTPServer((os.environ['HOST'], port), Say).serve_forever()
"""


def archive():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        member = tarfile.TarInfo("app.py")
        member.size = len(SERVER)
        tar.addfile(member, io.BytesIO(SERVER.encode()))
    return data.getvalue()


class Peer:
    """Answers as the directory does, or with `failures` errors before."""

    def __init__(self, blob):
        self.blob = blob
        self.failures = 0
        self.feed = None
        self.conversations = set()
        self.reports = []
        self.asked = []

    async def converse(self, reader, writer):
        task = asyncio.current_task()
        self.conversations.add(task)
        task.add_done_callback(self.conversations.discard)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self.answer_one(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def answer_one(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = [x for x in head.lower().splitlines() if x.startswith("content-len")]
        body = await reader.readexactly(int(length[0].split(":")[1])) if length else b""
        path = head.split()[1]
        if path == "/v1/feed":
            self.asked.append((path, body))
            frames = [part async for part in self.feed.answer(decode_ask(body))]
            status, answer = 200, b"".join(frames)
        else:
            status, answer = self.answer(path, body)
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Length: {len(answer)}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        writer.write(answer)
        await writer.drain()

    def answer(self, path, body):
        self.asked.append((path, body))
        if self.failures:
            self.failures -= 1
            return 503, b""
        if path == "/v1/reports":
            self.reports += json.loads(body)
            return 200, b""
        if path == "/v1/link-certificate":
            return 201, b'{"certificate": "PEM", "epoch": 1, "authority": []}'
        known = path.endswith(hashlib.sha256(self.blob).hexdigest())
        return (200, self.blob) if known else (404, b"")


@pytest.fixture
async def peer():
    peer = Peer(archive())
    server = await asyncio.start_server(peer.converse, "127.0.0.1", 0)
    peer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield peer
    server.close()
    await asyncio.gather(*peer.conversations)


@pytest.fixture
async def client(peer):
    async with httpx.AsyncClient(base_url=peer.url) as client:
        yield client


@pytest.fixture
async def told():
    return asyncio.Queue()


@pytest.fixture
async def site(tmp_path, client, told):
    store = await Store.open(tmp_path / "cluster.db")
    feed = await Feed.open(store)
    activity, starts = Activity(feed), Starts()
    yield Site(
        "127.0.0.1",
        tmp_path / "run",
        store,
        feed,
        Releases(client, tmp_path),
        told.put_nowait,
        activity,
        starts,
        Counts(activity, starts),
        drain_seconds=1.0,
        start_seconds=10.0,
    )
    await sweep(tmp_path / "run")
    await store.close()


@pytest.fixture
def here(peer):
    def here(generation=1, command="exec python app.py", port=0):
        digest = hashlib.sha256(peer.blob).hexdigest()
        release = Release("r" * 26, APP, digest, command)
        return Residence(
            APP, "amber", generation, ResidenceState.HERE,
            name="hello.ada", hosts=("hello.ada.test",), release=release, port=port,
        )  # fmt: skip

    return here
