import pytest

from domicile.model.records import Cluster, Owner, Placement, Zone
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
FOUND = InCluster(ZONE, 2, AMBER)
MOVING = InCluster(ZONE, 3, AMBER, moves_at=900.5)
RECORDS = [
    ZONE,
    PAID,
    AMBER,
    Owner("ada", "apps.test", "free"),
    Placement(APP, "amber", 2, "hello", "ada", "apps.test"),
    Placement("m" * 26, "dropped", 1, "lost", "ada", "apps.test"),
    Placement("p" * 26, "amber", 3, "packed", "ada", "apps.test", 900.5),
    Placement("q" * 26, "amber", 2, "", "ada", "apps.test"),
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hello.ada.apps.test", FOUND),
        ("hello--ada.apps.test", FOUND),
        (f"{APP}.apps.test", FOUND),
        ("packed.ada.apps.test", MOVING),
        (f"{'p' * 26}.apps.test", MOVING),
        # Its name was given to another.
        (f"{'q' * 26}.apps.test", FOUND),
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
        (f"{APP}.paid.apps.test", Missing(PAID)),
        ("test", OutOfZone()),
        ("", OutOfZone()),
        ("hello.ada.example", OutOfZone()),
    ],
)
def test_resolve(views, name, expected):
    labels = tuple(name.split(".")) if name else ()
    assert resolve(views.of(*RECORDS), labels) == expected
