import pytest

from domicile.model.records import Cluster, Owner, Placement
from domicile.model.resolution import (
    Apex,
    Challenged,
    Delegated,
    Empty,
    InCluster,
    Missing,
    NameServer,
    OutOfZone,
    resolve,
)
from domicile.model.zone_records import Challenge, ChallengeMode, Zone

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


VALUE = Challenge("_acme-challenge.ada.apps.test", {"value": 1.0})


@pytest.mark.parametrize(
    "name", ["apps.test", "hello.ada.apps.test", "hello--ada.apps.test", "ada.apps.test",
             f"{APP}.apps.test", "ns1.in.apps.test"],
)  # fmt: skip
def test_a_name_that_exists_has_a_place_for_challenges(views, name):
    labels = ("_acme-challenge", *name.split("."))
    record = VALUE if name == "ada.apps.test" else None
    assert resolve(views.of(*RECORDS, VALUE), labels) == Challenged(ZONE, record)
    assert resolve(views.of(*RECORDS, VALUE), ("x", *labels)) == Missing(ZONE)


@pytest.mark.parametrize(
    "name", ["eve", "other.ada", "x.hello.ada", "n" * 26, "_acme-challenge.ada"]
)
def test_a_name_that_does_not_exist_has_no_challenges(views, name):
    """Promise 8, also where somebody has written a value."""
    host = f"_acme-challenge.{name}.apps.test"
    found = resolve(
        views.of(*RECORDS, Challenge(host, {"value": 1.0})), tuple(host.split("."))
    )
    assert found == Missing(ZONE)


def test_a_zone_that_delegates_says_where_challenges_are(views):
    zone = Zone(
        "apps.test", {}, challenges=ChallengeMode.DELEGATE, validation="validation.test"
    )
    view = views.of(zone, *RECORDS[1:])
    labels = ("_acme-challenge", "ada", "apps", "test")
    assert resolve(view, labels) == Delegated(zone, "ada.apps.test.validation.test")
    assert resolve(view, ("_acme-challenge", "eve", "apps", "test")) == Missing(zone)


def test_a_validation_zone_has_the_names_of_its_challenges_and_those_above(views):
    zone = Zone("validation.test", {}, challenges=ChallengeMode.ONLY)
    challenge = Challenge("ada.apps.test.validation.test", {"value": 1.0})
    view = views.of(zone, challenge, *RECORDS)
    found = {
        name: resolve(view, (*name.split("."), "validation", "test"))
        for name in ("ada.apps.test", "apps.test", "test", "da.apps.test", "ada.apps")
    }
    assert found == {
        "ada.apps.test": Challenged(zone, challenge),
        "apps.test": Empty(zone),
        "test": Empty(zone),
        "da.apps.test": Missing(zone),
        "ada.apps": Missing(zone),
    }


def test_no_app_is_in_a_validation_zone(views):
    zone = Zone("apps.test", {}, challenges=ChallengeMode.ONLY)
    view = views.of(zone, *RECORDS[1:])
    assert resolve(view, ("hello", "ada", "apps", "test")) == Missing(zone)
