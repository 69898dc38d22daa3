"""The demo as its users meet it: started, ended, killed, started again."""

import contextlib
import functools
import json
import operator
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from domicile.host import lock

COMMAND = Path(sys.executable).with_name("domicile")
HOSTS = {"amber": "127.0.0.11", "birch": "127.0.0.12"}
ENDS_WITHIN = 10


def verb(demo, *words):
    ran = subprocess.run(
        [COMMAND, *words, "--data", demo.data, "--json"],
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return json.loads(ran.stdout)


def fetch(demo, cluster, host):
    url = f"http://{HOSTS[cluster]}:{demo.ports[cluster]['proxy']}/"
    return httpx.get(url, headers={"Host": host}, timeout=20)


def has_open(process, path):
    with contextlib.suppress(OSError):
        folder = Path(f"/proc/{process.pid}/fd")
        return path in [each.readlink() for each in folder.iterdir()]
    return False


def apps_of(demo):
    """Give the names of the apps that run."""
    found = set()
    for each in demo.left():
        with contextlib.suppress(psutil.Error):
            found.add(each.environ().get("DOMICILE_APP"))
    return found - {None}


def test_a_group_that_gets_two_signals_ends_whole_with_status_0(demo):
    """Also the apps of a manager that was killed before."""
    process = demo.start()
    services = demo.wait_until_ready(process)
    assert apps_of(demo) == set(demo.apps)
    assert all(Path(each["config"]).exists() for each in services.values())
    os.killpg(services["manager-amber"]["pid"], signal.SIGKILL)
    demo.wait_for_line("manager-amber ended with status -9")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        os.killpg(process.pid, number)
    assert process.wait(ENDS_WITHIN) == 0
    assert demo.left() == []
    told = demo.log.read_text()
    assert told.endswith("ending\n")
    assert "Traceback" not in told


def test_a_killed_demo_is_cleaned_up_after_and_gone_on_with(demo):
    """Killed apart from its manager; then ended by the end of its parent."""
    process = demo.start()
    services = demo.wait_until_ready(process)
    verb(demo, "app", "stop", "chat.bob")
    verb(demo, "app", "delete", "upload.ada")
    os.killpg(services["manager-amber"]["pid"], signal.SIGKILL)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    demo.wait_until_gone()
    demo.ready.unlink()
    demo.choose_ports()
    make = demo.start(*demo.make_run())
    demo.wait_until_ready(make)
    assert "deployed" not in demo.log.read_text()
    assert "app chat.bob: stopped" in demo.log.read_text()
    assert apps_of(demo) == {"hello.ada", "events.ada", "site.bob"}
    link = f"{HOSTS['amber']}:{demo.ports['amber']['link']}"
    assert verb(demo, "cluster", "show", "amber")["links"] == [link]
    verb(demo, "app", "move", "hello.ada", "--to", "birch")
    assert fetch(demo, "amber", "hello.ada.apps.test").headers["cluster"] == "birch"
    make.kill()
    demo.wait_until_gone()


@pytest.mark.skipif(not shutil.which("dig"), reason="dig is not installed")
@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_lines_to_paste_do_what_they_say(demo):
    """Pasted where `make run` was said; then the end of that."""
    make = demo.start(*demo.make_run())
    demo.wait_until_ready(make)
    demo.wait_for_line("app list")
    lines = [line for line in demo.log.read_text().splitlines() if line[:2] == "  "]
    said = [
        subprocess.run(line, shell=True, check=True, cwd=demo.checkout,
                       stdout=subprocess.PIPE, text=True).stdout
        for line in lines
    ]  # fmt: skip
    dig, curl, move, again, apps = said
    assert dig == "127.0.0.11\n"
    assert "hello.ada in amber" in curl
    assert "finished" in move
    assert "hello.ada in birch" in again
    assert "chat" in apps
    make.terminate()
    make.wait(ENDS_WITHIN)
    assert demo.left() == []


@pytest.mark.parametrize("path", [("directory_admin",), ("birch", "link")])
def test_a_taken_port_is_one_clear_line_before_anything_starts(demo, path):
    host = HOSTS.get(path[0], "127.0.0.1")
    port = functools.reduce(operator.getitem, path, demo.ports)
    with socket.create_server((host, port)):
        (line,) = demo.refused()
    assert f"{host}:{port} (TCP) is taken by another program" in line
    assert demo.left() == []
    assert not (demo.data / "logs" / "directory.log").exists()


def test_a_signal_in_the_middle_of_the_start_ends_what_is_there(demo):
    process = demo.start()
    while not (demo.data / "run" / "directory.json").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(ENDS_WITHIN) == 0
    assert demo.left() == []


def test_who_waits_for_the_folder_ends_at_a_signal(demo):
    with lock.hold(demo.data):
        lock.note_ending(demo.data)
        process = demo.start()
        while not has_open(process, demo.data / "lock"):
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(ENDS_WITHIN) == 0


def test_a_second_demo_in_the_folder_is_one_clear_line(demo):
    process = demo.start()
    while not (demo.data / "run" / "directory.json").exists():
        assert process.poll() is None
    demo.ready.write_text("the first one's")
    (line,) = demo.refused()
    assert line.startswith(f"domicile: another demo runs in {demo.data}")
    assert demo.ready.exists()
    assert process.poll() is None
    process.terminate()
    assert process.wait(ENDS_WITHIN) == 0
