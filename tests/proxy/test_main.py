"""A whole proxy, in processes of its own."""

import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from domicile.config import BadConfiguration
from domicile.model.changes import Change
from domicile.model.feed import Begin, decode_ask, encode_answer
from domicile.model.records import (
    Endpoint,
    EndpointState,
    Residence,
    ResidenceState,
    encode,
)
from domicile.proxy.main import main

ID = "a" * 26
CHAIN = b"c" * 16
HOST = "hello.ada.apps.test"
START = (
    "import sys, pathlib; from domicile.proxy.main import main;"
    " sys.exit(main(pathlib.Path(sys.argv[1])))"
)


class Manager(BaseHTTPRequestHandler):
    """Serves the feed of one app that lives here; every question is kept."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/feed":
            self.send_error(404)
            return
        ask = decode_ask(body)
        self.server.asks.append(ask)
        if ask.after == 0:
            answer = encode_answer(Begin(0, 2, CHAIN, snapshot=True), self.server.told)
        else:
            time.sleep(0.1)
            answer = encode_answer(Begin(ask.after, ask.after, CHAIN), [])
        found = b"".join(answer)
        self.send_response(200)
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        self.wfile.write(found)

    def log_message(self, *_):
        """Keep silent."""


class App(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_):
        """Keep silent."""


@pytest.fixture
def app():
    server = ThreadingHTTPServer(("127.0.0.1", 0), App)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def manager(app):
    here = Residence(ID, "amber", 1, ResidenceState.HERE, hosts=(HOST,))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Manager)
    server.daemon_threads = True
    server.asks = []
    server.told = [
        Change(serial, record.kind, record.key, record.scope, encode(record), CHAIN)
        for serial, record in enumerate(
            [here, Endpoint(ID, 1, EndpointState.RUNNING, "127.0.0.1", app)], 1
        )
    ]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def managed(manager, config_file):
    """The proxy will find its manager."""
    text = config_file.read_text()
    port = manager.server_address[1]
    config_file.write_text(text.replace('127.0.0.1:1"', f'127.0.0.1:{port}"'))
    return manager


@pytest.fixture
def config_file(tmp_path):
    (tmp_path / "token").write_text("a token\n")
    path = tmp_path / "proxy.toml"
    path.write_text(
        f'name = "amber-1"\ncluster = "amber"\ndata = "{tmp_path}"\ntoken_file = "{tmp_path}/token"\n'
        'manager = "http://127.0.0.1:1"\n'
        'listen = ["127.0.0.1:0"]\nlink = "127.0.0.1:0"\nadmin = "127.0.0.1:0"\n'
    )
    return path


@pytest.fixture
def proxy(config_file):
    """A running proxy whose manager is down; gives the process and its public port."""
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(config_file)],
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(process.stderr))
    for line in process.stderr:
        if line.startswith("{") and json.loads(line)["event"] == "listening":
            told = json.loads(line)
            port = int(told["public"][0].rpartition(":")[2])
            process.admin = f"http://{told['admin']}"
            break
    reader.start()
    process.lines = lines
    yield process, port
    process.terminate()
    process.wait()
    reader.join()
    process.stderr.close()
    assert "Traceback" not in "".join(lines), "".join(lines)


@pytest.fixture
def logging_all(config_file):
    """The proxy will log every request."""
    config_file.write_text(config_file.read_text() + "log_requests = true\n")


@pytest.fixture
def known(records, app):
    """The replica of a proxy that ran before."""
    records.live(app)
    records.replica.close()


def get(port, host):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/", headers={"Host": host})
    answer = connection.getresponse()
    found = answer.status, answer.read(), answer.getheader("Retry-After")
    connection.close()
    return found


@pytest.mark.usefixtures("known")
def test_a_proxy_started_without_its_manager_serves_what_it_knew_and_ends(proxy):
    process, port = proxy
    for _ in range(8):
        assert get(port, HOST)[:2] == (200, b"hello")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


@pytest.mark.usefixtures("known")
def test_operators_read_the_sums_of_all_workers_and_how_far_the_replica_is(proxy):
    process, port = proxy
    for _ in range(8):
        assert get(port, HOST)[0] == 200
    assert get(port, "bad..name")[0] == 400
    lines = httpx.get(f"{process.admin}/metrics").text.splitlines()
    assert 'domicile_proxy_requests_total{outcome="app"} 8.0' in lines
    assert 'domicile_proxy_responses_total{status="4xx"} 1.0' in lines
    assert "domicile_proxy_in_flight 0.0" in lines
    assert "domicile_proxy_serial 2.0" in lines
    told = {line.split()[0] for line in lines}
    assert told >= {"domicile_proxy_behind", "domicile_proxy_lag_seconds"}


@pytest.mark.usefixtures("known")
def test_every_request_is_a_line_of_json_where_that_is_set(logging_all, proxy):
    process, port = proxy
    assert get(port, HOST)[0] == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    lines = [json.loads(line) for line in process.lines]
    (line,) = [each for each in lines if each["event"] == "request"]
    assert (line["service"], line["cluster"], line["host"]) == ("proxy", "amber", HOST)
    assert (line["method"], line["path"], line["status"]) == ("GET", "/", 200)
    assert line["worker"].startswith("worker-")


def test_a_proxy_that_never_heard_of_its_manager_says_unavailable(proxy):
    _, port = proxy
    status, page, retry_after = get(port, HOST)
    assert (status, retry_after) == (503, "1")
    assert HOST.encode() not in page


def test_a_proxy_serves_what_its_manager_tells_and_every_worker_says_so(managed, proxy):
    """Until it is told, it is unavailable; never is the app unknown."""
    _, port = proxy
    while (answer := get(port, HOST))[0] == 503:
        pass
    assert answer[:2] == (200, b"hello")
    seen = {}
    while seen != {"worker-0": 2, "worker-1": 2}:
        time.sleep(0.05)
        notes = managed.asks[-1].notes
        seen = {worker: note.serial for worker, note in notes.items()}
    assert managed.asks[-1].cluster == "amber"


def test_its_manager_is_told_which_apps_were_asked(managed, proxy):
    """Each request changes what is told; with none it is told for some seconds more."""
    _, port = proxy
    while get(port, HOST)[0] == 503:
        pass

    def marks():
        told = [note.active for note in managed.asks[-1].notes.values()]
        return sorted(each[ID] for each in told if ID in each)

    while not (before := marks()):
        time.sleep(0.05)
    assert get(port, HOST)[0] == 200
    while marks() == before:
        time.sleep(0.05)


def test_a_proxy_that_serves_without_a_certificate_is_not_well(managed, proxy):
    """It could not forward; its manager here gives none."""
    process, _ = proxy
    while (
        "behind" in (answer := httpx.get(f"{process.admin}/healthz")).json()["message"]
    ):
        time.sleep(0.05)
    assert answer.status_code == 503
    assert "no link certificate" in answer.json()["message"]


def test_a_missing_token_is_one_sentence_that_names_the_key(config_file, tmp_path):
    (tmp_path / "token").unlink()
    with pytest.raises(BadConfiguration, match="token_file"):
        main(config_file)
