"""The API's client against directories that hang, and what is no directory."""

import contextlib
import http.server
import socket
import threading

import pytest

from domicile.client.access import Access
from domicile.client.api import Api, NotAnApi, Refused, Unreachable

PATIENCE = 20


class Directory(http.server.ThreadingHTTPServer):
    """Answers every GET by one text, once it may."""

    def __init__(self, text):
        super().__init__(("127.0.0.1", 0), Answer)
        self.text = text
        self.may_answer = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.may_answer.wait(PATIENCE)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.text)

    def log_message(self, *said):
        pass


@contextlib.contextmanager
def directory(text=b'{"rows": []}'):
    with Directory(text) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.may_answer.set()
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def api(url, **more):
    opened = Api(Access(url, "token"), **more)
    try:
        yield opened
    finally:
        opened.close()


def test_who_waits_for_a_directory_that_hangs_is_told_so():
    lines = []
    with directory() as hung:

        def hear(line):
            lines.append(line)
            hung.may_answer.set()

        with api(hung.url, on_slow=hear) as opened:
            assert opened.get("/apps") == {"rows": []}
    assert lines == [
        f"the directory at {hung.url} has not answered yet: waiting for it"
    ]


def test_a_wait_that_was_asked_for_is_not_slow():
    lines = []
    with directory() as waiting, api(waiting.url, on_slow=lines.append) as opened:
        threading.Timer(2.5, waiting.may_answer.set).start()
        assert opened.get("/moves/m", wait=20) == {"rows": []}
    assert lines == []


def test_a_directory_that_takes_no_connection_is_given_up_soon():
    with contextlib.ExitStack() as opened, socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(3):
            filler = opened.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with (
            api(url) as client,
            pytest.raises(Unreachable, match="did not take a connection in 5 s"),
        ):
            client.get("/apps")


@pytest.mark.parametrize("text", [b"<html>", b"[1]", b"\xff", b'"\xff"'])
def test_what_answers_otherwise_is_no_directory(text):
    with directory(text) as other, api(other.url) as opened:
        other.may_answer.set()
        with pytest.raises(NotAnApi, match="is no directory"):
            opened.get("/apps")


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://127.0.0.1:x", "directory.test", "ftp://x.test"]
)
def test_what_is_no_url_is_said_to_be_none(url):
    with pytest.raises(NotAnApi, match="is no URL of a directory"), api(url) as opened:
        opened.get("/apps")


def test_text_that_is_none_is_refused():
    with (
        directory() as anyone,
        api(anyone.url) as opened,
        pytest.raises(Refused, match="is not text in UTF-8"),
    ):
        opened.post("/owners", {"name": "\udcff"})
