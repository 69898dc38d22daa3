"""Asking an admin listener: its page, or one sentence."""

import asyncio
import socket

import pytest

from domicile.config import Address
from domicile.service.admin import Admin
from domicile.service.asking import NoAnswer, Question, ask_admin, open_client
from domicile.service.sockets import open_alone


@pytest.fixture
async def client():
    async with open_client() as client:
        yield client


@pytest.fixture
async def address():
    async def echo(query):
        return query

    async def fail(query):
        raise ValueError

    listener = open_alone(Address("127.0.0.1", 0))
    server = await Admin({"/echo": echo, "/fail": fail}).serve(listener)
    yield str(Address(*listener.getsockname()))
    server.close()
    await server.wait_closed()


async def test_the_page_is_given_for_the_query(client, address):
    query = {"host": "hello.ada.apps.test", "odd": "a&b=c d"}
    assert await ask_admin(client, address, Question("/echo", query), dict) == query


async def test_a_page_that_is_not_there_or_failed_is_a_sentence(client, address):
    with pytest.raises(NoAnswer, match=r"nothing at /other: there is .*/echo"):
        await ask_admin(client, address, Question("/other", {}), dict)
    with pytest.raises(NoAnswer, match="this page failed"):
        await ask_admin(client, address, Question("/fail", {}), dict)


async def test_a_page_of_another_shape_is_a_sentence(client, address):
    with pytest.raises(NoAnswer, match="echo is not understood: Expected `int`"):
        await ask_admin(client, address, Question("/echo", {"a": "x"}), dict[str, int])


@pytest.mark.parametrize("address", ["", "nowhere", "127.0.0.1:http", "[:1", "a b:1"])
async def test_an_address_that_is_none_is_a_sentence(client, address):
    with pytest.raises(NoAnswer):
        await ask_admin(client, address, Question("/echo", {}), dict)


async def test_who_is_away_hangs_or_says_nonsense_is_named(client):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        gone = str(Address(*bound.getsockname()))
        with pytest.raises(NoAnswer, match=f"{gone} does not answer"):
            await ask_admin(client, gone, Question("/echo", {}), dict)
        bound.listen()
        with pytest.raises(NoAnswer, match=r"within 0\.1 s"):
            await ask_admin(client, gone, Question("/echo", {}, 0.1), dict)


@pytest.mark.parametrize("said", [b"SSH-2.0\r\n", b"HTTP/1.1 200 X\r\n\r\n<html>"])
async def test_who_is_no_admin_listener_is_a_sentence(client, said):
    async def converse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    try:
        address = str(Address(*server.sockets[0].getsockname()))
        with pytest.raises(NoAnswer, match=address):
            await ask_admin(client, address, Question("/echo", {}), dict)
    finally:
        server.close()
        await server.wait_closed()
