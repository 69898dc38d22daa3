"""What is answered for the names of a small directory."""

from ipaddress import ip_address

import dns.rdata
import pytest

from domicile.dns.name import fold, name_from_text, name_to_text
from domicile.dns.rdata import Rcode, Rdtype
from domicile.dns.zonefile import read_zone
from domicile.model.records import Cluster, Owner, Placement
from domicile.model.zone_records import Challenge, ChallengeMode, Zone
from domicile.nameserver.answers import answer
from domicile.nameserver.live import Moment


class Records:
    """The records of a directory, in memory: a `ServedView`."""

    def __init__(self, serial=7, behind=False):
        self.serial = serial
        self.behind = behind

    def zone(self, name):
        return {each.name: each for each in (ZONE, BARE, DELEGATING, ONLY)}.get(name)

    def owner(self, name):
        return OWNER if name == OWNER.name else None

    def placed(self, host):
        return PLACEMENT.entries.get(host)

    def placement(self, app):
        return PLACEMENT if app == PLACEMENT.app else None

    def cluster(self, name):
        return AMBER if name == AMBER.name else None

    def challenge(self, name):
        return {each.name: each for each in CHALLENGES}.get(name)

    def has_challenge_below(self, name):
        return any(each.name.endswith("." + name) for each in CHALLENGES)


ZONE = Zone(
    "apps.test",
    {"ns1.in.apps.test": ("127.0.0.1", "::1"), "ns.else.example": ("127.0.0.2",)},
    landing=("127.0.0.9",),
    hostmaster="the.host@apps.test",
    ttl=60,
)
BARE = Zone("bare.test", {})
DELEGATING = Zone(
    "far.test", {}, challenges=ChallengeMode.DELEGATE, validation="only.test"
)
ONLY = Zone("only.test", {}, challenges=ChallengeMode.ONLY)
CHALLENGES = [
    Challenge("_acme-challenge.ada.apps.test", {"one": 50.0, "two": 90.0}),
    Challenge("_acme-challenge.eve.apps.test", {"nobody's": 90.0}),
    Challenge("far.test.only.test", {"far": 90.0}),
]
AMBER = Cluster("amber", ("127.0.0.11", "127.0.0.12", "::11"), (), alpn=("h2",))
OWNER = Owner("ada", "apps.test", "free")
PLACEMENT = Placement("k" * 26, "amber", 2, "hello", "ada", "apps.test")
SOA = ["apps.test SOA"]

# name, type, rcode, answer, authority
CASES = [
    ("hello.ada.apps.test", "A", "NOERROR", ["127.0.0.11", "127.0.0.12"], []),
    ("hello.ada.apps.test", "AAAA", "NOERROR", ["::11"], []),
    ("hello.ada.apps.test", "TXT", "NOERROR", [], SOA),
    ("hello--ada.apps.test", "AAAA", "NOERROR", ["::11"], []),
    ("k" * 26 + ".apps.test", "AAAA", "NOERROR", ["::11"], []),
    # RFC 8020: what has names below it exists.
    ("ada.apps.test", "A", "NOERROR", [], SOA),
    ("in.apps.test", "A", "NOERROR", [], SOA),
    ("eve.apps.test", "A", "NXDOMAIN", [], SOA),
    ("x.hello.ada.apps.test", "A", "NXDOMAIN", [], SOA),
    ("_acme-challenge.apps.test", "TXT", "NOERROR", [], SOA),
    ("_acme-challenge.hello.ada.apps.test", "SOA", "NOERROR", [], SOA),
    ("_acme-challenge.eve.apps.test", "TXT", "NXDOMAIN", [], SOA),
    ("x._acme-challenge.apps.test", "TXT", "NXDOMAIN", [], SOA),
    ("apps.test", "A", "NOERROR", ["127.0.0.9"], []),
    ("apps.test", "AAAA", "NOERROR", [], SOA),
    ("apps.test", "DS", "NOERROR", [], SOA),
    ("bare.test", "NS", "NOERROR", [], ["bare.test SOA"]),
    ("ns1.in.apps.test", "A", "NOERROR", ["127.0.0.1"], []),
    ("ns1.in.apps.test", "AAAA", "NOERROR", ["::1"], []),
    ("ns.else.example", "A", "REFUSED", [], []),
    ("test", "NS", "REFUSED", [], []),
    (".", "NS", "REFUSED", [], []),
]
TYPES = {"A": 1, "NS": 2, "SOA": 6, "TXT": 16, "AAAA": 28, "DS": 43}


def ask(name, rdtype, files=None, **view):
    return answer(
        Records(**view), files or {}, Moment(0), fold(name_from_text(name)), rdtype
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case[:2]))
def test_answers(case):
    name, rdtype, rcode, addresses, authority = case
    found = ask(name, TYPES[rdtype])
    assert found.rcode == Rcode[rcode]
    assert found.authoritative is (rcode != "REFUSED")
    rdatas = [rdata for rrset in found.answer for rdata in rrset.rdatas]
    assert [str(ip_address(rdata)) for rdata in rdatas] == addresses
    assert [
        f"{name_to_text(rrset.name)} {Rdtype(rrset.rdtype).name}"
        for rrset in found.authority
    ] == authority


def soa_of(found):
    (rrset,) = found.answer or found.authority
    return dns.rdata.from_wire(1, 6, rrset.rdatas[0], 0, len(rrset.rdatas[0]))


def test_the_soa_bears_the_serial_that_is_served():
    """RFC 1982: serials of a zone are counted modulo 2**32."""
    assert soa_of(ask("apps.test", Rdtype.SOA)).serial == 7
    assert soa_of(ask("apps.test", Rdtype.SOA, serial=2**32 + 5)).serial == 5


def test_the_soa_names_the_first_server_and_who_is_responsible():
    soa = soa_of(ask("apps.test", Rdtype.SOA))
    assert str(soa.mname) == "ns1.in.apps.test."
    assert str(soa.rname) == r"the\.host.apps.test."
    assert str(soa_of(ask("bare.test", Rdtype.SOA)).rname) == "hostmaster.bare.test."


@pytest.mark.parametrize(("behind", "ttl"), [(False, 30), (True, 5)])
def test_a_no_lasts_shorter_while_we_are_behind(behind, ttl):
    for name in ("eve.apps.test", "ada.apps.test"):
        found = ask(name, Rdtype.A, behind=behind)
        assert [rrset.ttl for rrset in found.authority] == [ttl]
        assert soa_of(found).minimum == ttl


def test_addresses_last_as_long_as_the_zone_says():
    (rrset,) = ask("hello.ada.apps.test", Rdtype.A, behind=True).answer
    assert rrset.ttl == 60


def test_an_app_says_what_is_spoken_over_tls_where_it_lives(monkeypatch):
    (rrset,) = ask("hello--ada.apps.test", Rdtype.HTTPS).answer
    (data,) = rrset.rdatas
    assert dns.rdata.from_wire(1, 65, data, 0, len(data)).to_text() == (
        '1 . alpn="h2" no-default-alpn ipv4hint="127.0.0.11,127.0.0.12" ipv6hint="::11"'
    )
    without = Cluster("amber", AMBER.addresses, ())
    monkeypatch.setattr(Records, "cluster", lambda *_: without)
    assert ask("hello.ada.apps.test", Rdtype.HTTPS).is_no_data


def test_servers_come_with_their_addresses_in_the_zone():
    found = ask("apps.test", Rdtype.NS)
    servers = [name_to_text(rdata) for rdata in found.answer[0].rdatas]
    assert servers == ["ns1.in.apps.test", "ns.else.example"]
    glue = [(name_to_text(each.name), each.rdtype) for each in found.additional]
    assert glue == [("ns1.in.apps.test", 1), ("ns1.in.apps.test", 28)]


@pytest.mark.parametrize(
    ("name", "rcode"),
    [
        (b"\x09apps.test\0", Rcode.REFUSED),
        (b"\x09hello.ada\x04apps\x04test\0", Rcode.NXDOMAIN),
        (b"\x03ada\x09apps.test\0", Rcode.REFUSED),
        (b"\x02\xff\0\x04apps\x04test\0", Rcode.NXDOMAIN),
    ],
)
def test_a_dot_inside_a_label_parts_no_labels(name, rcode):
    assert answer(Records(), {}, Moment(0), name, Rdtype.A).rcode is rcode


FILE = """\
$TTL 300
@ IN SOA ns1.in admin 99 2 3 4 900
@ IN NS ns1.in
@ IN MX 10 mail
@ IN CAA 0 issue "ca.example"
mail IN A 192.0.2.25
hello.ada IN TXT "the operator's"
*.wild IN A 192.0.2.26
old IN CNAME hello.ada
"""
APEX = name_from_text("apps.test")
FILES = {APEX: read_zone("apps.test", FILE)}
ALIAS = "old IN CNAME hello--ada"


def told(found):
    return [
        (name_to_text(each.name), Rdtype(each.rdtype).name, each.ttl)
        for each in found.answer
    ]


def test_a_file_adds_names_and_the_apps_stay():
    mail = ask("apps.test", Rdtype.MX, FILES)
    assert told(mail) == [("apps.test", "MX", 300)]
    assert [name_to_text(each.name) for each in mail.additional] == ["mail.apps.test"]
    app = ask("hello--ada.apps.test", Rdtype.A, FILES)
    assert told(app) == [("hello--ada.apps.test", "A", 60)]
    landing = ask("apps.test", Rdtype.A, FILES)
    assert told(landing) == [("apps.test", "A", 60)]


def test_what_the_file_has_at_a_name_is_all_that_there_is():
    assert told(ask("hello.ada.apps.test", Rdtype.TXT, FILES))
    assert ask("hello.ada.apps.test", Rdtype.A, FILES).is_no_data


def test_an_alias_of_the_file_leads_to_an_app():
    files = {
        APEX: read_zone("apps.test", FILE.replace("old IN CNAME hello.ada", ALIAS))
    }
    found = ask("old.apps.test", Rdtype.A, files)
    assert told(found) == [
        ("old.apps.test", "CNAME", 300),
        ("hello--ada.apps.test", "A", 60),
    ]


def test_a_wildcard_of_the_file_speaks_for_no_name_below_an_owner():
    """RFC 4592 3.3.1: the closest encloser of x.ada is ada, whom the directory has."""
    files = {APEX: read_zone("apps.test", FILE + "* IN A 192.0.2.27\n")}
    assert told(ask("nobody.apps.test", Rdtype.A, files))
    assert ask("x.ada.apps.test", Rdtype.A, files).rcode is Rcode.NXDOMAIN


@pytest.mark.parametrize(("behind", "ttl"), [(False, 300), (True, 5)])
def test_a_wildcard_lasts_shorter_while_we_are_behind(behind, ttl):
    """The name may be an app's by now; what is written for one name stays as it is."""
    wild = ask("new.wild.apps.test", Rdtype.A, FILES, behind=behind)
    assert [each.ttl for each in wild.answer] == [ttl]
    mail = ask("mail.apps.test", Rdtype.A, FILES, behind=behind)
    assert [each.ttl for each in mail.answer] == [300]


def test_the_soa_is_the_files_with_the_serial_that_is_served():
    soa = soa_of(ask("apps.test", Rdtype.SOA, FILES))
    assert (str(soa.rname), soa.serial, soa.minimum) == ("admin.apps.test.", 7, 900)
    behind = ask("eve.apps.test", Rdtype.A, FILES, behind=True)
    assert [each.ttl for each in behind.authority] == [5]


def test_a_zone_may_be_the_files_alone_and_the_longest_that_matches_answers():
    below = read_zone(
        "in.apps.test", "@ 60 IN SOA a b 5 2 3 4 5\n@ 60 IN A 192.0.2.1\n"
    )
    files = FILES | {below.apex: below}
    assert told(ask("in.apps.test", Rdtype.A, files))
    assert soa_of(ask("in.apps.test", Rdtype.SOA, files)).serial == 5
    assert ask("ns1.in.apps.test", Rdtype.A, files).rcode is Rcode.NXDOMAIN


@pytest.mark.parametrize(
    ("name", "code"),
    [("hello.ada.apps.test", 3), ("eve.ada.apps.test", 19), ("example.com", 20)],
)
def test_who_is_behind_says_so(name, code):
    """RFC 8914 4.4, 4.20: an answer that may be stale, and a no that may be."""
    (error,) = ask(name, Rdtype.A, behind=True).errors
    assert error.code == code
    assert not ask("hello.ada.apps.test", Rdtype.A).errors


def test_a_server_without_records_says_that_it_has_none():
    view = Records(serial=0, behind=True)
    view.zone = lambda _: None
    found = answer(view, {}, Moment(0), name_from_text("hello.ada.apps.test"), Rdtype.A)
    assert (found.rcode, found.errors[0].code) == (Rcode.REFUSED, 14)


@pytest.mark.parametrize(
    ("name", "rcode"),
    [
        ("mail.apps.test", "NOERROR"),
        ("hello.ada.apps.test", "REFUSED"),
        ("apps.test", "REFUSED"),
        ("example.com", "REFUSED"),
    ],
)
def test_without_records_a_file_denies_no_name_that_may_be_an_apps(name, rcode):
    """Promise 5: never a confident no."""
    view = Records(serial=0, behind=True)
    view.zone = lambda _: None
    file = read_zone("apps.test", "@ SOA a b 1 2 3 4 5\nmail A 192.0.2.25\n")
    files = {file.apex: file}
    found = answer(view, files, Moment(0), name_from_text(name), Rdtype.A)
    assert found.rcode is Rcode[rcode]


def texts(name, now, files=None):
    found = answer(
        Records(), files or {}, Moment(now), name_from_text(name), Rdtype.TXT
    )
    assert found.rcode is Rcode.NOERROR
    return [rdata[1:] for each in found.answer for rdata in each.rdatas], found


@pytest.mark.parametrize(
    ("now", "expected"), [(49, [b"one", b"two"]), (50, [b"two"]), (90, [])]
)
def test_a_challenge_is_answered_until_it_ends_and_briefly(now, expected):
    values, found = texts("_acme-challenge.ada.apps.test", now)
    assert values == expected
    assert {each.ttl for each in found.answer} <= {5}


def test_a_delegated_challenge_is_found_behind_its_alias():
    _, found = texts("_acme-challenge.far.test", 49)
    assert told(found) == [
        ("_acme-challenge.far.test", "CNAME", 60), ("far.test.only.test", "TXT", 5),
    ]  # fmt: skip
    # An update client asks for the zone that way: RFC 1034 4.3.2, the chain's last.
    found = ask("_acme-challenge.far.test", Rdtype.SOA)
    assert [name_to_text(each.name) for each in found.authority] == ["only.test"]


def test_what_only_a_file_has_can_have_challenges_too():
    name = "_acme-challenge.mail.apps.test"
    assert ask(name, Rdtype.TXT).rcode is Rcode.NXDOMAIN
    assert texts(name, 0, FILES)[0] == []
