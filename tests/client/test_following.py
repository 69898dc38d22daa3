"""A log that is followed, from a directory that answers as it is told."""

import http.server
import itertools
import json
import threading
from urllib.parse import parse_qs, urlsplit

import pytest

from domicile.client.access import Access
from domicile.client.api import Api, Refused
from domicile.client.following import follow_log


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(parse_qs(urlsplit(self.path).query))
        status, page = self.server.pages.pop(0)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(page).encode())

    def log_message(self, *said):
        pass


@pytest.fixture
def directory():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def follow(directory):
    said = []
    api = Api(Access(f"http://127.0.0.1:{directory.server_port}", "token"))

    def follow(*pages):
        directory.pages = list(pages)
        found = follow_log(api, "/apps/x/logs", 5, said.append)
        count = sum(bool(page.get("lines")) for _, page in pages)
        lines = [log["lines"] for log in itertools.islice(found, count)]
        return lines, said

    yield follow
    api.close()


def page(cluster, offset, *lines):
    end = f"{cluster}:1-{offset}"
    return 200, {"app": "x", "cluster": cluster, "lines": lines, "end": end}


def problem(status, kind):
    return status, {"type": f"urn:domicile:{kind}", "detail": "so it is"}


def test_every_cluster_s_newest_mark_is_said_again(directory, follow):
    lines, said = follow(
        page("amber", 2, "a"), page("birch", 4, "b"), page("amber", 6, "c"),
        page("amber", 8, "d"),
    )  # fmt: skip
    assert lines == [["a"], ["b"], ["c"], ["d"]]
    assert said == ["the log goes on in birch", "the log goes on in amber"]
    assert [each.get("after") for each in directory.asked] == [
        None, ["amber:1-2"], ["amber:1-2,birch:1-4"], ["amber:1-6,birch:1-4"],
    ]  # fmt: skip


def test_who_does_not_answer_is_waited_for_and_that_is_said_once(follow):
    away = problem(502, "NoAnswer")
    lines, said = follow(page("amber", 2, "a"), away, away, page("amber", 4, "b"))
    assert lines == [["a"], ["b"]]
    assert said == ["so it is: waiting for it"]


def test_what_is_refused_ends_it(follow):
    with pytest.raises(Refused, match="so it is"):
        follow(page("amber", 2, "a"), problem(404, "NotFound"), page("amber", 4, "b"))


def test_what_cannot_be_told_at_first_is_not_waited_for(follow):
    with pytest.raises(Refused, match="so it is"):
        follow(problem(502, "NoAnswer"), page("amber", 2, "a"))
