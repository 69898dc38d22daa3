"""The manager as a real process: it follows, serves, dies, adopts and ends."""

import asyncio
import signal
import sys

import httpx
import psutil
import pytest

from domicile.config import Address
from domicile.model.feed import Ask, FrameReader, encode_ask
from domicile.model.records import Cluster, Endpoint, EndpointState
from domicile.runtime.processes import adopt, sweep
from domicile.service.sockets import open_alone
from domicile.store.feed import Feed
from domicile.store.store import Store

APP = "i" * 26
START = "import sys, pathlib; from domicile.manager.main import main; main(pathlib.Path(sys.argv[1]))"
PATIENCE = 30
TOKEN = "p" * 40


@pytest.fixture
async def directory(tmp_path, peer):
    store = await Store.open(tmp_path / "directory.db")
    peer.feed = await Feed.open(store)
    yield store
    await asyncio.gather(*peer.conversations)
    await store.close()


@pytest.fixture
def address():
    with open_alone(Address("127.0.0.1", 0)) as probe:
        return Address(*probe.getsockname())


@pytest.fixture
def admin():
    with open_alone(Address("127.0.0.1", 0)) as probe:
        return Address(*probe.getsockname())


@pytest.fixture
async def start(tmp_path, peer, directory, address, admin):
    file = tmp_path / "manager.toml"
    (tmp_path / "token").write_text("t\n")
    (tmp_path / "proxy").write_text(f"{TOKEN}\n")
    told = (
        f'cluster = "amber"\ndata = "{tmp_path}/data"\ndirectory = "{peer.url}"\n'
        f'token = "{tmp_path}/token"\nproxy_token = "{tmp_path}/proxy"\n'
        f'listen = "{address}"\nadmin = "{admin}"\n'
    )
    started = []

    async def start(more=""):
        file.write_text(f"{told}{more}\n")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", START, str(file)
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    await sweep(tmp_path / "data/run")


@pytest.fixture
async def proxy(address):
    async with httpx.AsyncClient(
        base_url=f"http://{address}",
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=PATIENCE,
    ) as client:
        yield client


async def put(store, *records):
    async with store.transaction() as tx:
        for record in records:
            await tx.put(record)


async def reported(peer, status):
    async with asyncio.timeout(PATIENCE):
        while status not in [each["status"] for each in peer.reports]:
            await asyncio.sleep(0.05)


def kinds_in(answer):
    frames = list(FrameReader().feed(answer.content))[1:-1]
    return {frame.change.kind for frame in frames}


def running(tmp_path):
    return {name: p.record.pid for name, p in adopt(tmp_path / "data/run").items()}


async def test_what_the_directory_wants_is_served_to_proxies(
    peer, directory, start, proxy, admin, here
):
    await put(directory, Cluster("birch", ("127.0.0.12",), ()), here(1))
    await start()
    await reported(peer, "serving")
    status = (await proxy.get(f"http://{admin}/status")).json()
    assert status == {"serial": 2, "behind": False, "apps": [APP]}
    ask = Ask("proxy-1", ("residence", "endpoint", "cluster"), cluster="amber")
    answer = await proxy.post("/v1/feed", content=encode_ask(ask))
    assert kinds_in(answer) == {"residence", "endpoint", "cluster"}
    assert (await proxy.get(f"/v1/apps/{APP}/logs?lines=1")).text.count("\n") == 1
    assert (await proxy.get("/v1/apps/none/logs")).status_code == 404
    assert (await proxy.post(f"/v1/apps/{APP}/wake")).status_code == 202
    assert (await proxy.post("/v1/apps/none/wake")).status_code == 404
    stranger = await proxy.post(f"/v1/apps/{APP}/wake", headers={"Authorization": ""})
    assert stranger.status_code == 401
    events = (await proxy.get(f"http://{admin}/events?app={APP}")).json()
    assert [each["event"] for each in events["rows"]] == ["started"]
    told = (await proxy.get(f"http://{admin}/logs?app={APP}&lines=1")).json()
    assert len(told["lines"]) == 1
    said = (await proxy.get(f"http://{admin}/explain?host=none.test")).json()
    assert (said["cluster"], said["residence"], said["serial"]) == ("amber", None, 2)
    metrics = (await proxy.get(f"http://{admin}/metrics")).text
    assert "\ndomicile_manager_serial 2.0\n" in metrics
    assert "\ndomicile_manager_behind 0.0\n" in metrics
    assert '\ndomicile_manager_follower_behind{follower="proxy-1"} 0.0\n' in metrics
    passed_on = await proxy.post("/v1/link-certificate", json={"csr": "PEM"})
    assert passed_on.json()["certificate"] == "PEM"
    assert ("/v1/link-certificate", b'{"csr":"PEM"}') in peer.asked


async def test_the_secrets_of_releases_are_nobody_elses_to_read(
    peer, directory, start, here, tmp_path
):
    """Also in folders that an earlier version has made for all to see."""
    for folder in ("directory", "run"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    await put(directory, here(1))
    await start()
    await reported(peer, "serving")
    for folder in ("directory", "run"):
        assert (tmp_path / "data" / folder).stat().st_mode & 0o077 == 0


async def test_who_shows_no_token_or_asks_for_more_is_refused(
    peer, directory, start, proxy, here
):
    await put(directory, here(1))
    await start()
    await reported(peer, "serving")
    stranger = {"Authorization": "Bearer none"}
    for path in ("/v1/feed", "/v1/link-certificate"):
        refused = await proxy.post(path, headers=stranger)
        assert refused.status_code == 401
    more = encode_ask(Ask("proxy-1", ("release",)))
    assert (await proxy.post("/v1/feed", content=more)).status_code == 403
    assert (await proxy.post("/v1/feed", content=b"?")).status_code == 400


def kill_child(parent):
    psutil.Process(parent.pid).children()[0].kill()


def end_child(parent):
    psutil.Process(parent.pid).children()[0].terminate()


@pytest.mark.parametrize("strike", [kill_child, end_child])
async def test_apps_outlive_a_child_that_ends_and_are_adopted(
    peer, directory, start, here, tmp_path, strike
):
    await put(directory, here(1))
    parent = await start()
    await reported(peer, "serving")
    before = running(tmp_path)
    peer.reports.clear()
    strike(parent)
    await reported(peer, "serving")
    assert running(tmp_path) == before
    assert parent.returncode is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_apps_outlive_a_manager_that_ends_and_nothing_is_said_of_them(
    peer, directory, start, here, tmp_path, number
):
    """Proxies go on to send them requests; the next manager finds them so."""
    await put(directory, here(1))
    first = await start()
    await reported(peer, "serving")
    before, told = running(tmp_path), await endpoint(tmp_path)
    peer.reports.clear()
    (child,) = psutil.Process(first.pid).children()
    first.send_signal(number)
    await asyncio.wait_for(first.wait(), PATIENCE)
    await asyncio.to_thread(psutil.wait_procs, [child], PATIENCE)
    assert runs(before)
    assert await endpoint(tmp_path) == told
    await start()
    await reported(peer, "serving")
    assert running(tmp_path) == before
    assert await endpoint(tmp_path) == told


async def test_apps_end_with_a_manager_that_is_told_so(
    peer, directory, start, here, tmp_path
):
    await put(directory, here(1))
    manager = await start("stop_apps_on_end = true")
    await reported(peer, "serving")
    before = running(tmp_path)
    manager.terminate()
    assert await asyncio.wait_for(manager.wait(), PATIENCE) == 0
    assert not runs(before)
    assert running(tmp_path) == {}
    assert (await endpoint(tmp_path)).state is EndpointState.STARTING


def runs(processes):
    return all(psutil.pid_exists(pid) for pid in processes.values())


async def endpoint(tmp_path):
    store = await Store.open(tmp_path / "data" / "cluster.db")
    async with store.reading() as reading:
        found = await reading.get(Endpoint, APP)
    await store.close()
    return found
