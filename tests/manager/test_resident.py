"""What is wanted of an app becomes so, with real processes."""

import asyncio
import dataclasses
import os
import signal
import socket

import httpx
import msgspec
import pytest

from domicile.manager.resident import Resident
from domicile.model.feed import Ask, WorkerNote
from domicile.model.moves import Status
from domicile.model.records import Endpoint, EndpointState, Residence, ResidenceState
from domicile.runtime import proctable
from domicile.runtime.ports import free_port
from domicile.runtime.processes import adopt

APP = "i" * 26
PATIENCE = 20


@pytest.fixture
async def resident(site):
    resident = Resident(APP, site)
    yield resident
    await resident.close(stop=True)


async def next_of(told):
    return await asyncio.wait_for(told.get(), PATIENCE)


async def endpoint(site):
    async with site.store.reading() as reading:
        return await reading.get(Endpoint, APP)


async def pid_at(site):
    found = await endpoint(site)
    async with httpx.AsyncClient() as client:
        return int((await client.get(f"http://{found.address}:{found.port}/")).text)


def away(generation):
    return Residence(
        APP, "amber", generation, ResidenceState.AWAY, "birch", name="hello.ada"
    )


async def ask(site, serial, in_flight):
    """Be a proxy that has seen a serial."""
    note = WorkerNote(serial, {APP: in_flight})
    async with site.store.reading() as reading:
        head = await reading.head()
    question = Ask("amber-east", ("residence",), serial, head.chain, notes={"0": note})
    async for _ in site.feed.answer(question):
        pass


async def test_a_wanted_app_serves_and_leaves(site, resident, told, here):
    resident.wish(here(1))
    report = await next_of(told)
    assert (report.status, report.generation, report.port) == (Status.SERVING, 1, 0)
    assert await pid_at(site)
    resident.wish(away(2))
    report = await next_of(told)
    assert (report.status, report.generation, report.cut) == (Status.SETTLED, 2, 0)
    assert await endpoint(site) is None
    assert adopt(site.processes) == {}


async def test_an_undone_move_keeps_the_process(site, resident, told, here):
    resident.wish(here(1))
    await next_of(told)
    pid = await pid_at(site)
    resident.wish(here(3))
    assert (await next_of(told)).generation == 3
    assert await pid_at(site) == pid
    assert (await endpoint(site)).generation == 3


async def test_hosts_that_change_are_passed_on_and_the_process_stays(
    site, resident, told, here
):
    resident.wish(here(1))
    await next_of(told)
    pid = await pid_at(site)
    linked = msgspec.structs.replace(here(1), hosts=("h.test", "www.ada.example"))
    resident.wish(linked)
    await next_of(told)
    async with site.store.reading() as reading:
        residence = await reading.get(Residence, linked.key)
    assert residence.hosts == linked.hosts
    assert await pid_at(site) == pid


async def test_what_ends_is_started_again(site, resident, told, here):
    resident.wish(here(1))
    await next_of(told)
    pid = await pid_at(site)
    os.kill(pid, signal.SIGKILL)
    assert (await next_of(told)).status is Status.SERVING
    assert await pid_at(site) != pid


# Closes its port at SIGUSR1, and lives on.
DEAF = """exec python -c '
import http.server, os, signal
port = int(os.environ["PORT"])
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler)
signal.signal(signal.SIGUSR1, lambda *_: os.close(server.fileno()) or signal.pause())
server.serve_forever()'"""


async def test_what_listens_no_more_is_started_again(site, resident, told, here):
    """No request goes to its port meanwhile, which may soon be another app's."""
    resident.wish(here(1, DEAF))
    await next_of(told)
    first = adopt(site.processes)[f"{APP}-1"].record.pid
    os.kill(first, signal.SIGUSR1)
    seen = set()
    while told.empty():
        seen.add((await endpoint(site)).state)
        await asyncio.sleep(0.01)
    assert EndpointState.STARTING in seen
    assert (await next_of(told)).status is Status.SERVING
    assert adopt(site.processes)[f"{APP}-1"].record.pid != first
    assert not runs(first)


async def test_who_shares_the_port_of_another_is_refused(resident, told, here):
    """The kernel would give it a part of what is the other's, and the other way round."""
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as other:
        port = other.getsockname()[1]
        listen = f"s.bind(('127.0.0.1', {port})); s.listen(); time.sleep(600)"
        reuse = "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)"
        code = f"import socket, time; s = socket.socket(); {reuse}; {listen}"
        resident.wish(here(1, f'exec python -c "{code}"'))
        report = await next_of(told)
    assert report.status is Status.FAILED
    assert f"hello.ada listens on port {port}, and so does another" in report.detail


async def test_a_first_start_that_fails_is_reported(site, resident, told, here):
    resident.wish(here(1, "echo oh no; exit 3"))
    report = await next_of(told)
    assert report.status is Status.FAILED
    assert "oh no" in report.detail
    assert await endpoint(site) is None
    assert adopt(site.processes) == {}


# Leaves a daemon behind: a session of its own, and nobody of its own is its parent.
DAEMON = "(setsid sh -c 'echo $$ > daemon; exec sleep 600' &) ; "


def runs(pid):
    """Whoever collects the dead may take its time."""
    return proctable.born(pid) != 0


async def daemon(site):
    folder = site.releases.folder_of(APP) / ("r" * 26)
    while not (found := folder / "daemon").exists() or not found.read_text():
        await asyncio.sleep(0.01)
    return int(found.read_text())


async def test_a_first_start_that_fails_leaves_no_daemon(site, resident, told, here):
    resident.wish(here(1, DAEMON + "while [ ! -s daemon ]; do sleep 0.1; done; exit 3"))
    assert (await next_of(told)).status is Status.FAILED
    assert not runs(await daemon(site))


@pytest.mark.parametrize(
    "wish",
    [
        Residence(APP, "amber", 2, ResidenceState.AWAY, "birch", name="hello.ada"),
        Residence(APP, "amber", 2, ResidenceState.GONE, name="hello.ada"),
        Residence(APP, "amber", 2, ResidenceState.HERE, name="hello.ada"),
    ],
    ids=["away", "gone", "stopped"],
)
async def test_daemons_end_with_their_app(site, resident, told, here, wish):
    resident.wish(here(1, DAEMON + "exec python app.py"))
    await next_of(told)
    pid = await daemon(site)
    assert runs(pid)
    resident.wish(wish)
    assert (await next_of(told)).status in {Status.SETTLED, Status.STOPPED}
    assert not runs(pid)


async def test_an_app_that_makes_itself_a_daemon_serves(site, resident, told, here):
    resident.wish(here(1, "(setsid sh -c 'python app.py & exit' &) ; exit 0"))
    assert (await next_of(told)).status is Status.SERVING
    assert await pid_at(site)


async def test_a_port_that_is_taken_is_named(resident, told, here):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        resident.wish(here(1, port=port))
        report = await next_of(told)
    assert report.detail == (
        f"hello.ada always listens on port {port}, which is taken on this machine: "
        "it cannot overlap with itself here"
    )


async def test_the_port_of_an_app_that_ignores_port_is_reported(resident, told, here):
    port = free_port()
    resident.wish(here(1, f"exec python app.py {port}"))
    assert (await next_of(told)).port == port


async def test_nothing_to_run_stops_it(site, resident, told, here):
    resident.wish(here(1))
    await next_of(told)
    resident.wish(Residence(APP, "amber", 2, ResidenceState.HERE, name="hello.ada"))
    assert (await next_of(told)).status is Status.STOPPED
    assert (await endpoint(site)).state is EndpointState.STOPPED
    assert adopt(site.processes) == {}


@pytest.mark.parametrize(("seconds", "tidies"), [(0.0, False), (10.0, True)])
async def test_an_app_has_so_long_to_end(site, told, here, seconds, tidies):
    site = dataclasses.replace(site, stop_seconds=seconds)
    resident = Resident(APP, site)
    tidy = "trap 'sleep 1; echo tidied; exit' TERM"
    # The shell outlives its child, which gets the signal as well.
    command = f"{tidy}; python app.py & while :; do sleep 0.1; done"
    resident.wish(here(1, command))
    await next_of(told)
    await resident.close(stop=True)
    assert adopt(site.processes) == {}
    assert ("tidied" in site.releases.log_of(APP).read_text()) == tidies


async def test_a_running_app_outlives_its_manager(site, told, here):
    first = Resident(APP, site)
    first.wish(here(1))
    await next_of(told)
    pid = await pid_at(site)
    await first.close(stop=False)
    (process,) = adopt(site.processes).values()
    second = Resident(APP, site, process)
    second.wish(here(1))
    await next_of(told)
    assert await pid_at(site) == pid
    await second.close(stop=True)
    assert adopt(site.processes) == {}


async def test_proxies_acknowledge_before_serving_and_requests_in_flight_are_counted(
    site, resident, told, here
):
    await ask(site, 0, 0)
    resident.wish(here(1))
    while await endpoint(site) is None:
        await asyncio.sleep(0.05)
    assert told.empty()
    await ask(site, (await site.store.head()).serial, 0)
    assert (await next_of(told)).status is Status.SERVING
    resident.wish(away(2))
    while (await site.store.head()).serial < 3:
        await asyncio.sleep(0.05)
    await ask(site, 3, 2)
    assert (await next_of(told)).cut == 2
