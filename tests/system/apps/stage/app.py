"""An app that behaves as the path asks: well, slowly, too much, or badly."""

import asyncio
import contextlib
import hashlib
import os
import signal
import socket
import struct
from collections import Counter
from pathlib import Path

WHO = (
    f"Cluster: {os.environ['DOMICILE_CLUSTER']}\r\n"
    f"Generation: {os.environ['DOMICILE_GENERATION']}\r\n"
).encode()
PIECE = bytes(range(256)) * 256


class Request:
    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, _ = lines[0].split(" ")
        pairs = (line.partition(":") for line in lines[1:] if line)
        self.fields = {name.lower(): value.strip() for name, _, value in pairs}


async def pieces(reader, request):
    if request.fields.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            yield await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return
    left = int(request.fields.get("content-length", 0))
    while left:
        piece = await reader.readexactly(min(left, len(PIECE)))
        left -= len(piece)
        yield piece


def say(writer, request, body, *fields):
    head = [b"HTTP/1.1 200 OK\r\n", WHO, *fields, b"Content-Length: %d\r\n" % len(body)]
    writer.write(b"".join([*head, b"\r\n"]))
    if request.method != "HEAD":
        writer.write(body)


async def digest(reader, writer, request):
    seen, length = hashlib.sha256(), 0
    async for piece in pieces(reader, request):
        seen.update(piece)
        length += len(piece)
    say(writer, request, f"{length} {seen.hexdigest()}".encode())


async def count(reader, writer, request, key):
    """Count the POSTs of a key; whoever asks by GET is told how many came."""
    if request.method == "POST":
        COUNTED[key] += 1
    async for _ in pieces(reader, request):
        pass
    say(writer, request, str(COUNTED[key]).encode())


async def pour(writer, size, chunked):
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    writer.write(b"HTTP/1.1 200 OK\r\n" + WHO + framing + b"\r\n\r\n")
    for _ in range(size // len(PIECE)):
        writer.write(b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if chunked else PIECE)
        await writer.drain()
    if chunked:
        writer.write(b"0\r\n\r\n")


async def wait_for_file(writer, path):
    """Answer at once, and on, until the file is there."""
    writer.write(b"HTTP/1.1 200 OK\r\n" + WHO + b"Transfer-Encoding: chunked\r\n\r\n")
    while not path.exists():
        writer.write(b"1\r\n.\r\n")
        await asyncio.sleep(0.1)
    writer.write(b"7\r\nat last\r\n0\r\n\r\n")


def reset(writer, framing):
    """Break off with a reset, which is no end of anything."""
    writer.write(b"HTTP/1.1 200 OK\r\n" + WHO + framing + b"\r\n" + PIECE)
    bound = writer.get_extra_info("socket")
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    asyncio.get_running_loop().call_later(0.3, writer.transport.abort)


def listen_no_more(writer, request):
    say(writer, request, b"", b"Connection: close\r\n")
    SERVERS[0].close()
    for each in WRITERS:
        each.close()


async def answer(reader, writer, request):
    match request.path.strip("/").split("/"):
        case ["digest"]:
            await digest(reader, writer, request)
        case ["count", key]:
            await count(reader, writer, request, key)
        case ["pid"]:
            say(writer, request, str(os.getpid()).encode())
        case ["origin"]:
            say(writer, request, request.fields["x-forwarded-for"].encode())
        case ["bytes" | "chunks" as how, size]:
            await pour(writer, int(size), chunked=how == "chunks")
        case ["hang"]:
            await reader.read()
        case ["until", *path]:
            await wait_for_file(writer, Path("/", *path))
        case ["reset", how]:
            reset(writer, b"Content-Length: 1000000\r\n" if how == "length" else b"")
            await reader.read()
        case ["short"]:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            writer.close()
        case ["nonsense"]:
            writer.write(b"HTTP/1.1 OK, more or less\r\n\r\n")
        case ["deaf"]:
            listen_no_more(writer, request)
        case _:
            say(writer, request, f"{request.method} {request.path}".encode())


async def converse(reader, writer):
    WRITERS.add(writer)
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while not writer.is_closing():
            head = await reader.readuntil(b"\r\n\r\n")
            await answer(reader, writer, Request(head[:-4]))
            await writer.drain()
    WRITERS.remove(writer)
    writer.close()


COUNTED = Counter()
SERVERS = []
WRITERS = set()


async def main():
    host, port = os.environ["HOST"], os.environ["PORT"]
    if fixed := os.environ.get("FIXED_PORT"):
        host, port = "0.0.0.0", fixed
    SERVERS.append(await asyncio.start_server(converse, host, int(port)))
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    await end.wait()


if __name__ == "__main__":
    asyncio.run(main())
