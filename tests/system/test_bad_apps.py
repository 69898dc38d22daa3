"""Apps that misbehave: their clients are told, their owners get one clear line."""

import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

# What is deployed, and what its owner is told.
MUTE = """exec python -c '
import os, socket, time
held = socket.create_server((os.environ["HOST"], int(os.environ["PORT"])))
time.sleep(600)'"""
BROKEN = {
    "silent": ("exec sleep 600", r"silent\.ada opened no port within 12 s"),
    "mute": (
        MUTE,
        r"mute\.ada listens on port \d+ but answered no HTTP request within 12 s",
    ),
    "brief": ("echo oh no; exit 3", r"brief\.ada ended with status 3 .*oh no"),
    "lost": ("exec no-such-thing", r"lost\.ada ended with status 127 .*not found"),
}


@pytest.fixture(scope="module")
def told(demo, stage):
    """Deploy them all at once; gives what each deployment said."""

    def deploy(name):
        command = BROKEN[name][0]
        folder = str(demo.folder / "empty")
        return demo.refused(
            "app", "deploy", f"{name}.ada", folder, "--command", command
        )

    (demo.folder / "empty").mkdir()
    (demo.folder / "empty" / "README").touch()
    with ThreadPoolExecutor(len(BROKEN)) as pool:
        return dict(zip(BROKEN, pool.map(deploy, BROKEN), strict=True))


@pytest.mark.parametrize("name", BROKEN)
def test_an_app_that_does_not_start_is_one_line_and_gets_no_name(demo, told, name):
    assert re.search(BROKEN[name][1], told[name])
    assert demo.resolve(f"{name}.ada.apps.test") is None
    shown = demo.run("app", "show", f"{name}.ada")
    assert (shown["state"], shown["detail"]) == ("failed", told[name])
    assert demo.fetch(f"{name}.ada.apps.test", at="amber").status_code in {404, 410}


@pytest.mark.parametrize("path", ["/reset/length", "/reset/close", "/short"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_response_that_breaks_off_is_seen_to_break_off(demo, stage, path, version):
    """Also by a client of HTTP/1.0, to whom the connection's end may be the body's."""
    with pytest.raises(ConnectionResetError):
        demo.say(f"GET {path} HTTP/{version}\r\nHost: {stage}\r\n\r\n".encode())
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        demo.fetch(stage, path)


def test_what_is_no_http_is_a_bad_gateway(demo, stage):
    assert page(demo.fetch(stage, "/nonsense")) == 502


def test_an_app_that_hangs_did_not_answer_in_time(demo, stage):
    assert page(demo.fetch(stage, "/hang")) == 504
    assert demo.fetch(stage).status_code == 200


def test_an_app_that_listens_no_more_is_started_again(demo):
    """Until that is seen it is a bad gateway; then who comes waits."""
    host = demo.deploy("deaf.ada")
    pid = demo.fetch(host, "/pid").text
    assert demo.fetch(host, "/deaf").status_code == 200
    while (answer := demo.fetch(host, "/pid")).status_code == 502:
        page(answer)
    assert answer.status_code == 200
    assert answer.text != pid


def page(answer):
    """Give the status of a page of the proxy's own, which names the request."""
    assert answer.headers["x-request-id"] in answer.text
    return answer.status_code
