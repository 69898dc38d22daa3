"""Updates as a name server takes them, with a directory that says what a test wants."""

import asyncio

import dns.edns
import dns.message
import dns.rcode
import dns.tsig
import dns.update
import pytest

from domicile.dns.client import Client, Transport
from domicile.dns.zonefile import read_zone
from domicile.model.challenges import Action, Change, Requirement, Updated
from domicile.model.changes import NO_CHAIN
from domicile.model.changes import Change as Stored
from domicile.model.records import Cluster, Owner, Placement, encode
from domicile.model.zone_records import ChallengeMode, Zone
from domicile.nameserver.courier import NotDone, NotTaken
from domicile.nameserver.keyring import PER_SECOND
from domicile.nameserver.replies import Own
from domicile.nameserver.updates import MOST_OF_ONE_KEY, Updates
from domicile.replica.replica import Replica

SECRET = b"s" * 32
CLIENT = Client(Transport.UDP, bytes((127, 0, 0, 1)))
AT = "_acme-challenge.ada.apps.test"


RECORDS = [
    Zone("apps.test", {}),
    Zone("eu.apps.test", {}),
    Zone("far.test", {}, challenges=ChallengeMode.DELEGATE, validation="only.test"),
    Zone("lost.test", {}, challenges=ChallengeMode.DELEGATE, validation="x.example"),
    Zone("only.test", {}, challenges=ChallengeMode.ONLY),
    Owner("ada", "apps.test", "free"),
    Owner("joe", "eu.apps.test", "free"),
    Placement("k" * 26, "amber", 2, "hello", "ada", "apps.test"),
    Cluster("amber", ("127.0.0.11",), ()),
]
NAMES = (
    "ada.apps.test", "hello.ada.apps.test", "mail.apps.test", "far.test",
    "eve.apps.test", "shop.example", "lost.test", "joe.eu.apps.test",
)  # fmt: skip
FILES = {
    zone.apex: zone
    for zone in [read_zone("apps.test", "@ SOA a b 1 2 3 4 5\nmail A 192.0.2.1\n")]
}


def filled(folder, key):
    replica = Replica.open(folder, writable=True)
    changes = [
        Stored(serial, record.kind, record.key, record.scope, encode(record), NO_CHAIN)
        for serial, record in enumerate([*RECORDS, key], start=1)
    ]
    replica.replace(changes, len(changes), NO_CHAIN)
    return replica


@pytest.fixture
def replica(tmp_path, sealed):
    replica = filled(tmp_path / "replica", sealed(*NAMES))
    replica.freshness.stamp()
    yield replica
    replica.close()


@pytest.fixture
async def updates(replica, directory, own):
    updates = Updates(replica, directory, own(FILES))
    yield updates
    await updates.close()


def message(zone="apps.test", secret=SECRET, key="acme"):
    update = dns.update.UpdateMessage(zone)
    update.use_tsig(dns.tsig.Key(key, secret, "hmac-sha256"))
    update.use_edns(0)
    return update


def adding(name=AT, zone="apps.test", value="one", **more):
    update = message(zone, **more)
    update.add(name + ".", 60, "TXT", value)
    return update


async def asked(updates, update, wire=None):
    """Send an update, and give the reply as dnspython reads and verifies it."""
    replied = asyncio.get_running_loop().create_future()
    wire = wire or update.to_wire()
    updates.take(wire, CLIENT, replied.set_result)
    return dns.message.from_wire(await replied, update.keyring, update.mac)


def why(answer):
    return " ".join(option.text for option in answer.options)


async def test_what_a_key_signs_is_brought_and_answered(updates, directory):
    update = message()
    update.absent("_acme-challenge.ada", "TXT")
    update.delete("_acme-challenge.ada", "TXT")
    update.add("_acme-challenge.ada", 60, "TXT", "one")
    answer = await asked(updates, update)
    assert (answer.rcode(), answer.had_tsig) == (dns.rcode.NOERROR, True)
    (brought,) = directory.brought
    assert brought.key == "acme"
    assert bytes.fromhex(brought.mac) == update.mac
    assert brought.requires == (Requirement(AT, False),)
    assert brought.changes == (Change(AT, Action.CLEAR), Change(AT, Action.ADD, "one"))


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        (AT, "apps.test"),
        ("_acme-challenge.hello.ada.apps.test", "apps.test"),
        ("_acme-challenge.mail.apps.test", "apps.test"),
        ("_acme-challenge.joe.eu.apps.test", "eu.apps.test"),
        # As who does not follow aliases writes it, and as who does.
        ("_acme-challenge.far.test", "far.test"),
        ("far.test.only.test", "only.test"),
        ("shop.example.only.test", "only.test"),
    ],
)
async def test_a_key_is_for_its_names_wherever_their_challenges_are(
    updates, name, zone
):
    assert (await asked(updates, adding(name, zone))).rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize(
    ("name", "zone", "rcode", "says"),
    [
        (AT, "test", "NOTAUTH", "test is no zone of ours"),
        (AT, "ada.apps.test", "NOTAUTH", "ada.apps.test is no zone of ours"),
        ("_acme-challenge.joe.eu.apps.test", "apps.test", "NOTZONE", ""),
        ("_acme-challenge.bob.apps.test", "apps.test", "REFUSED", "the key is not for"),
        ("_acme-challenge.apps.test", "apps.test", "REFUSED", "the key is not for"),
        ("hello.ada.apps.test", "apps.test", "REFUSED", "no place for challenges"),
        (
            "_acme-challenge.lost.test",
            "lost.test",
            "REFUSED",
            "write lost.test.x.example",
        ),
        ("_acme-challenge.eve.apps.test", "apps.test", "REFUSED", "no eve.apps.test"),
    ],
)
async def test_what_is_not_done_is_not_brought_and_says_why(
    updates, directory, name, zone, rcode, says
):
    answer = await asked(updates, adding(name, zone))
    assert dns.rcode.to_text(answer.rcode()) == rcode
    assert says in why(answer)
    assert answer.had_tsig
    assert directory.brought == []


async def test_what_was_left_of_a_deleted_app_may_be_removed(updates):
    update = message()
    update.delete("_acme-challenge.eve", "TXT", "one")
    assert (await asked(updates, update)).rcode() == dns.rcode.NOERROR


async def test_who_is_behind_does_not_say_that_there_is_no_such_name(
    directory, own, sealed, tmp_path
):
    """Promise 5: it may be an app's that is not known here yet."""
    behind = filled(tmp_path / "behind", sealed(*NAMES))
    updates = Updates(behind, directory, own(FILES))
    answer = await asked(updates, adding("_acme-challenge.eve.apps.test"))
    assert answer.rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize(
    ("says", "rcode", "text"),
    [
        (NotTaken("the key is gone"), "REFUSED", "the key is gone"),
        (NotDone("not yet with ns2"), "SERVFAIL", "not yet with ns2"),
        (ValueError("a fault"), "SERVFAIL", ""),
        (Updated(0, unmet=0), "YXRRSET", ""),
    ],
)
async def test_what_came_of_it_is_what_the_directory_says(
    updates, directory, says, rcode, text
):
    directory.says = says
    update = adding()
    update.absent(AT + ".", "TXT")
    answer = await asked(updates, update)
    assert dns.rcode.to_text(answer.rcode()) == rcode
    assert why(answer) == text


@pytest.mark.parametrize("more", [{"secret": b"x" * 32}, {"key": "nobody"}])
async def test_what_no_key_of_ours_has_signed_is_not_brought(updates, directory, more):
    replied = []
    updates.take(adding(**more).to_wire(), CLIENT, replied.append)
    assert replied[0][3] & 0xF == dns.rcode.NOTAUTH
    assert directory.brought == []


async def test_without_the_sealing_key_nothing_can_be_verified(replica, directory):
    updates = Updates(replica, directory, Own())
    replied = []
    updates.take(adding().to_wire(), CLIENT, replied.append)
    assert [octets[3] & 0xF for octets in replied] == [dns.rcode.SERVFAIL]
    assert len(replied[0]) == 12


async def test_a_datagram_that_comes_again_is_brought_once_and_answered_each_time(
    updates, directory
):
    directory.may_answer.clear()
    update = adding()
    wire = update.to_wire()
    replied = []
    for ident in (wire[:2], wire[:2], b"\x12\x34"):
        updates.take(ident + wire[2:], CLIENT, replied.append)
    await asyncio.sleep(0)
    assert replied == []
    directory.may_answer.set()
    last = await asked(updates, update, wire)
    assert [octets[:2] for octets in replied] == [wire[:2], wire[:2], b"\x12\x34"]
    assert last.rcode() == dns.rcode.NOERROR
    for octets in replied:
        assert dns.message.from_wire(octets, update.keyring, update.mac).had_tsig
    assert len(directory.brought) in {1, 2}


async def test_one_key_cannot_have_all_the_room(updates, directory):
    directory.may_answer.clear()
    replied = []
    for number in range(MOST_OF_ONE_KEY):
        wire = adding(value=str(number)).to_wire()
        updates.take(wire, CLIENT, replied.append)
    answer = await asked(updates, adding(value="more"))
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert "too many" in why(answer)
    directory.may_answer.set()
    while len(replied) < MOST_OF_ONE_KEY:
        await asyncio.sleep(0)
    assert (await asked(updates, adding(value="more"))).rcode() == dns.rcode.NOERROR


async def test_what_is_no_update_is_not_answered(updates):
    replied = []
    updates.take(b"\0" * 12, CLIENT, replied.append)
    assert replied == []


async def test_who_floods_us_with_signatures_keeps_nobody_from_queries(updates):
    """Each takes time to verify, and they may come from anybody."""
    replied = []
    wire = adding(secret=b"x" * 32).to_wire()
    for _ in range(3 * PER_SECOND):
        updates.take(wire, CLIENT, replied.append)
    assert 2 * PER_SECOND <= len(replied) < 3 * PER_SECOND
    stream = Client(Transport.TCP, CLIENT.address)
    replied.clear()
    updates.take(wire, stream, replied.append)
    assert len(replied) == 1
