"""A crowd counts who served it, and lets no failure pass."""

import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from rich.console import Console

from domicile.demo.plan import ClusterPlan, Plan
from domicile.demo.tour.crowd import KEPT, STALE, Crowd
from domicile.demo.tour.expectation import Unexpected
from domicile.demo.tour.teller import Teller
from domicile.demo.tour.visitor import Visitor


class Answer(BaseHTTPRequestHandler):
    """An app in amber that answers as its server says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(self.server.status)
        self.send_header("Cluster", "amber")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def app():
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.daemon_threads = True
        server.status = 200
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def crowd(app):
    """At an address from before; nobody answers who asks DNS."""
    amber = ClusterPlan("amber", "127.0.0.1", proxy=app.server_port)
    visitor = Visitor(Plan(clusters=(amber,), nameserver=app.server_port))
    crowd = Crowd(visitor, "hello.ada.apps.test", amber, kinds=(STALE, KEPT))
    yield crowd
    visitor.close()


def shown(crowd):
    output = io.StringIO()
    crowd.show(Teller(Console(file=output), threading.Event()), ["amber"])
    return output.getvalue()


def test_who_served_whom_is_counted(crowd):
    with crowd.asking():
        while min(crowd.served) < 3:
            pass
    assert crowd.clusters == {STALE: {"amber"}, KEPT: {"amber"}}
    for line in shown(crowd).splitlines()[1:]:
        asked, served, failed = line.split()[-3:]
        assert asked == served
        assert failed == "0"


def test_one_failure_is_too_many(app, crowd):
    with crowd.asking():
        while min(crowd.served) < 1:
            pass
        app.status = 503
        while not crowd.failures:
            pass
    with pytest.raises(Unexpected, match=r"and none should.*status 503"):
        shown(crowd)
