import msgspec
import pytest

from domicile.model import records, zone_records

RELEASE = records.Release("r1", "i" * 26, "0" * 64, "python app.py", {"A": "b"})
EXAMPLES = [
    zone_records.Zone("apps.test", {"ns1.apps.test": ("127.0.0.1",)}, ("127.0.0.1",)),
    records.Owner("ada", "apps.test", "free"),
    records.Plan("free", 900.0),
    records.App("i" * 26, "hello", "ada", "apps.test", 1, records.AppState.RUNNING),
    RELEASE,
    records.Cluster("amber", ("127.0.0.11",), ("127.0.0.11:8444",), ("free",)),
    records.Placement("i" * 26, "amber", 1, "hello", "ada", "apps.test", 900.5),
    records.Residence(
        "i" * 26, "amber", 1, records.ResidenceState.HERE, hosts=("a",), release=RELEASE
    ),
    records.Endpoint("i" * 26, 1, records.EndpointState.RUNNING, "127.0.0.11", 9000),
    records.Domain("www.ada.example", "i" * 26),
    records.Authority(records.LINK_AUTHORITY, 1, ("PEM",)),
    zone_records.ZoneKey(
        "apps.test",
        1,
        zone_records.KeyRole.CSK,
        zone_records.KeyState.READY,
        b"\1\1\3\r",
        b"s",
        1.5,
        2.5,
        leaving=True,
    ),
    records.Consent(records.LOSS, 1, {"nameserver/ns1/ns1": b"c" * 16}),
    zone_records.Challenge("_acme-challenge.ada.apps.test", {"value": 7.5}),
    zone_records.UpdateKey("ada", "hmac-sha256", b"sealed", ("ada.apps.test",)),
    zone_records.CookieSecrets((b"sealed",), zone_records.CookieStage.STEADY, 1.5),
]


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: record.kind)
def test_a_record_is_read_back_as_it_was_written(record):
    assert records.decode(record.kind, records.encode(record)) == record


def test_every_kind_is_shown_here():
    assert {record.kind for record in EXAMPLES} == set(records.KINDS)


def test_an_unknown_kind_is_no_error():
    """A follower older than its store keeps what it cannot read."""
    assert records.decode("hologram", b"\x80") is None


def test_only_a_residence_concerns_one_cluster():
    scopes = {record.kind: record.scope for record in EXAMPLES if record.scope}
    assert scopes == {"residence": "amber"}


def test_a_placement_says_where_by_its_name_and_takes_no_more_room_than_it_must():
    placement = records.Placement("i" * 26, "amber", 7, "hello", "ada", "apps.test")
    where = records.Whereabouts("amber", 7)
    assert placement.entries == {"hello.ada.apps.test": where}
    written = records.encode(placement)
    assert len(written) == 1 + 27 + 6 + 1 + 6 + 4 + 10
    assert records.decode("placement", written) == placement
    assert records.encode(where) == b"\x92\xa5amber\x07"
    assert records.decode_entry("placement", records.encode(where)) == where


def test_a_placement_without_a_name_is_found_by_its_id_alone():
    assert records.Placement("i" * 26, "amber", 1, "", "ada", "apps.test").entries == {}


def test_a_scheduled_move_is_said_by_the_name_too():
    placement = records.Placement("i" * 26, "a", 7, "hello", "ada", "z", 900.5)
    (where,) = placement.entries.values()
    assert where == records.Whereabouts("a", 7, 900.5)
    written = records.encode(where)
    assert records.decode_entry("placement", written) == where


def test_an_app_without_a_name_is_found_by_its_id_alone():
    app = records.App("i" * 26, "", "ada", "apps.test", 1, records.AppState.DELETED)
    assert app.index_keys == ()


def test_what_an_earlier_version_wrote_beside_is_read_over():
    """A domain once had the time of its link, which nobody read."""
    old = {"host": "www.ada.example", "app": "a" * 26, "active": True, "linked_at": 7.5}
    found = records.decode("domain", msgspec.msgpack.encode(old))
    assert found == records.Domain("www.ada.example", "a" * 26, active=True)


def test_a_challenge_is_read_until_each_of_its_values_ends():
    challenge = zone_records.Challenge(
        "_acme-challenge.ada.apps.test", {"a": 5.0, "b": 9.0}
    )
    assert challenge.live(4.9) == ("a", "b")
    assert challenge.live(5.0) == ("b",)
    assert challenge.live(9.0) == ()


def test_challenges_below_a_name_follow_it_in_the_order_of_their_keys():
    keys = [
        zone_records.challenge_key(name) for name in ("b.test", "a.b.test", "ab.test")
    ]
    assert keys == ["test.b", "test.b.a", "test.ab"]
    assert [key.startswith("test.b.") for key in keys] == [False, True, False]
