"""Signatures as keys, time, load and harm go by: right, renewed, or none at all."""

import dns.dnssec
import dns.flags
import dns.rcode
import dns.rdatatype
import pytest
from msgspec.structs import replace
from signed_zones import CASES, NOW, RECORDS, TCP, Scene, split, told
from zonekeys import made

from domicile.model.records import Cluster
from domicile.model.zone_records import Challenge, ChallengeMode, KeyState, Zone


@pytest.fixture
def start(tmp_path):
    """Start name servers with these keys and this of their own."""
    scenes = []

    def start(keys, **own):
        scenes.append(Scene(tmp_path / str(len(scenes)), keys, **own))
        return scenes[-1]

    yield start
    for each in scenes:
        each.replica.close()


def test_two_keys_that_roll_fit_into_a_datagram(start):
    scene = start([*split("apps.test"), *split("apps.test", now=2.0)])
    found = scene.judged("apps.test", "DNSKEY")
    assert len(found.answer[0]) == 4
    assert len(found.to_wire()) <= 1232


@pytest.mark.parametrize("state", list(KeyState))
def test_a_key_in_each_state_does_its_part(start, state):
    old = made("apps.test")
    new = made("apps.test", state=state, now=2.0)
    scene = start([old, new])
    for name, rdtype in [case[:2] for case in CASES]:
        scene.judged(name, rdtype)
    shown = {
        dns.dnssec.key_id(each) for each in scene.ask("apps.test", "DNSKEY").answer[0]
    }
    hidden = state in {KeyState.INTRODUCED, KeyState.WITHDRAWN}
    assert shown == ({old.tag} if hidden else {old.tag, new.tag})
    (cds,) = scene.ask("apps.test", "CDS").answer[0]
    used = state in {KeyState.READY, KeyState.ACTIVE}
    assert cds.key_tag == (new if used else old).tag


def test_a_zone_that_leaves_asks_its_parent_to_take_the_ds_away(start):
    """RFC 8078 4."""
    scene = start([replace(made("apps.test"), leaving=True)])
    (cds,) = scene.judged("apps.test", "CDS").answer[0]
    assert cds.to_text() == "0 0 0 00"
    (cdnskey,) = scene.judged("apps.test", "CDNSKEY").answer[0]
    assert cdnskey.to_text() == "0 3 0 AA=="
    assert scene.judged("hello.ada.apps.test").answer


def test_keys_that_come_and_go_are_seen_at_once(start):
    scene = start([])
    assert len(scene.ask("mail.apps.test").answer) == 1
    scene.put([made("apps.test")])
    scene.replies.serial()
    scene.judged("mail.apps.test")
    assert len(scene.ask("mail.apps.test").answer) == 2
    scene.put([])
    scene.replies.serial()
    assert len(scene.ask("mail.apps.test").answer) == 1


@pytest.mark.parametrize("sealing_key", [None, bytes(32)])
def test_what_cannot_be_unsealed_is_said_and_nothing_bogus(start, sealing_key):
    scene = start([made("apps.test")], sealing_key=sealing_key)
    for name in ("hello.ada.apps.test", "eve.apps.test", "x.child.apps.test"):
        found = scene.ask(name)
        assert found.rcode() == dns.rcode.SERVFAIL
        (error,) = found.extended_errors()
        assert error.code == 10
        assert "sealing" in error.text
    assert scene.ask("hello.ada.apps.test", dnssec=False).answer
    assert scene.ask("host.plain.test").answer


def test_signatures_are_made_once_and_renewed_days_before_they_expire(start):
    scene = start([made("apps.test")])

    def signature():
        return scene.ask("mail.apps.test", client=TCP).answer[1][0]

    first = signature()
    assert first.inception <= NOW - 3600
    assert NOW + 3 * 86400 < first.expiration <= NOW + 7 * 86400
    assert signature() == first
    for _ in range(30):
        scene.now += 86400 // 2
        found = scene.judged("mail.apps.test", client=TCP).answer[1][0]
        assert found.expiration >= scene.now + 3 * 86400
    assert signature() != first


def test_a_clock_that_is_set_back_leaves_no_signature_of_the_future(start):
    scene = start([made("apps.test")])
    scene.judged("mail.apps.test", client=TCP)
    scene.now -= 7200
    scene.judged("mail.apps.test", client=TCP)


def test_what_is_remembered_is_signed_anew_though_nothing_changes(start):
    scene = start([made("apps.test")])
    first = scene.ask("mail.apps.test").answer[1][0]
    scene.replies.serial()
    assert scene.ask("mail.apps.test").answer[1][0] == first
    scene.now += 7 * 86400
    # As a worker does each second.
    scene.replies.serial()
    scene.judged("mail.apps.test")


def test_a_flood_of_names_that_are_not_there_spends_its_own_budget(start):
    scene = start([made("apps.test"), made("two.test")], signatures=20)
    scene.judged("mail.apps.test")
    answers = [scene.ask(f"n{number}.apps.test") for number in range(60)]
    cut = [each for each in answers if each.flags & dns.flags.TC]
    assert len(cut) == 40
    assert not any(each.answer or each.authority for each in cut)
    # What was signed before is given on, what is there is signed, and TCP has its own.
    assert scene.judged("n3.apps.test").authority
    assert scene.judged("hello.ada.apps.test").answer
    assert scene.judged("n59.apps.test", client=TCP).authority
    for number in range(60, 100):
        last = scene.ask(f"n{number}.apps.test", client=TCP)
    assert last.rcode() == dns.rcode.SERVFAIL
    assert "ask again" in last.extended_errors()[0].text
    scene.now += 1
    assert scene.judged("n99.apps.test").authority


def test_a_flood_of_names_that_are_not_there_is_not_remembered(start):
    scene = start([made("apps.test")])
    for number in range(20):
        scene.ask(f"n{number}.apps.test")
    assert len(scene.replies.remembered) == 0
    scene.ask("hello.ada.apps.test")
    scene.ask("hello.ada.apps.test", "AAAA")
    assert len(scene.replies.remembered) == 2


class Broken:
    """A replica that cannot be read any more."""

    def behind_as_open(self):
        return False

    def view(self):
        raise OSError("no disk")


def test_without_records_nothing_unsigned_is_given_out_of_a_signed_zone(start):
    scene = start([made("apps.test")])
    scene.ask("mail.apps.test", client=TCP)
    scene.replies._replica = Broken()
    assert scene.ask("mail.apps.test", client=TCP).rcode() == dns.rcode.SERVFAIL
    assert scene.ask("mail.apps.test", client=TCP, dnssec=False).answer
    assert scene.ask("host.plain.test", client=TCP).answer


def test_challenges_are_signed_where_they_are_and_their_aliases_too(start):
    only = Zone("two.test", {}, challenges=ChallengeMode.ONLY)
    far = {"challenges": ChallengeMode.DELEGATE, "validation": "two.test"}
    records = [
        Challenge("_acme-challenge.ada.apps.test", {"one": NOW + 9.0}),
        Challenge("ada.apps.test.two.test", {"two": NOW + 9.0}),
    ]
    keys = [made("apps.test"), made("two.test")]
    for zone, value in ((RECORDS[0], "one"), (replace(RECORDS[0], **far), "two")):
        scene = start([*keys, *records, only, zone])
        name = "_acme-challenge.ada.apps.test"
        assert f'"{value}"' in str(scene.judged(name, "TXT").answer)
        scene.judged(name, "A")
        scene.judged("_acme-challenge.hello.ada.apps.test", "TXT")
        scene.judged("_acme-challenge.eve.apps.test", "TXT")
        scene.judged("test.two.test", "TXT")
        scene.judged("ada.apps.test.two.test", "AAAA")
        scene.now += 9
        assert not any(
            each.rdtype == dns.rdatatype.TXT
            for each in scene.judged(name, "TXT").answer
        )


def test_what_proxies_speak_over_tls_is_signed_and_proved(start):
    cluster = Cluster("amber", ("127.0.0.11",), (), alpn=("h2",))
    scene = start([made("apps.test"), cluster])
    assert scene.judged("hello.ada.apps.test", "HTTPS").answer
    proof = scene.judged("hello.ada.apps.test", "TXT").authority
    assert list(told(proof, proofs=True)) == ["hello.ada.apps.test = A HTTPS"]
