"""Answers out of signed zones, as validators see them."""

import dns.flags
import dns.name
import dns.rcode
import dns.rdatatype
import pytest
from signed_zones import CASES, TCP, Scene, split, told
from validation import judge, nsec_of
from zonekeys import made

from domicile.dns.edns import CO
from domicile.dns.keys import Algorithm
from domicile.model.zone_records import KeyState


def both(zone):
    """A zone whose algorithm is rolled: both sign."""
    return [
        made(zone),
        made(zone, state=KeyState.READY, algorithm=Algorithm.ED25519, now=2.0),
    ]


KEYS = {
    "csk": lambda zone: [made(zone)],
    "ksk and zsk": split,
    "ed25519": lambda zone: [made(zone, algorithm=Algorithm.ED25519)],
    "both algorithms": both,
}


@pytest.fixture(scope="module", params=KEYS, ids=list(KEYS))
def scene(request, tmp_path_factory):
    keys = [
        each for zone in ("apps.test", "two.test") for each in KEYS[request.param](zone)
    ]
    scene = Scene(tmp_path_factory.mktemp("signed") / "replica", keys)
    yield scene
    scene.replica.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case[:2]))
def test_an_answer_is_signed_and_a_no_is_proved(scene, case):
    name, rdtype, answers, proofs = case
    found = scene.judged(name, rdtype)
    assert found.rcode() == dns.rcode.NOERROR
    assert not found.flags & dns.flags.TC
    assert list(told(found.answer, proofs=False)) == answers
    assert list(told(found.authority, proofs=True)) == proofs


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case[:2]))
def test_who_does_not_ask_for_signatures_gets_none(scene, case):
    found = scene.ask(*case[:2], dnssec=False)
    for rrset in (*found.answer, *found.authority):
        assert rrset.rdtype != dns.rdatatype.RRSIG
    ends = case[3] or case[2]
    missing = any(e.endswith("~") or e[:3] in {"eve", "nob"} for e in ends)
    assert found.rcode() == (dns.rcode.NXDOMAIN if missing else dns.rcode.NOERROR)


@pytest.mark.parametrize("name", ["eve.apps.test", "lost.apps.test"])
def test_who_can_take_it_is_told_by_the_rcode_too(scene, name):
    """RFC 9824 5.1."""
    found = scene.judged(name, compact=True)
    assert found.rcode() == dns.rcode.NXDOMAIN
    assert found.ednsflags & CO
    assert scene.judged("ada.apps.test", compact=True).rcode() == dns.rcode.NOERROR


def test_a_no_lasts_as_long_as_the_soa_says_and_not_longer(scene):
    """RFC 9077 3."""
    for name in ("eve.apps.test", "ada.apps.test", "x.child.apps.test"):
        ttls = {each.ttl for each in scene.ask(name).authority if each.rdtype != 2}
        assert ttls == {60}


def test_nothing_that_is_signed_lasts_longer_than_the_zone_says(scene):
    assert scene.ask("lasting.apps.test").answer[0].ttl == 3600
    assert {each.ttl for each in scene.ask("apps.test", "DNSKEY").answer} == {3600}


def test_a_question_for_signatures_gets_those_of_one_set(scene):
    """RFC 8482 7."""
    for dnssec in (False, True):
        (found,) = scene.ask("hello.ada.apps.test", "RRSIG", dnssec=dnssec).answer
        assert found.rdtype == dns.rdatatype.RRSIG
        assert {each.type_covered for each in found} == {dns.rdatatype.NSEC}
    assert scene.ask("host.plain.test", "RRSIG").answer == []


def test_names_of_the_longest_kind_are_denied(scene):
    label = "a" * 63
    name = f"{label}.{label}.{label}.{'b' * 50}.apps.test"
    assert scene.judged(name).rcode() == dns.rcode.NOERROR


def test_all_that_is_usual_fits_into_a_datagram(scene):
    for case in CASES:
        assert len(scene.ask(*case[:2]).to_wire()) <= 1232


def test_who_sets_co_gets_the_type_that_was_asked_for(scene):
    for dnssec in (False, True):
        for compact in (False, True):
            for rdtype in ("A", "AAAA"):
                how = {"dnssec": dnssec, "compact": compact}
                for name in ("hi.bob.two.test", "ho.bob.two.test"):
                    found = scene.ask(name, rdtype, **how).answer[0]
                    assert dns.rdatatype.to_text(found.rdtype) == rdtype


def test_what_is_known_without_signatures_is_not_given_to_who_wants_them(scene):
    """Nor are the signatures of one name given to another of the same cluster."""
    for name in ("hi.bob.two.test", "ho.bob.two.test", "no.bob.two.test"):
        for dnssec in (False, True, False, True):
            answer = scene.ask(name, dnssec=dnssec)
            if dnssec:
                judge(answer, scene.keys(), scene.now)


def test_the_proof_of_an_app_ends_before_any_other_name(scene):
    found = scene.ask("hello.ada.apps.test", "TXT")
    nsec = nsec_of(dns.name.from_text("hello.ada.apps.test"), found)
    assert nsec.next.to_text() == r"\000.hello.ada.apps.test."


STRANGE = [
    "*.apps.test", "MaIl.apps.test", "a.*.wild.apps.test", r"\000.mail.apps.test",
    "a.b.c.d.e.apps.test", "_acme-challenge.x.apps.test", "*.two.test", "hi--bob.two.test",
]  # fmt: skip
REFUSALS = {dns.rcode.REFUSED, dns.rcode.FORMERR, dns.rcode.NOTIMP}


def test_whatever_is_asked_a_validator_believes_the_answer(scene):
    keys = scene.keys()
    names = {*(case[0] for case in CASES), *STRANGE}
    for name in sorted(names):
        for rdtype in (*range(1, 66), 99, 128, 255, 257, 65280):
            answer = scene.ask(name, rdtype, client=TCP, compact=rdtype % 2 == 0)
            if answer.rcode() not in REFUSALS:
                assert answer.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}
                judge(answer, keys, scene.now)
