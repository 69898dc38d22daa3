"""The directory as a real process: it starts, ends, and goes on where it was."""

import hashlib
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from domicile.config import Address
from domicile.model.feed import Ask, End, FrameReader, encode_ask
from domicile.service.sockets import open_alone

START = "import sys, pathlib; from domicile.directory.main import main; main(pathlib.Path(sys.argv[1]))"
PATIENCE = 20
ENDS_WITHIN = 5  # its parent would kill it after 6


@pytest.fixture
def address():
    with open_alone(Address("127.0.0.1", 0)) as probe:
        return Address(*probe.getsockname())


@pytest.fixture
def admin():
    with open_alone(Address("127.0.0.1", 0)) as probe:
        return Address(*probe.getsockname())


@pytest.fixture
def start(tmp_path, address, admin):
    """Start the directory once it is called, and end what still runs at the end."""
    file = tmp_path / "directory.toml"
    file.write_text(
        f'data = "{tmp_path}/data"\nlisten = "{address}"\nadmin = "{admin}"\n'
        '[[zones]]\nname = "apps.test"\nnameservers = {}\n'
    )
    started = []

    def start():
        process = subprocess.Popen([sys.executable, "-c", START, str(file)])
        started.append(process)
        await_answer(f"http://{address}/v1/owners", process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def await_answer(url, process):
    deadline = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None
        assert time.monotonic() < deadline
        try:
            httpx.get(url, timeout=PATIENCE)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return


def await_silence(address):
    """Wait until an orphan has noticed that its parent is gone."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(tuple(address)).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.05)
    pytest.fail("the orphan still listens")


@pytest.fixture
def operator(tmp_path, address):
    def call(method, path, **more):
        token = (tmp_path / "data" / "operator.token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        url = f"http://{address}{path}"
        return httpx.request(method, url, headers=headers, timeout=PATIENCE, **more)

    return call


def test_a_name_server_gets_the_key_that_unseals_with_its_token(
    start, operator, tmp_path
):
    start()
    (file,) = tmp_path.rglob("sealing.key")
    assert file.stat().st_mode & 0o777 == 0o600
    join = operator("POST", "/v1/nameservers", json={"name": "ns1"}).json()
    assert join["sealing_key"] == file.read_text().strip()
    cluster = {"name": "amber", "addresses": [], "links": []}
    assert "sealing_key" not in operator("POST", "/v1/clusters", json=cluster).json()


def test_operators_see_how_far_followers_are(start, operator, address, admin):
    start()
    join = operator("POST", "/v1/nameservers", json={"name": "ns1"}).json()
    headers = {"Authorization": f"Bearer {join['token']}"}
    ask = encode_ask(Ask("replica", ("owner",)))
    url = f"http://{address}/v1/feed"
    httpx.post(url, content=ask, headers=headers, timeout=PATIENCE)
    assert httpx.get(f"http://{admin}/healthz").json() == {"status": "ok"}
    status = httpx.get(f"http://{admin}/status").json()
    (follower,) = status["followers"]
    assert follower == {
        "name": "nameserver/ns1/replica", "serial": 0, "behind": False
    }  # fmt: skip
    assert status["serial"] > 0
    metrics = httpx.get(f"http://{admin}/metrics").text
    assert f"\ndomicile_directory_store_serial {status['serial']}.0\n" in metrics
    of_follower = '{follower="nameserver/ns1/replica"} 0.0'
    for name in ("serial", "behind"):
        assert f"domicile_directory_follower_{name}{of_follower}\n" in metrics


def test_a_restart_goes_on_where_it_was(start, operator):
    first = start()
    added = operator("POST", "/v1/owners", json={"name": "ada"})
    cluster = {"name": "amber", "addresses": ["127.0.0.11"], "links": []}
    join = operator("POST", "/v1/clusters", json=cluster).json()
    first.send_signal(signal.SIGTERM)
    assert first.wait(ENDS_WITHIN) == 0
    start()
    assert operator("GET", "/v1/owners").json()["rows"] == [added.json()["owner"]]
    cluster["name"] = "birch"
    again = operator("POST", "/v1/clusters", json=cluster).json()
    assert again["authority"] == join["authority"]


def test_it_ends_with_a_poll_waiting_and_answers_it_whole(start, operator, address):
    process = start()
    join = operator("POST", "/v1/nameservers", json={"name": "ns1"}).json()
    headers = {"Authorization": f"Bearer {join['token']}"}
    ask = Ask(follower="ns1", kinds=("owner",))
    with httpx.Client(base_url=f"http://{address}", headers=headers) as client:
        snapshot = client.post("/v1/feed", content=encode_ask(ask)).content
        begin, *_ = FrameReader().feed(snapshot)
        ask = Ask("ns1", ("owner",), after=begin.up_to, chain=begin.chain)
        with client.stream("POST", "/v1/feed", content=encode_ask(ask)) as answer:
            process.send_signal(signal.SIGTERM)
            frames = list(FrameReader().feed(answer.read()))
        assert frames[-1] == End(0)
        assert process.wait(ENDS_WITHIN) == 0


def begin_get(address, tmp_path, path):
    token = (tmp_path / "data" / "operator.token").read_text().strip()
    asking = socket.create_connection(tuple(address))
    asking.settimeout(PATIENCE)
    head = f"GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}"
    asking.sendall(f"{head}\r\n\r\n".encode())
    return asking


def test_who_waits_for_a_move_is_answered_when_it_ends(
    start, operator, address, tmp_path
):
    process = start()
    operator("POST", "/v1/owners", json={"name": "ada"})
    cluster = {"name": "amber", "addresses": ["127.0.0.11"], "links": []}
    operator("POST", "/v1/clusters", json=cluster)
    digest = hashlib.sha256(b"release").hexdigest()
    operator("PUT", f"/v1/blobs/{digest}", content=b"release")
    app = {"owner": "ada", "name": "hello", "digest": digest, "command": "run"}
    move = operator("POST", "/v1/apps", json=app).json()
    waiting = [
        begin_get(address, tmp_path, f"{path}?wait=30")
        for path in (f"/v1/moves/{move['id']}", "/v1/apps/hello.ada")
    ]
    # Who came later was answered, so they were let in.
    while operator("GET", f"/v1/moves/{move['id']}").json()["step"] != "preparing":
        pass
    process.send_signal(signal.SIGTERM)
    for each in waiting:
        with each, each.makefile("rb") as answer:
            assert answer.readline().startswith(b"HTTP/1.1 200 ")
    assert process.wait(ENDS_WITHIN) == 0


def test_a_killed_directory_has_lost_nothing_that_it_answered(start, operator, address):
    process = start()
    assert operator("POST", "/v1/owners", json={"name": "ada"}).status_code == 201
    process.kill()
    process.wait()
    await_silence(address)
    start()
    assert operator("GET", "/v1/owners/ada").json()["name"] == "ada"
