"""Each sample app as its own process, asked as its users would."""

import asyncio
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from domicile.client.recognition import recognise
from domicile.demo.plan import Plan
from domicile.demo.samples import APPS, LeftOut, lay_out
from domicile.runtime.ports import free_port

needs_node = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")),
    reason="node and npm are not installed",
)


def npm(command, folder):
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return ran.stderr if ran.returncode else ""


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    """Give the folder of a sample app, with what npm installs into it."""
    samples = tmp_path_factory.mktemp("samples")

    def folder_of(name):
        try:
            return lay_out(name, samples, npm)
        except LeftOut as error:
            pytest.skip(str(error))

    return folder_of


@pytest.fixture
async def run(folder_of):
    processes = []

    async def start(name):
        port = free_port()
        told = {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "DOMICILE_APP": f"{name}.ada",
            "DOMICILE_CLUSTER": "amber",
            "DOMICILE_GENERATION": "3",
        }
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        process = await asyncio.create_subprocess_shell(
            f"exec {recognise(folder_of(name)).command}",
            cwd=folder_of(name), env=os.environ | told | {"PATH": path},
            start_new_session=True,
        )  # fmt: skip
        processes.append(process)
        await answer(port)
        return f"127.0.0.1:{port}"

    yield start
    for process in processes:
        # npm passes no signal on to what it started.
        os.killpg(process.pid, signal.SIGTERM)
        await process.wait()


async def answer(port):
    async with httpx.AsyncClient() as client:
        while True:
            try:
                return await client.get(f"http://127.0.0.1:{port}/")
            except httpx.TransportError:
                await asyncio.sleep(0.05)


def test_every_sample_app_is_deployed():
    there = {path.name for path in APPS.iterdir() if any(path.glob("*.*"))}
    assert there == {app.name for app in Plan().apps}


@pytest.mark.parametrize("name", [app.name for app in Plan().apps])
async def test_every_app_answers_get_with_200(run, name):
    address = await run(name)
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"http://{address}/")).status_code == 200


@needs_node
async def test_express_says_who_and_where_it_is(run):
    address = await run("express")
    async with httpx.AsyncClient() as client:
        said = await client.get(f"http://{address}/any/where")
    assert said.text.endswith(
        "express.ada in amber, generation 3, by Express: /any/where\n"
    )


def test_what_npm_installs_is_pinned_and_names_no_place():
    lock = (APPS / "express" / "package-lock.json").read_text()
    packages = json.loads(lock)["packages"]
    assert all("integrity" in each for path, each in packages.items() if path)
    assert "resolved" not in lock
    assert not re.search(r"https?://", lock)


@needs_node
def test_where_npm_reaches_nobody_an_app_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1")
    with pytest.raises(LeftOut, match="npm could not install its packages: "):
        lay_out("express", tmp_path, npm)


def test_without_npm_an_app_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LeftOut, match="node is not installed"):
        lay_out("express", tmp_path, npm)
    assert lay_out("hello", tmp_path, npm) == APPS / "hello"


async def test_hello_says_who_and_where_it_is(run):
    address = await run("hello")
    async with httpx.AsyncClient() as client:
        said = await client.get(f"http://{address}/any/where")
    assert said.text == "hello from hello.ada in amber, generation 3: /any/where\n"


@pytest.mark.parametrize("chunked", [False, True])
async def test_upload_says_what_it_was_given(run, chunked):
    address = await run("upload")
    body = b"domicile" * 50_000

    async def pieces():
        for start in range(0, len(body), 70_000):
            yield body[start : start + 70_000]

    async with httpx.AsyncClient() as client:
        said = await client.post(
            f"http://{address}/", content=pieces() if chunked else body
        )
    expected = {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    assert said.json() == expected


async def test_what_one_says_in_chat_all_hear(run):
    address = await run("chat")
    async with connect(f"ws://{address}/") as one, connect(f"ws://{address}/") as other:
        await one.send("hello")
        assert await other.recv() == await one.recv() == "amber: hello"


async def test_events_come_one_by_one_and_go_on_where_a_listener_was(run):
    url = f"http://{await run('events')}/events"
    async with httpx.AsyncClient() as client:
        first = await hear(client, url, {}, 2)
        again = await hear(client, url, {"Last-Event-ID": "2"}, 1)
    assert [each["count"] for each in first + again] == [1, 2, 3]
    assert again[0] == {
        "app": "events.ada", "cluster": "amber", "generation": "3", "count": 3,
    }  # fmt: skip


async def hear(client, url, headers, count):
    """Listen for that many events, and go."""
    heard = []
    async with client.stream("GET", url, headers=headers) as said:
        assert said.headers["content-type"] == "text/event-stream"
        async for line in said.aiter_lines():
            if line.startswith("data: "):
                heard.append(json.loads(line.removeprefix("data: ")))
            if len(heard) == count:
                break
    return heard


async def test_a_site_is_its_folder(run):
    address = await run("site")
    async with httpx.AsyncClient() as client:
        for path, file in (("", "index.html"), ("style.css", "style.css")):
            said = await client.get(f"http://{address}/{path}")
            assert said.text == (APPS / "site" / file).read_text()
