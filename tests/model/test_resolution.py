import pytest

from domicile.model.records import App, AppState, Cluster, Owner, Placement, Zone
from domicile.model.resolution import (
    Apex,
    Empty,
    InCluster,
    Missing,
    NameServer,
    OutOfZone,
    resolve,
)

APP = "k" * 26
ZONE = Zone("apps.test", {"ns1.in.apps.test": ("127.0.0.1",), "ns.else.example": ()})
PAID = Zone("paid.apps.test", {})
AMBER = Cluster("amber", ("127.0.0.11",), ())
FOUND = InCluster(ZONE, APP, 2, AMBER)
RECORDS = [
    ZONE,
    PAID,
    AMBER,
    Owner("ada", "apps.test", "free"),
    App(APP, "hello", "ada", "apps.test", 2, AppState.RUNNING),
    Placement(APP, "amber", 2),
    App("l" * 26, "failed", "ada", "apps.test", 1, AppState.FAILED),
    App("m" * 26, "lost", "ada", "apps.test", 1, AppState.RUNNING),
    Placement("m" * 26, "dropped", 1),
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hello.ada.apps.test", FOUND),
        ("hello--ada.apps.test", FOUND),
        (f"{APP}.apps.test", FOUND),
        ("apps.test", Apex(ZONE)),
        ("paid.apps.test", Apex(PAID)),
        ("ns1.in.apps.test", NameServer(ZONE, ("127.0.0.1",))),
        # RFC 8020: what has names below it exists.
        ("ada.apps.test", Empty(ZONE)),
        ("in.apps.test", Empty(ZONE)),
        ("eve.apps.test", Missing(ZONE)),
        ("other.ada.apps.test", Missing(ZONE)),
        ("other--ada.apps.test", Missing(ZONE)),
        ("x.hello.ada.apps.test", Missing(ZONE)),
        (f"{'n' * 26}.apps.test", Missing(ZONE)),
        ("failed.ada.apps.test", Missing(ZONE)),
        ("lost.ada.apps.test", Missing(ZONE)),
        ("ns1.apps.test", Missing(ZONE)),
        # An owner has one zone: the longest match answers, and ada is not there.
        ("hello.ada.paid.apps.test", Missing(PAID)),
        ("ada.paid.apps.test", Missing(PAID)),
        ("test", OutOfZone()),
        ("", OutOfZone()),
        ("hello.ada.example", OutOfZone()),
    ],
)
def test_resolve(views, name, expected):
    labels = tuple(name.split(".")) if name else ()
    assert resolve(views.of(*RECORDS), labels) == expected
