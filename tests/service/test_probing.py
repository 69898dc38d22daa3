"""Probes over real sockets, of proxies and of others."""

import asyncio
import contextlib

import pytest
from structlog.testing import capture_logs

from domicile.config import BadConfiguration
from domicile.model.health import PROBE_PATH
from domicile.model.records import Cluster
from domicile.service.probing import Prober, check_probe_seconds, probe

WELL = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\namber\n"


@pytest.fixture
async def serve():
    """Serve bytes to whoever asks; gives a cluster whose address that is."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(answer, host="127.0.0.1"):
            async def converse(reader, writer):
                asked = await reader.readuntil(b"\r\n\r\n")
                start.asked.append(asked.decode())
                if answer is not None:
                    writer.write(answer)
                    writer.write_eof()
                with contextlib.suppress(OSError):
                    await reader.read()
                writer.transport.abort()
                start.ended.release()

            server = await asyncio.start_server(converse, host, 0)
            stack.callback(server.close)
            port = server.sockets[0].getsockname()[1]
            return Cluster("amber", (host,), (), port=port)

        start.asked, start.ended = [], asyncio.Semaphore(0)
        yield start
        for _ in start.asked:
            await start.ended.acquire()


async def test_a_proxy_of_the_cluster_is_well(serve):
    cluster = await serve(WELL)
    assert await probe(cluster, "127.0.0.1") == ("", True)
    (asked,) = serve.asked
    assert asked.startswith(f"GET {PROBE_PATH} HTTP/1.0\r\n")
    assert f"Host: 127.0.0.1:{cluster.port}\r\n" in asked


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (WELL.replace(b"amber", b"birch"), "no proxy of amber"),
        (WELL.replace(b"200 OK", b"503 No"), "503 came"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "speaks no HTTP"),
        (b"", "speaks no HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000, "no proxy of amber"),
        (None, "no whole answer in 0.2 s"),
    ],
)
async def test_who_answers_something_else_or_nothing_is_ill(serve, answer, says):
    cluster = await serve(answer)
    ill, can_tell = await probe(cluster, "127.0.0.1", patience=0.2)
    assert says in ill
    assert can_tell


async def test_where_nobody_listens_it_is_said_so(serve):
    with contextlib.closing(await asyncio.start_server(print, "127.0.0.1", 0)) as gone:
        port = gone.sockets[0].getsockname()[1]
    cluster = Cluster("amber", ("127.0.0.1",), (), port=port)
    assert await probe(cluster, "127.0.0.1") == ("Connection refused", True)


async def test_what_we_have_no_way_to_is_not_spoken_of():
    """A host without IPv6 knows nothing of the addresses of that family."""
    nowhere = Cluster("amber", ("ff0e::1",), (), port=80)
    prober = Prober("nameserver", lambda: [nowhere])
    _, can_tell = await probe(nowhere, "ff0e::1")
    assert not can_tell
    assert await prober.look() == []


async def test_a_prober_counts_how_often_in_a_row_it_was_so(serve):
    clusters = [await serve(WELL)]
    prober = Prober("manager", lambda: clusters)
    assert [each.row for each in await prober.look()] == [1]
    assert [each.row for each in await prober.look()] == [2]
    clusters[0] = await serve(b"")
    with capture_logs() as logs:
        (ill,) = await prober.look()
        await prober.look()
    assert (ill.well, ill.row) == (False, 1)
    assert [line["event"] for line in logs] == ["an address is ill"]
    clusters[0] = await serve(WELL)
    with capture_logs() as logs:
        (well,) = await prober.look()
    assert (well.well, well.row) == (True, 1)
    assert [line["event"] for line in logs] == ["an address is well again"]
    counted = {
        (sample.name, sample.labels.get("outcome")): sample.value
        for metric in prober.collect()
        for sample in metric.samples
    }
    assert counted["domicile_manager_probes_total", "well"] == 3
    assert counted["domicile_manager_probes_total", "ill"] == 2
    assert counted["domicile_manager_addresses_ill", None] == 0


async def test_an_address_that_is_gone_is_spoken_of_no_more(serve):
    clusters = [await serve(WELL)]
    prober = Prober("manager", lambda: clusters)
    await prober.look()
    clusters.clear()
    assert await prober.look() == []


@pytest.mark.parametrize("seconds", [-1.0, 0.01, 11.0, float("nan")])
def test_what_is_no_time_between_rounds_is_refused(seconds):
    with pytest.raises(BadConfiguration, match="probe_seconds is"):
        check_probe_seconds(seconds)
