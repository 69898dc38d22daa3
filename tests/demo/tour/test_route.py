"""A route is drawn as it was, directly or through a tombstone."""

from domicile.demo.plan import Plan
from domicile.demo.tour.route import Route

AMBER, BIRCH = Plan().clusters
HOST = "hello.ada.apps.test"


def drawn(*route):
    return list(Route(HOST, *route).drawn())


def test_who_asks_dns_goes_directly():
    assert drawn(True, BIRCH, None, "birch", "hello") == [
        "client ── DNS: hello.ada.apps.test? ──> 127.0.0.12 (birch)",
        "  └── GET / ──> proxy in birch",
        "        └──> hello",
    ]


def test_who_does_not_goes_by_the_tombstone():
    assert drawn(False, AMBER, 4, "birch", "hello") == [
        "client ── an address from before ──> 127.0.0.11 (amber)",
        "  └── GET / ──> proxy in amber",
        "        └── link (tombstone, generation 4) ──> proxy in birch",
        "              └──> hello",
    ]
