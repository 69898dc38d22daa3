"""The admin listener, asked by a real client."""

import asyncio
import contextlib

import httpx
import prometheus_client
import pytest

from domicile.config import Address
from domicile.service.admin import Admin
from domicile.service.sockets import open_alone


class Served:
    def __init__(self):
        self.trouble = ""
        self.registry = prometheus_client.CollectorRegistry()


@pytest.fixture
def served():
    return Served()


async def echo(query):
    return {"asked": query}


async def fail(query):
    raise ValueError(query)


@pytest.fixture
async def address(served):
    admin = Admin(
        {"/v1/echo": echo, "/v1/fail": fail}, lambda: served.trouble, served.registry
    )
    listener = open_alone(Address("127.0.0.1", 0))
    address = Address(*listener.getsockname())
    server = await admin.serve(listener)
    yield address
    server.close()
    await server.wait_closed()


@pytest.fixture
async def client(address):
    async with httpx.AsyncClient(
        base_url=f"http://{address}", trust_env=False
    ) as client:
        yield client


async def test_a_service_without_trouble_is_healthy(client):
    answer = await client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


async def test_a_service_in_trouble_says_which(client, served):
    served.trouble = "behind for 7 s"
    answer = await client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["message"] == "behind for 7 s"


async def test_metrics_are_prometheus_text(client, served):
    counter = prometheus_client.Counter("asks", "Asks.", registry=served.registry)
    counter.inc(3)
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "asks_total 3.0\n" in answer.text


async def test_a_route_gets_the_query_and_gives_json(client):
    answer = await client.get(
        "/v1/echo", params={"host": "hello.ada.apps.test", "x": "ä"}
    )
    assert answer.json() == {"asked": {"host": "hello.ada.apps.test", "x": "ä"}}


async def test_a_route_that_fails_is_a_500_and_the_listener_goes_on(client):
    assert (await client.get("/v1/fail")).status_code == 500
    assert (await client.get("/healthz")).status_code == 200


async def test_an_unknown_path_names_those_that_exist(client):
    answer = await client.get("/nothing")
    assert answer.status_code == 404
    assert "/metrics, /v1/echo" in answer.json()["message"]


async def test_only_get_is_served(client):
    answer = await client.post("/healthz", content=b"x")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    "sent",
    [b"hello\r\n\r\n", b"GET / HTTP/2\r\n\r\n", b"GET x HTTP/1.1\r\n\r\n", b"\r\n\r\n"],
)
async def test_what_is_no_request_is_refused(address, sent):
    reader, writer = await asyncio.open_connection(*address)
    writer.write(sent)
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()
    await writer.wait_closed()


async def test_a_head_without_end_is_refused_and_the_listener_goes_on(address, client):
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 10_000)
    # What it had not read yet makes the kernel reset, perhaps before we read.
    with contextlib.suppress(ConnectionResetError):
        assert (await reader.read(13)) == b"HTTP/1.1 400 "
    writer.close()
    assert (await client.get("/healthz")).status_code == 200
