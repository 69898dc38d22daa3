"""What a secondary is answered, read back by dnspython with its own keys."""

import time
import tracemalloc

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import dns.tsig
import dns.xfr
import dns.zone
import pytest

from domicile.dns.name import name_from_text
from domicile.dns.rdata import Rdtype, RRset
from domicile.dns.transfer import Piece, write_records
from domicile.dns.tsig import Key
from domicile.nameserver.transfers.answering import Outcome, answer
from domicile.nameserver.transfers.journal import GONE, Journal, Node, Source
from domicile.nameserver.transfers.offers import Offer, Transfer, read_offers
from domicile.nameserver.transfers.signature import Signer

APEX = name_from_text("apps.test")
SOA_DATA = name_from_text("ns1.apps.test") + name_from_text("mail.apps.test")
SOA = write_records(APEX, [RRset(APEX, Rdtype.SOA, 60, (SOA_DATA + bytes(20),))]).octets
KEY = dns.tsig.Key("sec.example", "c2VjcmV0", dns.tsig.HMAC_SHA256)
OTHER = dns.tsig.Key("sec.example", "b3RoZXI=", dns.tsig.HMAC_SHA256)
STRANGER = dns.tsig.Key("stranger.example", "c2VjcmV0", dns.tsig.HMAC_SHA256)
LOOPBACK = bytes((127, 0, 0, 1))


def owner(number):
    label = f"app{number}".encode()
    return bytes([len(label)]) + label


def nodes(numbers, last=1):
    found = {}
    for each in numbers:
        rrset = RRset(owner(each) + APEX, Rdtype.A, 60, (bytes([192, 0, 2, last]),))
        found[owner(each)] = Node(write_records(APEX, [rrset]))
    return found


@pytest.fixture
def now():
    return int(time.time())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "zone.db"


@pytest.fixture
def journal(path):
    found = Journal(path)
    found.revise(nodes(range(1000)), Source(SOA, 5, 1, {}))
    yield found
    found.close()


@pytest.fixture
def offers(path, journal):
    return (Offer(APEX, (), Key("sec.example", "hmac-sha256", b"secret"), (), path),)


@pytest.fixture
def ask(offers, now):
    def ask(query, key=KEY, address=LOOPBACK, **more):
        if key is not None:
            query.use_tsig(key)
        return answer(query.to_wire(), address, more.pop("offers", offers), now, **more)

    return ask


def query(rdtype="AXFR", serial=None, name="apps.test", **edns):
    found = dns.message.make_query(name, rdtype, **edns)
    if serial is not None:
        text = f". . {serial} 0 0 0 0"
        found.authority.append(dns.rrset.from_text(f"{name}.", 0, "IN", "SOA", text))
    return found


def read(given, asked, zone=None, serial=None, key=KEY):
    """Take the messages in as a secondary does; every signature is checked."""
    zone = zone or dns.zone.Zone("apps.test")
    rdtype = asked.question[0].rdtype
    context, done, count = None, False, 0
    with dns.xfr.Inbound(zone, rdtype, serial) as inbound:
        for wire in given.messages:
            assert not done
            message = dns.message.from_wire(
                wire, keyring=key, request_mac=asked.mac if key else b"", xfr=True,
                origin=zone.origin, tsig_ctx=context, multi=True, one_rr_per_rrset=True,
            )  # fmt: skip
            assert message.had_tsig is (key is not None)
            assert message.flags & dns.flags.AA
            context = message.tsig_ctx
            done = inbound.process_message(message)
            count += 1
    assert done
    return zone, count


def address_of(zone, number):
    return str(zone.get_rdataset(f"app{number}", "A")[0])


def test_a_whole_zone_is_signed_message_by_message(ask):
    given = ask(asked := query())
    assert given.outcome is Outcome.WHOLE
    zone, count = read(given, asked)
    assert len(zone.nodes) == 1001
    assert count > 1


def test_however_large_a_zone_is_little_of_it_is_in_memory(ask, journal):
    for begin in range(0, 60_000, 10_000):
        some = nodes(range(begin, begin + 10_000), 2)
        journal.revise(some, Source(SOA, 6 + begin, 1, {}))
    given = ask(query())
    tracemalloc.start()
    octets = sum(len(each) for each in given.messages)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert octets > 2**20
    assert most < 2**19


def test_who_has_an_edition_gets_what_changed_since(ask, journal):
    zone, _ = read(ask(asked := query()), asked)
    journal.revise(nodes([1], 9) | {owner(2): GONE}, Source(SOA, 6, 1, {}))
    journal.revise(nodes([3], 9) | nodes([5000]), Source(SOA, 8, 1, {}))
    given = ask(asked := query("IXFR", 5))
    assert given.outcome is Outcome.DIFFERENCES
    read(given, asked, zone, 5)
    assert [address_of(zone, each) for each in (1, 3, 4, 5000)] == [
        "192.0.2.9", "192.0.2.9", "192.0.2.1", "192.0.2.1",
    ]  # fmt: skip
    assert zone.get_node("app2") is None
    assert zone.get_rdataset("@", "SOA")[0].serial == 8


@pytest.mark.parametrize("serial", [5, 6])
def test_who_has_the_newest_or_a_newer_one_gets_its_serial_alone(ask, serial):
    """RFC 1995 2."""
    given = ask(asked := query("IXFR", serial))
    assert given.outcome is Outcome.CURRENT
    (wire,) = given.messages
    reply = dns.message.from_wire(wire, keyring=KEY, request_mac=asked.mac)
    (rrset,) = reply.answer
    assert rrset[0].serial == 5


def test_who_has_one_that_is_not_known_gets_the_whole_zone(ask):
    given = ask(asked := query("IXFR", 3))
    assert given.outcome is Outcome.WHOLE
    zone, _ = read(given, asked, serial=3)
    assert len(zone.nodes) == 1001


def test_edns_is_answered_by_edns(ask):
    given = ask(asked := query("IXFR", 5, use_edns=0))
    (wire,) = given.messages
    reply = dns.message.from_wire(wire, keyring=KEY, request_mac=asked.mac)
    assert reply.edns == 0


def refused(given, asked=None, rcode=dns.rcode.REFUSED):
    (wire,) = given.messages
    key = KEY if asked is not None else False
    mac = asked.mac if asked is not None else b""
    reply = dns.message.from_wire(wire, keyring=key, request_mac=mac)
    assert reply.rcode() == rcode
    assert not reply.answer
    assert reply.flags & dns.flags.QR
    return reply


def told(reply):
    return [(each.code, each.text) for each in reply.options]


def test_without_a_signature_it_is_refused_and_told_why(ask):
    given = ask(query(use_edns=0), key=None)
    assert given.outcome is Outcome.REFUSED
    assert told(refused(given)) == [(18, "it is given to who signs by its key")]


def test_while_its_key_is_not_known_nobody_gets_it(ask, offers):
    """Such as one of the directory's that was removed."""
    unknown = [offers[0]._replace(key=None, key_name="sec.example")]
    refused(ask(query(), offers=unknown), rcode=dns.rcode.NOTAUTH)
    given = ask(query(use_edns=0), key=None, offers=unknown)
    assert told(refused(given)) == [(18, "it is given to who signs by its key")]


def test_from_elsewhere_it_is_refused_and_told_why(ask, path, journal):
    (offer,) = read_offers([Transfer("apps.test", ("192.0.2.0/24",))], path.parent)
    offers = [offer._replace(journal=path)]
    given = ask(query(use_edns=0), key=None, offers=offers)
    assert told(refused(given)) == [(18, "no transfers are given to this address")]
    inside = ask(asked := query(), None, bytes((192, 0, 2, 7)), offers=offers)
    assert len(read(inside, asked, key=None)[0].nodes) == 1001


@pytest.mark.parametrize("name", ["other.test", "app1.apps.test", "."])
def test_of_no_zone_that_is_offered_nothing_is_given(ask, name):
    assert refused(ask(asked := query(name=name)), asked)


def test_names_are_compared_without_case_and_told_as_asked(ask):
    given = ask(asked := query(name="Apps.TEST"))
    assert given.outcome is Outcome.WHOLE
    (first, *_) = given.messages
    reply = dns.message.from_wire(first, keyring=KEY, request_mac=asked.mac, xfr=True)
    assert str(reply.question[0].name) == "Apps.TEST."


def test_of_a_zone_that_is_signed_nothing_is_given(ask, journal):
    journal.note({"withheld": "signed"})
    given = ask(asked := query(use_edns=0))
    assert told(refused(given, asked)) == [
        (21, "the zone is signed as it is asked for")
    ]
    journal.note({"withheld": ""})
    assert ask(query()).outcome is Outcome.WHOLE


def test_before_the_first_edition_it_is_a_passing_failure(ask, offers, tmp_path):
    none = [offers[0]._replace(journal=tmp_path / "none.db")]
    given = ask(asked := query(use_edns=0), offers=none)
    assert given.outcome is Outcome.FAILED
    reply = refused(given, asked, dns.rcode.SERVFAIL)
    assert told(reply) == [(14, "there is no edition of this zone yet")]


def test_while_too_many_go_on_only_what_is_short_is_given(ask):
    given = ask(asked := query(), busy=True)
    refused(given, asked, dns.rcode.SERVFAIL)
    assert ask(query("IXFR", 5), busy=True).outcome is Outcome.CURRENT


@pytest.mark.parametrize(("key", "error"), [(STRANGER, 17), (OTHER, 16)])
def test_a_bad_signature_is_told_unsigned(ask, key, error):
    """RFC 8945 5.2.1, 5.2.2: NOTAUTH, with BADKEY or BADSIG."""
    reply = refused(ask(query(), key=key), rcode=dns.rcode.NOTAUTH)
    assert reply.tsig_error == error
    assert reply.mac == b""


def test_an_algorithm_that_the_key_has_not_is_told(ask):
    key = dns.tsig.Key("sec.example", "c2VjcmV0", dns.tsig.HMAC_SHA512)
    reply = refused(ask(query(), key=key), rcode=dns.rcode.NOTAUTH)
    assert reply.tsig_error == 17


def test_a_wrong_clock_is_told_signed_with_ours(offers, now):
    """RFC 8945 5.2.3."""
    asked = query().to_wire()
    early = now - 3600
    wire = Signer(KEY, b"", early).sign(asked)
    given = answer(wire, LOOPBACK, offers, now)
    (message,) = given.messages
    reply = dns.message.from_wire(message, keyring=False)
    assert reply.rcode() == dns.rcode.NOTAUTH
    assert reply.tsig_error == 18
    assert reply.tsig[0].time_signed == early
    assert int.from_bytes(reply.tsig[0].other, "big") == now
    assert reply.mac


@pytest.mark.parametrize("cut", [1, 20, 40])
def test_what_is_broken_is_a_format_error(offers, now, cut):
    asked = query()
    asked.use_tsig(KEY)
    given = answer(asked.to_wire()[:-cut], LOOPBACK, offers, now)
    (wire,) = given.messages
    assert wire[:2] == asked.to_wire()[:2]
    assert wire[3] & 0x0F == dns.rcode.FORMERR


def test_a_name_with_more_than_a_message_holds_is_cut_between_records(ask, journal):
    rdatas = tuple(bytes([10, 0, one, two]) for one in range(20) for two in range(250))
    rrset = RRset(owner(1) + APEX, Rdtype.A, 60, rdatas)
    piece = write_records(APEX, [rrset])
    assert len(piece.octets) > 65536
    journal.revise({owner(1): Node(Piece(*piece))}, Source(SOA, 6, 1, {}))
    zone, _ = read(ask(asked := query()), asked)
    assert len(zone.get_rdataset("app1", "A")) == 5000
