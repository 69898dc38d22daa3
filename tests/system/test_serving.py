"""From a name to an answer: what clients do with apps that run."""

import hashlib
import socket
import time

import dns.query
import httpx
import pytest

UPLOAD = "upload.ada.apps.test"
AMBER, BIRCH = "127.0.0.11", "127.0.0.12"
CHAT = "chat.bob.apps.test"

SIZE = 200 << 20
MOST_GROWTH = 40 << 20
PIECE = bytes(range(256)) * 256


def pieces(size):
    for _ in range(size // len(PIECE)):
        yield PIECE


@pytest.fixture(scope="module")
def digest():
    """The SHA-256 of all that is uploaded."""
    seen = hashlib.sha256()
    for piece in pieces(SIZE):
        seen.update(piece)
    return seen.hexdigest()


def test_a_name_finds_its_cluster_over_udp_and_tcp_and_the_app_answers_there(demo):
    for app in ("hello.ada", "chat.bob"):
        host = f"{app}.apps.test"
        home, _ = demo.home_and_other(app)
        address, _ = demo.place(home)
        assert demo.resolve(host) == demo.resolve(host, ask=dns.query.tcp) == address
        assert demo.fetch(host).status_code == 200


def test_a_plan_guides_where_an_app_lives_and_an_operator_decides(demo):
    assert demo.resolve(demo.deploy("first.bob")) == BIRCH
    assert demo.resolve(demo.deploy("second.bob", "--to", "amber")) == AMBER


def test_a_new_app_answers_to_all_its_hosts(demo, stage):
    app = demo.run("app", "show", "stage.ada")
    assert app["state"] == "running"
    assert app["hosts"] == [
        "stage.ada.apps.test", "stage--ada.apps.test", f"{app['id']}.apps.test",
    ]  # fmt: skip
    for host in app["hosts"]:
        answer = demo.fetch(host, "/who")
        assert (answer.text, answer.headers["cluster"]) == ("GET /who", app["cluster"])


def test_hosts_are_the_same_however_they_are_written(demo, stage):
    _, port = demo.place("amber")
    for host in (stage.upper(), f"{stage}.", f"{stage}:{port}"):
        assert demo.fetch(host, "/", at="amber").status_code == 200
    absolute = f"GET http://{stage}/there HTTP/1.1\r\nHost: elsewhere\r\n"
    answer = demo.say(f"{absolute}Connection: close\r\n\r\n".encode())
    assert answer.endswith(b"GET /there")


@pytest.mark.parametrize("chunked", [True, False])
def test_a_large_upload_passes_in_bounded_memory(demo, digest, chunked):
    length = {} if chunked else {"Content-Length": str(SIZE)}
    address, port = demo.place("amber")
    with demo.memory() as memory:
        answer = httpx.post(
            f"http://{address}:{port}/",
            content=pieces(SIZE),
            headers={"Host": UPLOAD} | length,
            timeout=60,
        )
    assert answer.json() == {"length": SIZE, "sha256": digest}
    assert max(memory.growth) < MOST_GROWTH


@pytest.mark.parametrize("how", ["chunks", "bytes"])
def test_a_large_download_passes_in_bounded_memory(demo, stage, digest, how):
    """Also while its reader takes a rest."""
    address, port = demo.place("amber")
    seen, length = hashlib.sha256(), 0
    url = f"http://{address}:{port}/{how}/{SIZE}"
    with (
        demo.memory() as memory,
        httpx.stream("GET", url, headers={"Host": stage}, timeout=60) as answer,
    ):
        for piece in answer.iter_bytes():
            if not length:
                time.sleep(1.0)
            seen.update(piece)
            length += len(piece)
    assert (length, seen.hexdigest()) == (SIZE, digest)
    assert max(memory.growth) < MOST_GROWTH


def test_people_chat(demo):
    home, _ = demo.home_and_other("chat.bob")
    with demo.chat(CHAT, home) as ann, demo.chat(CHAT, home) as ben:
        ann.send("hello " * 50_000)
        assert ben.recv(timeout=10) == f"{home}: " + "hello " * 50_000
        ben.send("bye")
        ann.recv(timeout=10)
        assert ann.recv(timeout=10) == f"{home}: bye"


def test_head_says_what_get_would_without_its_body(demo, stage):
    got = demo.fetch(stage, "/page")
    asked = demo.fetch(stage, "/page", method="HEAD")
    assert asked.content == b""
    assert asked.headers["content-length"] == str(len(got.content) + 1)


def test_who_expects_to_continue_is_told_so_before_the_body(demo, stage):
    head = (
        f"POST /digest HTTP/1.1\r\nHost: {stage}\r\nContent-Length: 5\r\n"
        "Expect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    with demo.connect("amber") as connection:
        connection.sendall(head.encode())
        assert connection.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hello")
        answer = b""
        while data := connection.recv(1 << 16):
            answer += data
    assert answer.startswith(b"HTTP/1.1 200")
    assert hashlib.sha256(b"hello").hexdigest().encode() in answer


def test_an_app_knows_its_client_s_address_whatever_the_client_says(demo, stage):
    claim = b"X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n"
    answer = demo.say(
        b"GET /origin HTTP/1.1\r\nHost: %b\r\n%bConnection: close\r\n\r\n"
        % (stage.encode(), claim)
    )
    assert answer.endswith(b"\r\n\r\n127.0.0.1")


def test_requests_in_a_row_are_answered_in_a_row(demo, stage):
    line = "GET /{} HTTP/1.1\r\nHost: {}\r\n{}\r\n"
    last = line.format(4, stage, "Connection: close\r\n")
    sent = "".join(line.format(each, stage, "") for each in range(4)) + last
    answer = demo.say(sent.encode())
    assert [answer.index(b"GET /%d" % each) for each in range(5)] == sorted(
        answer.index(b"GET /%d" % each) for each in range(5)
    )


def test_a_client_that_ends_its_sending_early_still_gets_its_answer(demo, stage):
    with demo.connect("amber") as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {stage}\r\n\r\n".encode())
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
