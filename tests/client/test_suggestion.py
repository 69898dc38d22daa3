"""Names that are nearly those of apps, in a list that a directory gives."""

import http.server
import json
import threading

import pytest

from domicile.client.access import Access
from domicile.client.api import Api
from domicile.client.suggestion import nearest

NAMES = ("hello.ada", "upload.ada", "chat.bob")


class Apps(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        rows = [dict(zip(("name", "owner"), each.split("."), strict=True))
                for each in NAMES]  # fmt: skip
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"rows": rows}).encode())

    def log_message(self, *said):
        pass


@pytest.fixture(scope="module")
def api():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Apps) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        api = Api(Access(f"http://127.0.0.1:{server.server_port}", "token"))
        yield api
        api.close()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("helo.ada", "hello.ada"),
        ("hello.bob", ""),
        ("uplaod.ada", "upload.ada"),
        ("chat", "chat.bob"),
        ("cha", ""),
        ("chat.ada", ""),
        ("nobody.ada", ""),
        ("hello.ada", ""),
        ("", ""),
        ("a" * 26, ""),
    ],
)
def test_only_what_is_near_is_suggested(api, name, near):
    assert nearest(api, "app", name) == near


def test_where_nobody_can_be_asked_nothing_is_suggested():
    api = Api(Access("http://127.0.0.1:1", "token"))
    assert nearest(api, "app", "helo.ada") == ""
    api.close()
