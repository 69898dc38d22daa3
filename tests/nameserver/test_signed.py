"""Answers out of signed zones, as validators see them."""

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataset
import dns.rdatatype
import dns.rrset
import pytest
from msgspec.structs import replace
from validation import NXNAME, judge, nsec_of, types_of
from zonekeys import SEALING_KEY, made

from domicile.dns.client import Client, Transport
from domicile.dns.edns import CO
from domicile.dns.keys import Algorithm
from domicile.dns.zonefile import read_zone
from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import Cluster, Owner, Placement, encode
from domicile.model.zone_records import (
    Challenge,
    ChallengeMode,
    KeyRole,
    KeyState,
    Zone,
)
from domicile.nameserver.replies import Own, Replies
from domicile.replica.replica import Replica

NOW = 1_700_000_000
APP = "k" * 26
ADDRESS = bytes((192, 0, 2, 1))
UDP, TCP = Client(Transport.UDP, ADDRESS), Client(Transport.TCP, ADDRESS)
RECORDS = [
    Zone("apps.test", {"ns1.in.apps.test": ("127.0.0.1",)}, landing=("127.0.0.9",)),
    Zone(
        "two.test",
        {"ns1.in.apps.test": ()},
        challenges=ChallengeMode.DELEGATE,
        validation="apps.test",
    ),
    Owner("ada", "apps.test", "free"),
    Owner("bob", "two.test", "free"),
    Placement(APP, "amber", 2, "hello", "ada", "apps.test"),
    Placement("i" * 26, "amber", 2, "hi", "bob", "two.test"),
    Placement("j" * 26, "amber", 2, "ho", "bob", "two.test"),
    Cluster("amber", ("127.0.0.11", "::11"), (), alpn=("h2", "http/1.1")),
    Challenge("_acme-challenge.hello.ada.apps.test", {"a-token": NOW + 1e9}),
]
FILES = {
    "apps.test": """
@           300 SOA   ns1.in admin 1 3600 600 86400 60
@           300 MX    10 mail
mail        300 A     192.0.2.25
lasting   86400 A     192.0.2.26
deep.down   300 TXT   "below two empty names"
*.wild      300 A     192.0.2.1
*.wild      300 TXT   "wild"
*.alias     300 CNAME mail
alias       300 CNAME mail
lost        300 CNAME nobody
far         300 CNAME www.elsewhere.
plain       300 CNAME host.plain.test.
over        300 CNAME no.two.test.
old         300 DNAME new
www.new     300 A     192.0.2.2
child       300 NS    ns.child
ns.child    300 A     192.0.2.54
own         300 NS    own
own         300 A     192.0.2.56
safe        300 NS    ns.safe
safe        300 DS    1 13 2 abababababababababababababababababababababababababababababababab
ns.safe     300 A     192.0.2.55
""",
    "plain.test": """
@           300 SOA   ns admin 1 3600 600 86400 60
@           300 NS    ns
ns          300 A     192.0.2.53
host        300 A     192.0.2.3
back        300 CNAME mail.apps.test.
""",
}


class Scene:
    """A name server with some keys, at a time of the test's."""

    def __init__(self, folder, keys, sealing_key=SEALING_KEY, **own):
        self.now = NOW
        self.replica = Replica.open(folder, writable=True)
        self.put(keys)
        files = [read_zone(apex, text) for apex, text in FILES.items()]
        own = Own({each.apex: each for each in files}, sealing_key=sealing_key, **own)
        self.replies = Replies(self.replica, own=own, clock=lambda: self.now)

    def put(self, keys):
        records = [*RECORDS, *keys]
        changes = [
            Change(serial, each.kind, each.key, each.scope, encode(each), NO_CHAIN)
            for serial, each in enumerate(records, start=1)
        ]
        self.replica.replace(changes, len(changes), NO_CHAIN)
        self.replica.freshness.stamp()

    def ask(
        self, name, rdtype="A", client=UDP, *, dnssec=True, compact=False, size=1232
    ):
        query = dns.message.make_query(
            name, rdtype, want_dnssec=dnssec, use_edns=True, payload=size
        )
        if compact:
            query.ednsflags |= CO
        return dns.message.from_wire(self.reply(query.to_wire(), client))

    def reply(self, wire, client):
        """Reply as a worker does: over UDP by what is known, if it is."""
        if client.is_stream:
            with self.replies.batch() as reply:
                return reply(wire, client)
        self.replies.begin()
        try:
            found = self.known(wire)
            if found is None:
                with self.replies.batch() as reply:
                    found = reply(wire, client)
        finally:
            self.replies.end()
        return found

    def known(self, wire):
        return self.replies.plain.find(wire) or self.replies.remembered.find(wire)

    def keys(self):
        """The DNSKEY RRset of each signed zone."""
        found = {}
        for zone in ("apps.test.", "two.test."):
            answer = self.ask(zone, "DNSKEY").answer
            if answer:
                found[dns.name.from_text(zone)] = answer[0]
        return found

    def judged(self, name, rdtype="A", **how):
        """Ask, and hold the answer against a validator."""
        answer = self.ask(name, rdtype, **how)
        judge(answer, self.keys(), self.now)
        return answer


def split(zone, **more):
    return [made(zone, KeyRole.KSK, **more), made(zone, KeyRole.ZSK, **more)]


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


# name, type, sections without signatures; `~` is a name that is proved not to be there,
# and behind `=` are the types that the proof says the name has.
CASES = [
    ("hello.ada.apps.test", "A", ["hello.ada.apps.test A"], []),
    ("hello--ada.apps.test", "AAAA", ["hello--ada.apps.test AAAA"], []),
    (APP + ".apps.test", "A", [APP + ".apps.test A"], []),
    ("hello.ada.apps.test", "HTTPS", ["hello.ada.apps.test HTTPS"], []),
    ("hello.ada.apps.test", "TXT", [], ["hello.ada.apps.test = A AAAA HTTPS"]),
    (
        "_acme-challenge.hello.ada.apps.test", "TXT",
        ["_acme-challenge.hello.ada.apps.test TXT"], [],
    ),
    (
        "_acme-challenge.hello.ada.apps.test", "A", [],
        ["_acme-challenge.hello.ada.apps.test = TXT"],
    ),
    (
        "_acme-challenge.two.test", "TXT",
        ["_acme-challenge.two.test CNAME"], ["two.test.apps.test ~"],
    ),
    ("ada.apps.test", "A", [], ["ada.apps.test ="]),
    ("eve.apps.test", "A", [], ["eve.apps.test ~"]),
    ("x.hello.ada.apps.test", "A", [], ["x.hello.ada.apps.test ~"]),
    ("apps.test", "A", ["apps.test A"], []),
    ("apps.test", "SOA", ["apps.test SOA"], []),
    ("apps.test", "NS", ["apps.test NS"], []),
    ("apps.test", "DNSKEY", ["apps.test DNSKEY"], []),
    ("apps.test", "CDS", ["apps.test CDS"], []),
    ("apps.test", "CDNSKEY", ["apps.test CDNSKEY"], []),
    ("apps.test", "TXT", [], ["apps.test = A NS SOA MX DNSKEY CDS CDNSKEY"]),
    # RFC 4035 3.1.4.1: the parent is not ours; so "no" is said on this side.
    ("apps.test", "DS", [], ["apps.test = A NS SOA MX DNSKEY CDS CDNSKEY"]),
    ("two.test", "A", [], ["two.test = NS SOA DNSKEY CDS CDNSKEY"]),
    ("mail.apps.test", "A", ["mail.apps.test A"], []),
    ("down.apps.test", "A", [], ["down.apps.test ="]),
    # RFC 9824 3.3: as if the name were there.
    ("a.b.wild.apps.test", "A", ["a.b.wild.apps.test A"], []),
    ("a.b.wild.apps.test", "MX", [], ["a.b.wild.apps.test = A TXT"]),
    ("*.wild.apps.test", "A", ["*.wild.apps.test A"], []),
    ("wild.apps.test", "A", [], ["wild.apps.test ="]),
    ("alias.apps.test", "A", ["alias.apps.test CNAME", "mail.apps.test A"], []),
    ("any.alias.apps.test", "A", ["any.alias.apps.test CNAME", "mail.apps.test A"], []),
    ("alias.apps.test", "CNAME", ["alias.apps.test CNAME"], []),
    ("alias.apps.test", "TXT", ["alias.apps.test CNAME"], ["mail.apps.test = A"]),
    ("lost.apps.test", "A", ["lost.apps.test CNAME"], ["nobody.apps.test ~"]),
    ("far.apps.test", "A", ["far.apps.test CNAME"], []),
    ("plain.apps.test", "A", ["plain.apps.test CNAME", "host.plain.test A"], []),
    ("over.apps.test", "A", ["over.apps.test CNAME"], ["no.two.test ~"]),
    ("back.plain.test", "A", ["back.plain.test CNAME", "mail.apps.test A"], []),
    (
        "www.old.apps.test", "A",
        ["old.apps.test DNAME", "www.old.apps.test CNAME", "www.new.apps.test A"], [],
    ),
    (
        "no.old.apps.test", "A",
        ["old.apps.test DNAME", "no.old.apps.test CNAME"], ["no.new.apps.test ~"],
    ),
    ("old.apps.test", "A", [], ["old.apps.test = DNAME"]),
    ("x.child.apps.test", "A", [], ["child.apps.test NS", "child.apps.test = NS"]),
    ("child.apps.test", "NS", [], ["child.apps.test NS", "child.apps.test = NS"]),
    ("child.apps.test", "DS", [], ["child.apps.test = NS"]),
    ("x.own.apps.test", "A", [], ["own.apps.test NS", "own.apps.test = NS"]),
    ("own.apps.test", "DS", [], ["own.apps.test = NS"]),
    ("hi.bob.two.test", "A", ["hi.bob.two.test A"], []),
    ("no.bob.two.test", "A", [], ["no.bob.two.test ~"]),
    ("x.safe.apps.test", "A", [], ["safe.apps.test NS", "safe.apps.test DS"]),
    ("safe.apps.test", "DS", ["safe.apps.test DS"], []),
    ("hello.ada.apps.test", "NSEC", ["hello.ada.apps.test NSEC"], []),
    # Its own proof would say that there is one.
    ("eve.apps.test", "NSEC", ["eve.apps.test NSEC"], []),
    ("lost.apps.test", "NSEC", ["lost.apps.test CNAME", "nobody.apps.test NSEC"], []),
    ("alias.apps.test", "NSEC", ["alias.apps.test CNAME", "mail.apps.test NSEC"], []),
    ("hello.ada.apps.test", "ANY", ["hello.ada.apps.test HINFO"], []),
    ("eve.apps.test", "ANY", [], ["eve.apps.test ~"]),
    ("host.plain.test", "A", ["host.plain.test A"], []),
]  # fmt: skip


def told(rrsets, *, proofs):
    """Name the sets, but for signatures and the SOA of a no."""
    unsaid = {dns.rdatatype.RRSIG} | ({dns.rdatatype.SOA} if proofs else set())
    for rrset in rrsets:
        name = rrset.name.to_text(omit_final_dot=True)
        if proofs and rrset.rdtype == dns.rdatatype.NSEC:
            types = types_of(rrset[0]) - {dns.rdatatype.NSEC, dns.rdatatype.RRSIG}
            names = [dns.rdatatype.to_text(each) for each in sorted(types)]
            yield f"{name} ~" if types == {NXNAME} else " ".join([name, "=", *names])
        elif rrset.rdtype not in unsaid:
            yield f"{name} {dns.rdatatype.to_text(rrset.rdtype)}"


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


def test_the_proof_of_an_app_ends_before_any_other_name(scene):
    found = scene.ask("hello.ada.apps.test", "TXT")
    nsec = nsec_of(dns.name.from_text("hello.ada.apps.test"), found)
    assert nsec.next.to_text() == r"\000.hello.ada.apps.test."


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
