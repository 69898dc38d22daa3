"""What keys have signed is brought to a directory that answers, or does not."""

import contextlib
import http.server
import json
import threading

import pytest

from domicile.model.challenges import Action, Change, Update, Updated
from domicile.nameserver.courier import Courier, NotDone, NotTaken
from domicile.replica.follower import Source

UPDATE = Update("acme", "01", (Change("_acme-challenge.a.test", Action.ADD, "one"),))


class Directory(http.server.ThreadingHTTPServer):
    """Says what it is told to say, and keeps what was brought."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Conversation)
        self.says = (200, {"serial": 7, "unmet": None})
        self.brought = []
        self.closes = False
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def end(self):
        self.shutdown()
        self.server_close()
        self.thread.join()


class Conversation(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        token = self.headers["Authorization"]
        self.server.brought.append((self.path, token, json.loads(body)))
        status, said = self.server.says
        answer = json.dumps(said).encode() if isinstance(said, dict) else said
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
        # Without a word of it: as a directory does that was started anew meanwhile.
        self.close_connection = self.server.closes

    def log_message(self, *_):
        pass


@pytest.fixture
def directory():
    server = Directory()
    yield server
    server.end()


@pytest.fixture
async def courier(directory):
    source = Source(f"http://127.0.0.1:{directory.server_port}", "secret")
    courier = Courier(source)
    yield courier
    await courier.close()


async def test_an_update_is_brought_under_our_own_token(directory, courier):
    assert await courier.bring(UPDATE) == Updated(7)
    ((path, token, body),) = directory.brought
    assert (path, token) == ("/v1/updates", "Bearer secret")
    assert (body["key"], body["mac"]) == ("acme", "01")
    assert body["changes"] == [
        {"name": "_acme-challenge.a.test", "action": "add", "value": "one"}
    ]


async def test_a_requirement_that_is_not_met_is_told(directory, courier):
    directory.says = (200, {"serial": 0, "unmet": 1})
    assert (await courier.bring(UPDATE)).unmet == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, NotTaken), (400, NotTaken), (409, NotTaken), (401, NotDone),
     (503, NotDone), (507, NotDone)],
)  # fmt: skip
async def test_what_the_directory_says_is_passed_on(directory, courier, status, error):
    directory.says = (status, {"detail": "what was " + "w" * 300})
    with pytest.raises(error, match="what was w") as raised:
        await courier.bring(UPDATE)
    assert len(str(raised.value)) == 200


async def test_an_answer_without_words_is_told_by_its_status(directory, courier):
    directory.says = (502, b"<html>")
    with pytest.raises(NotDone, match="answered 502"):
        await courier.bring(UPDATE)


async def test_a_connection_that_was_closed_meanwhile_is_opened_anew(
    directory, courier
):
    directory.closes = True
    for _ in range(5):
        assert await courier.bring(UPDATE) == Updated(7)


async def test_a_directory_that_is_away_is_told_to_be(directory):
    courier = Courier(Source("http://127.0.0.1:9", "secret"))
    with pytest.raises(NotDone, match="does not answer"):
        await courier.bring(UPDATE)
    await courier.close()
