"""A client of a name server's connections, and such a server of some limits."""

import asyncio

import dns.message

from domicile.dns.stream import frame
from domicile.nameserver.connection import Service
from domicile.nameserver.connections import Connections, Limits

EOF = b""


def service(replies, **limits):
    return Service(Connections(Limits(**limits)), replies)


def query(number=1, name="hello.ada.apps.test") -> bytes:
    message = dns.message.make_query(name, "A")
    message.id = number
    return frame(message.to_wire())


async def read_message(reader) -> bytes:
    length = int.from_bytes(await reader.readexactly(2), "big")
    return await reader.readexactly(length)


async def read_reply(reader):
    return dns.message.from_wire(await read_message(reader))


async def read_ids(reader, count) -> list[int]:
    messages = [await read_message(reader) for _ in range(count)]
    return [int.from_bytes(message[:2], "big") for message in messages]


async def connect(port):
    return await asyncio.open_connection("127.0.0.1", port)


async def read_end(reader) -> bytes:
    """Read until the server ends the connection, in whichever way."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return EOF


async def end(*writers) -> None:
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0)
