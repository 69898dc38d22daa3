"""The name server as real processes, which follow a feed and outlive it."""

import contextlib
import http.server
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import certificates
import dns.exception
import dns.message
import dns.query
import httpx
import psutil
import pytest

from domicile.config import Address
from domicile.model.changes import NO_CHAIN, Change
from domicile.model.feed import Begin, decode_ask, encode_answer
from domicile.model.records import Cluster, Owner, Placement, encode
from domicile.model.zone_records import Zone
from domicile.service.sockets import Protocol, open_alone, open_for_workers

PATIENCE = 20
ENDS_WITHIN = 7
CHAIN = b"c" * 16
APP = "k" * 26
RECORDS = [
    Zone("apps.test", {"ns1.apps.test": ("127.0.0.1",)}),
    Owner("ada", "apps.test", "free"),
    Placement(APP, "amber", 2, "hello", "ada", "apps.test"),
    Cluster("amber", ("127.0.0.11",), ()),
]
CHANGES = [
    Change(serial, each.kind, each.key, each.scope, encode(each), NO_CHAIN)
    for serial, each in enumerate(RECORDS, start=1)
]


class Directory(http.server.ThreadingHTTPServer):
    """Gives everything to who has nothing, and then nothing new."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Conversation)
        self.asks = []
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def kill(self):
        self.shutdown()
        self.server_close()
        self.thread.join()


class Conversation(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        ask = decode_ask(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asks.append(ask)
        if ask.after:
            time.sleep(0.1)
            answer = encode_answer(Begin(ask.after, ask.after, CHAIN), [])
        else:
            answer = encode_answer(Begin(0, 5, CHAIN, snapshot=True), CHANGES)
        with contextlib.suppress(OSError):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"".join(answer))

    def log_message(self, *_):
        pass


STILL = '@ 60 IN SOA ns host 1 2 3 4 5\n* 60 IN TXT "of the file"\n'


@pytest.fixture
def directory():
    server = Directory()
    yield server
    server.kill()


@pytest.fixture
def address():
    both = (Protocol.UDP, Protocol.TCP)
    listeners = open_for_workers(Address("127.0.0.1", 0), 1, both)
    listeners.close()
    return listeners.address


@pytest.fixture
def admin():
    with open_alone(Address("127.0.0.1", 0)) as probe:
        return Address(*probe.getsockname())


@pytest.fixture
def start(tmp_path, directory, address, admin):
    """Start the name server, and end what still runs at the end."""
    (tmp_path / "token").write_text("secret\n")
    file = tmp_path / "nameserver.toml"
    file.write_text(
        f'name = "ns1"\nlisten = ["{address}"]\nadmin = "{admin}"\n'
        f'directory = "http://127.0.0.1:{directory.server_port}"\n'
        f'token_file = "{tmp_path}/token"\ndata = "{tmp_path}/replica"\n'
        f'[[zones]]\nname = "still.example"\nfile = "{tmp_path}/still.zone"\n'
    )
    (tmp_path / "still.zone").write_text(STILL)
    code = "from domicile.cli.main import main; main()"
    command = [sys.executable, "-c", code, "nameserver", "--config", str(file)]
    started = []

    def start():
        process = subprocess.Popen(command)
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.wait(ENDS_WITHIN)


def asked(address, ask, name="hello.ada.apps.test", rdtype="A"):
    """Ask until there is an answer: the app's cluster."""
    query = dns.message.make_query(name, rdtype)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, EOFError, dns.exception.DNSException):
            reply = ask(query, address.host, port=address.port, timeout=2)
            if reply.answer:
                return str(reply.answer[0][0])
        time.sleep(0.05)
    pytest.fail("no answer")


def answers(address):
    return {asked(address, ask) for ask in (dns.query.udp, dns.query.tcp)}


def test_it_answers_on_without_the_directory_and_after_a_restart(
    start, directory, address
):
    process = start()
    assert answers(address) == {"127.0.0.11"}
    directory.kill()
    assert answers(address) == {"127.0.0.11"}
    process.send_signal(signal.SIGTERM)
    assert process.wait(ENDS_WITHIN) == 0
    start()
    assert answers(address) == {"127.0.0.11"}


def test_it_serves_the_zones_of_files_beside_the_directorys(start, address):
    start()
    for ask in (dns.query.udp, dns.query.tcp):
        assert asked(address, ask, "any.still.example", "TXT") == '"of the file"'
        assert asked(address, ask) == "127.0.0.11"


def test_without_a_directory_it_serves_its_files(start, tmp_path, address, admin):
    """No token, no data, nobody to follow, and well."""
    (tmp_path / "nameserver.toml").write_text(
        f'name = "ns1"\nlisten = ["{address}"]\nadmin = "{admin}"\n'
        f'[[zones]]\nname = "still.example"\nfile = "{tmp_path}/still.zone"\n'
    )
    process = start()
    for ask in (dns.query.udp, dns.query.tcp):
        assert asked(address, ask, "any.still.example", "TXT") == '"of the file"'
    refused = dns.message.make_query("hello.ada.apps.test", "A")
    reply = dns.query.udp(refused, address.host, port=address.port, timeout=5)
    assert reply.rcode() == dns.rcode.REFUSED
    assert httpx.get(f"http://{admin}/healthz").status_code == 200
    assert "domicile_nameserver_" in httpx.get(f"http://{admin}/metrics").text
    process.send_signal(signal.SIGTERM)
    assert process.wait(ENDS_WITHIN) == 0
    assert not (tmp_path / "replica").exists()


@pytest.fixture
def secure(tmp_path, start):
    """Start it with TLS; give where."""
    with open_alone(Address("127.0.0.1", 0)) as probe:
        place = Address(*probe.getsockname())
    certificate, key = certificates.make(tmp_path)
    file = tmp_path / "nameserver.toml"
    file.write_text(
        f'listen_tls = ["{place}"]\ncertificate_file = "{certificate}"\n'
        f'key_file = "{key}"\n{file.read_text()}'
    )
    start()
    return place


def shown(place, context, session=None):
    """Shake hands and ask: the certificate, the session, and whether it was known."""
    query = dns.message.make_query("hello.ada.apps.test", "A").to_wire()
    with (
        socket.create_connection(place) as tcp,
        context.wrap_socket(tcp, session=session) as tls,
    ):
        tls.sendall(len(query).to_bytes(2, "big") + query)
        assert tls.recv(65535)
        return tls.getpeercert(binary_form=True), tls.session, tls.session_reused


def test_it_shows_a_renewed_certificate_and_any_worker_takes_a_ticket(
    secure, address, tmp_path
):
    answers(address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate, session, _ = shown(secure, context)
    assert certificate == certificates.public(files)
    # Each comes from another port, so to either worker.
    assert all(shown(secure, context, session)[2] for _ in range(20))
    certificates.make(tmp_path)
    deadline = time.monotonic() + PATIENCE
    while shown(secure, context)[0] != certificates.public(files):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_answers_on_when_workers_are_killed(start, address):
    process = start()
    assert answers(address) == {"127.0.0.11"}
    children = psutil.Process(process.pid).children()
    assert len(children) == 3
    for child in children:
        child.kill()
    assert answers(address) == {"127.0.0.11"}
    assert process.poll() is None


def test_it_acknowledges_with_its_workers_and_explains(
    start, directory, address, admin
):
    start()
    asked(address, dns.query.udp)
    deadline = time.monotonic() + PATIENCE
    while [note.serial for note in directory.asks[-1].notes.values()] != [5, 5]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert directory.asks[-1].follower == "ns1"
    told = httpx.get(f"http://{admin}/explain?host=hello.ada.apps.test").json()
    assert told == {
        "nameserver": "ns1",
        "serial": 5,
        "behind": False,
        "cluster": "amber",
        "generation": 2,
        "addresses": ["127.0.0.11"],
    }
    assert httpx.get(f"http://{admin}/healthz").status_code == 200
    metrics = httpx.get(f"http://{admin}/metrics").text
    assert "domicile_nameserver_behind 0.0" in metrics
    assert 'domicile_nameserver_answers_total{rcode="noerror"}' in metrics


def test_what_its_sockets_dropped_is_told(start, address, admin):
    """What comes while no worker takes anything in, and finds no room."""
    process = start()
    assert answers(address) == {"127.0.0.11"}
    children = psutil.Process(process.pid).children()
    for child in children:
        child.suspend()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flooding:
        flooding.connect((address.host, address.port))
        for _ in range(5000):
            flooding.send(b"x" * 100)
    for child in children:
        child.resume()
    deadline = time.monotonic() + PATIENCE
    while dropped_at(admin) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def dropped_at(admin):
    metrics = httpx.get(f"http://{admin}/metrics").text
    told = re.search(
        r"^domicile_nameserver_datagrams_dropped_total (\S+)$", metrics, re.MULTILINE
    )
    return float(told[1])
