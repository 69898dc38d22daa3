"""Signed zones of every kind of name, a server of them, and what it is to say."""

import dns.message
import dns.name
import dns.rdatatype
from validation import NXNAME, judge, types_of
from zonekeys import SEALING_KEY, made

from domicile.dns.client import Client, Transport
from domicile.dns.edns import CO
from domicile.dns.zonefile import read_zone
from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import Cluster, Owner, Placement, encode
from domicile.model.zone_records import Challenge, ChallengeMode, KeyRole, Zone
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
