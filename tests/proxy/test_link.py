"""From one cluster's proxy to another's, over real mutual TLS; and WebSocket."""

import asyncio
import contextlib
import datetime as dt
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from domicile.model.records import Cluster, Residence, ResidenceState
from domicile.model.routing import Hop
from domicile.proxy.conversation import Surroundings
from domicile.proxy.front import Front
from domicile.proxy.holds import WaitingRoom
from domicile.proxy.hop import write_hop
from domicile.proxy.patience import Patience
from domicile.proxy.requestlog import RequestLog
from domicile.proxy.upstream import Pool
from domicile.service.tls import CertificateFiles, client_context, server_context

APP = "a" * 26
HOST = "hello.ada.apps.test"
GET = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One self-signed certificate for birch, which is its own CA."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "birch")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("birch.link")]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "link.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return CertificateFiles(path, path, path)


@pytest.fixture
async def link(front, records, other_records, files, tally):
    """Birch's link, before its own records; amber has the tombstone. Gives the port."""
    amber, _ = front
    patience = Patience(answer=20.0, half_closed=0.1)
    amber.around.pool = Pool(patience, client_context(files))
    room = WaitingRoom(other_records.replica, tally)
    birch = Front(
        Surroundings(room, Pool(patience), tally, link=True, patience=patience)
    )
    server = await asyncio.get_running_loop().create_server(
        birch.accept, "127.0.0.1", 0, ssl=server_context(files)
    )
    port = server.sockets[0].getsockname()[1]
    records.put(
        Cluster("birch", ("127.0.0.1",), (f"127.0.0.1:{port}",)),
        Residence(APP, "amber", 2, ResidenceState.AWAY, to="birch", hosts=(HOST,)),
    )
    yield port
    server.close()
    amber.around.pool.close()
    await birch.end()
    birch.around.pool.close()
    await asyncio.sleep(0.01)


async def echo_head(reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(head) + head)


async def chat(socket):
    async for message in socket:
        await socket.send(message)


async def hang_up(reader, writer):
    await reader.readuntil(b"\r\n\r\n")


@pytest.mark.usefixtures("link")
async def test_a_request_has_one_number_in_both_clusters(
    front, other_records, upstream, ask
):
    front[0].around.log = RequestLog(every=True)
    other_records.live(await upstream(hang_up), 2, cluster="birch")
    with capture_logs() as logs:
        answer = await ask(GET)
    birch, amber = logs
    assert birch["request_id"] == amber["request_id"]
    assert birch["request_id"].encode() in answer
    assert (birch["event"], birch["status"]) == ("request failed", 502)
    assert (amber["to"], amber["outcome"], amber["status"]) == ("birch", "link", 502)
    assert birch["generation"] == amber["generation"] == 2


@pytest.mark.usefixtures("link")
async def test_a_tombstone_leads_to_the_app_with_the_client_s_own_address(
    other_records, upstream, ask
):
    other_records.live(await upstream(echo_head), 2, cluster="birch")
    for _ in range(2):
        answer = await ask(GET)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"x-forwarded-for: 127.0.0.1\r\n" in answer
        assert b"domicile-hop" not in answer


@pytest.mark.usefixtures("link")
@pytest.mark.parametrize(
    "fields",
    [
        [b"X: y"] * 98,
        [b"X:" + b"y" * 16382],
        [b"X:" + b"y" * 16320] * 2,
    ],
    ids=["98 of them", "one of 16 KiB", "32 KiB of them"],
)
async def test_what_is_not_too_much_for_one_proxy_is_not_for_two(
    other_records, upstream, ask, fields
):
    """Each hop adds fields of its own, to the request and to the response."""

    async def answer_alike(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\r\n".join([b"HTTP/1.1 200 OK", *fields, b"", b"hello"]))
        await writer.drain()

    other_records.live(await upstream(answer_alike), 2, cluster="birch")
    host, close = f"Host: {HOST}".encode(), b"Connection: close"
    request = b"\r\n".join([b"GET / HTTP/1.1", host, close, *fields, b"", b""])
    answer = await ask(request)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"hello" in answer


@pytest.mark.usefixtures("link")
async def test_a_forward_waits_for_the_first_certificate_of_its_proxy(
    other_records, upstream, ask, front, files
):
    other_records.live(await upstream(echo_head), 2, cluster="birch")
    around = front[0].around
    around.pool = Pool(around.patience)
    asking = asyncio.create_task(ask(GET))
    while not around.busy:
        await asyncio.sleep(0.01)
    around.pool.trust(client_context(files))
    assert (await asking).startswith(b"HTTP/1.1 200")


@pytest.mark.usefixtures("link")
async def test_a_proxy_without_a_certificate_says_nothing_on_a_link(ask, front, wait):
    wait(connect=0.1)
    front[0].around.pool = Pool(front[0].around.patience)
    assert (await ask(GET)).startswith(b"HTTP/1.1 504")


@pytest.mark.usefixtures("link")
async def test_websockets_are_tunnelled_here_and_through_the_link(
    front, records, other_records
):
    async with serve(chat, "127.0.0.1", 0) as app:
        port = app.sockets[0].getsockname()[1]
        other_records.live(port, 2, cluster="birch")
        for generation in (2, 3):
            if generation == 3:
                records.live(port, generation)
            async with connect(
                f"ws://{HOST}/", host="127.0.0.1", port=front[1], proxy=None
            ) as socket:
                await socket.send("x" * 300_000)
                assert await socket.recv() == "x" * 300_000


@pytest.mark.usefixtures("link")
async def test_a_client_that_goes_away_takes_its_request_along_through_the_link(
    front, other_records, upstream, wait
):
    asked, ended = asyncio.Event(), asyncio.Event()

    async def hang(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        ended.set()

    other_records.live(await upstream(hang), 2, cluster="birch")
    wait(answer=20.0, half_closed=0.1)
    _, writer = await asyncio.open_connection("127.0.0.1", front[1])
    writer.write(GET)
    await asked.wait()
    writer.close()
    await asyncio.wait_for(ended.wait(), 10)


async def ask_link(port, files, request):
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=client_context(files), server_hostname="birch.link"
    )
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


async def test_the_link_takes_no_request_without_a_hop(link, files):
    assert (await ask_link(link, files, GET)).startswith(b"HTTP/1.1 400")


async def test_a_hop_s_client_is_believed_on_the_link(
    link, files, other_records, upstream
):
    other_records.live(await upstream(echo_head), 2, cluster="birch")
    hop = write_hop(Hop(APP, 2, "2001:db8::7", "https", "e" * 32))
    request = GET.replace(b"\r\nHost", b"\r\nDomicile-Hop: " + hop + b"\r\nHost")
    answer = await ask_link(link, files, request)
    assert b"x-forwarded-for: 2001:db8::7\r\n" in answer
    assert b"x-forwarded-proto: https\r\n" in answer


async def test_the_link_turns_away_who_shows_no_certificate(link, files):
    context = ssl.create_default_context(cafile=files.authority)
    answer = b""
    with contextlib.suppress(ssl.SSLError, ConnectionError):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", link, ssl=context, server_hostname="birch.link"
        )
        writer.write(GET)
        try:
            answer = await reader.read()
        finally:
            writer.transport.abort()
    assert answer == b""
