"""Queries over TLS: as over TCP, and what its handshake and its end add."""

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess

import certificates
import pytest
from stream_client import EOF, connect, end, query, read_end, read_ids

from domicile.nameserver.connection import Service
from domicile.nameserver.connections import Connections, Limits
from domicile.nameserver.tls import Certificate


@pytest.fixture
def secure(replies, tmp_path):
    files = certificates.make(tmp_path)
    context = Certificate(*files).context
    return lambda **limits: Service(Connections(Limits(**limits)), replies, context)


def trusting(tmp_path):
    context = ssl.create_default_context(cafile=tmp_path / "certificate.pem")
    context.set_alpn_protocols(["dot"])
    return context


async def connect_secure(port, tmp_path):
    return await asyncio.open_connection(
        "127.0.0.1",
        port,
        ssl=trusting(tmp_path),
        server_hostname=certificates.NAME,
    )


async def test_tls_is_served_like_tcp(serve, secure, tmp_path):
    reader, writer = await connect_secure(await serve(secure()), tmp_path)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "dot"
    writer.write(b"".join(query(number, "apps.test") for number in range(300)))
    assert await read_ids(reader, 300) == list(range(300))
    await end(writer)


async def test_kdig_asks_by_tls_and_its_answer_is_padded(serve, secure, tmp_path):
    kdig = shutil.which("kdig")
    if kdig is None:
        pytest.skip("kdig is not installed (Debian: knot-dnsutils)")
    port = await serve(secure())
    asked = await asyncio.create_subprocess_exec(
        kdig, "@127.0.0.1", "-p", str(port), "hello.ada.apps.test", "+tls-hostname="
        + certificates.NAME, f"+tls-ca={tmp_path}/certificate.pem", "+padding",
        "+noidn", stdout=subprocess.PIPE,
    )  # fmt: skip
    told = (await asked.communicate())[0].decode()
    assert "status: NOERROR" in told
    assert "127.0.0.11" in told
    assert "Received 468 B" in told


async def test_dnsperf_asks_by_tls_and_loses_nothing(serve, secure, tmp_path):
    dnsperf = shutil.which("dnsperf")
    if dnsperf is None:
        pytest.skip("dnsperf is not installed")
    (tmp_path / "queries").write_text("hello.ada.apps.test A\neve.apps.test A\n" * 500)
    port = await serve(secure())
    asked = await asyncio.create_subprocess_exec(
        dnsperf, "-m", "dot", "-s", "127.0.0.1", "-p", str(port), "-n", "1", "-c", "10",
        "-d", str(tmp_path / "queries"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    told = (await asked.communicate())[0].decode()
    assert "Queries completed:    1000 (100.00%)" in told


async def test_who_ends_its_tls_still_gets_the_answer(serve, secure, tmp_path):
    served = secure()
    port = await serve(served)
    client = socket.create_connection(("127.0.0.1", port))
    asked = asyncio.to_thread(_ask_and_end, client, trusting(tmp_path))
    assert await asked == 5
    while len(served.connections):
        await asyncio.sleep(0.01)


def _ask_and_end(client, context):
    with context.wrap_socket(client, server_hostname=certificates.NAME) as tls:
        tls.sendall(query(5))
        message = tls.recv(65535)
        tls.unwrap().close()
    return int.from_bytes(message[2:4], "big")


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01", b"\0\x1d" + bytes(29)])
async def test_who_shakes_no_hands_is_cut(serve, secure, monkeypatch, sent):
    monkeypatch.setattr("domicile.nameserver.connection.HANDSHAKE", 0.05)
    served = secure(idle=60.0)
    reader, writer = await connect(await serve(served))
    writer.write(sent)
    assert await read_end(reader) == EOF
    await end(writer)
    assert len(served.connections) == 0


async def test_a_handshake_counts_as_a_connection(serve, secure):
    served = secure(most_of_one_peer=1)
    port = await serve(served)
    first = await connect(port)
    while not len(served.connections):
        await asyncio.sleep(0.01)
    second = await connect(port)
    assert await read_end(second[0]) == EOF
    await end(first[1], second[1])


async def test_who_does_not_read_is_cut_by_tls_too(serve, secure, tmp_path):
    served = secure(idle=0.5)
    _, writer = await connect_secure(await serve(served), tmp_path)
    writer.transport.pause_reading()
    with contextlib.suppress(ConnectionError):
        while len(served.connections):
            writer.write(query(name="apps.test") * 100)
            await asyncio.sleep(0.01)
    await end(writer)
