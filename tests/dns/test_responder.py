"""Whole exchanges: any octets in, a reply or silence out."""

import struct

import dns.edns
import dns.message
import dns.rdatatype
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domicile.dns.answer import Answer
from domicile.dns.client import Client, Transport
from domicile.dns.name import name_from_text, offset_of_suffix
from domicile.dns.rdata import Rcode, Rdtype, RRset, Soa, soa
from domicile.dns.responder import SILENT, Server, respond

APEX = name_from_text("apps.test")
BOB = name_from_text("bob.apps.test")
SOA = RRset(APEX, Rdtype.SOA, 60, (soa(Soa(APEX, APEX, 1, 2, 3, 4, 30)),))
ADDRESSES = tuple(bytes((192, 0, 2, number)) for number in range(100))


UDP = Client(Transport.UDP, bytes((192, 0, 2, 1)))
TCP = UDP._replace(transport=Transport.TCP)


def look_up(name, rdtype) -> Answer:
    """One name with a hundred addresses; below the zone nothing else exists."""
    if offset_of_suffix(name, APEX) is None:
        return Answer.refused()
    if name != BOB:
        return Answer.nx_domain(SOA)
    if rdtype != Rdtype.A:
        return Answer.no_data(SOA)
    return Answer.data(RRset(BOB, Rdtype.A, 60, ADDRESSES))


def ask(name, rdtype, rdclass="IN", *, stream=False, **edns):
    query = dns.message.make_query(name, rdtype, rdclass, **edns)
    reply = dns.message.from_wire(
        respond(query.to_wire(), TCP if stream else UDP, look_up)
    )
    assert query.is_response(reply)
    return reply


# name, type, class, rcode, records in the answer, records in the authority (over TCP)
CASES = [
    ("bob.apps.test", "A", "IN", Rcode.NOERROR, 100, 0),
    ("BOB.Apps.Test", "A", "IN", Rcode.NOERROR, 100, 0),
    ("bob.apps.test", "AAAA", "IN", Rcode.NOERROR, 0, 1),
    # RFC 3597: an unknown type is a type like any other.
    ("bob.apps.test", "TYPE65280", "IN", Rcode.NOERROR, 0, 1),
    ("eve.apps.test", "TYPE65280", "IN", Rcode.NXDOMAIN, 0, 1),
    ("bob.apps.test", "DS", "IN", Rcode.NOERROR, 0, 1),
    ("bob.apps.test", "RRSIG", "IN", Rcode.NOERROR, 0, 1),
    # RFC 8482 4.2
    ("bob.apps.test", "ANY", "IN", Rcode.NOERROR, 1, 0),
    ("eve.apps.test", "ANY", "IN", Rcode.NXDOMAIN, 0, 1),
    ("example.com", "ANY", "IN", Rcode.REFUSED, 0, 0),
    ("example.com", "A", "IN", Rcode.REFUSED, 0, 0),
    (".", "NS", "IN", Rcode.REFUSED, 0, 0),
    ("version.bind", "TXT", "CH", Rcode.REFUSED, 0, 0),
    ("bob.apps.test", "A", "HS", Rcode.REFUSED, 0, 0),
    ("bob.apps.test", "A", "ANY", Rcode.REFUSED, 0, 0),
    ("bob.apps.test", "AXFR", "IN", Rcode.REFUSED, 0, 0),
    ("bob.apps.test", "IXFR", "IN", Rcode.REFUSED, 0, 0),
    ("bob.apps.test", "TYPE0", "IN", Rcode.FORMERR, 0, 0),
    ("bob.apps.test", "OPT", "IN", Rcode.FORMERR, 0, 0),
    ("bob.apps.test", "TYPE128", "IN", Rcode.FORMERR, 0, 0),
    ("bob.apps.test", "MAILB", "IN", Rcode.NOTIMP, 0, 0),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case[:3]))
def test_questions_over_tcp(case):
    name, rdtype, rdclass, *expected = case
    reply = ask(name, rdtype, rdclass, stream=True)
    answers, authorities = sum(map(len, reply.answer)), sum(map(len, reply.authority))
    assert [reply.rcode(), answers, authorities] == expected


@pytest.mark.parametrize("rdtype", ["AXFR", "IXFR"])
def test_transfers_over_udp_are_not_implemented(rdtype):
    assert ask("apps.test", rdtype).rcode() == Rcode.NOTIMP


@pytest.mark.parametrize(
    ("stream", "rcode"), [(False, Rcode.NOTIMP), (True, Rcode.REFUSED)]
)
def test_an_incremental_transfer_tells_its_serial_and_is_refused(stream, rcode):
    """RFC 1995 3: the SOA that the client has is in the authority section."""
    query = dns.message.make_query("apps.test", "IXFR")
    soa = dns.rrset.from_text("apps.test.", 60, "IN", "SOA", "ns1. admin. 1 2 3 4 5")
    query.authority.append(soa)
    reply = respond(
        query.to_wire(), TCP if stream else UDP, lambda *_: Answer.serv_fail()
    )
    assert dns.message.from_wire(reply).rcode() == rcode


def test_any_says_who_told_us_to_say_so_little():
    (rrset,) = ask("bob.apps.test", "ANY").answer
    assert (rrset.rdtype, rrset[0].cpu) == (dns.rdatatype.HINFO, b"RFC8482")


def test_a_version_that_we_do_not_know_gets_no_answer():
    reply = ask("bob.apps.test", "A", use_edns=1)
    assert (reply.rcode(), reply.edns, reply.answer) == (Rcode.BADVERS, 0, [])


@pytest.mark.parametrize("size", [0, 512, 1232, 4096])
def test_a_long_answer_over_udp_sends_the_client_to_tcp(size):
    reply = ask("bob.apps.test", "A", use_edns=0, payload=size)
    assert reply.flags & dns.flags.TC
    assert not reply.answer


def check(octets, *, stream) -> None:
    """What holds for any octets at all."""
    reply = respond(octets, TCP if stream else UDP, look_up)
    if len(octets) < 12 or octets[2] & 0x80:
        assert reply is None
        return
    assert len(reply) <= (65535 if stream else 1232)
    assert reply[:2] == octets[:2]
    assert (reply[2] & 0xF8) == (octets[2] & 0x78) | 0x80
    assert dns.message.from_wire(reply).flags & dns.flags.QR
    assert respond(reply, UDP, look_up) is None


@given(st.binary(max_size=80), st.booleans())
@example(octets=b"", stream=False)
@example(octets=b"\0" * 12, stream=True)
def test_any_octets_are_survived(octets, stream):
    check(octets, stream=stream)


@given(st.binary(max_size=80), st.tuples(*[st.integers(0, 3)] * 4), st.booleans())
def test_any_octets_behind_a_plausible_header_are_survived(body, counts, stream):
    check(struct.pack("!6H", 1, 0, *counts) + body, stream=stream)


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4),
    st.integers(0, 200),
    st.sampled_from(["bob.apps.test", "eve.apps.test", "example.com"]),
    st.booleans(),
)
def test_mutated_queries_are_survived(changes, cut, name, stream):
    query = dns.message.make_query(
        name, "A", use_edns=0, payload=4096, want_dnssec=True
    )
    octets = bytearray(query.to_wire())
    for at, value in changes:
        octets[at % len(octets)] = value
    check(bytes(octets[: max(cut, 12)]), stream=stream)


@given(st.lists(st.binary(min_size=1, max_size=63), max_size=3), st.integers(0, 65535))
def test_every_reply_to_a_good_question_repeats_it(labels, rdtype):
    name = b"".join(bytes((len(label),)) + label for label in labels) + APEX
    question = name + struct.pack("!2H", rdtype, 1)
    reply = respond(struct.pack("!6H", 1, 0, 1, 0, 0, 0) + question, UDP, look_up)
    assert reply[12:].startswith(question)
    assert len(reply) <= 512


NOW = 1_800_000_000
SERVER = Server(b"ns1.test", "9.9", "ns1", (bytes(range(16)),), NOW)
TLS = UDP._replace(transport=Transport.TLS)
CLIENT_COOKIE = b"8 octets"


def ask_server(query, client=UDP, server=SERVER):
    return dns.message.from_wire(respond(query.to_wire(), client, look_up, server))


def with_options(*options, name="bob.apps.test", rdtype="AAAA"):
    options = [dns.edns.GenericOption(*each) for each in options]
    return dns.message.make_query(name, rdtype, use_edns=0, options=options)


def options_of(message):
    return {int(each.otype): each.to_wire() for each in message.options}


def test_a_client_that_comes_with_a_cookie_gets_one_and_may_come_back_with_it():
    first = options_of(ask_server(with_options((10, CLIENT_COOKIE))))[10]
    assert first[:8] == CLIENT_COOKIE
    assert len(first) == 24
    assert options_of(ask_server(with_options((10, first))))[10] == first
    other = UDP._replace(address=bytes((192, 0, 2, 2)))
    assert options_of(ask_server(with_options((10, first)), other))[10] != first


@pytest.mark.parametrize("size", [0, 1, 7, 9, 15, 41])
def test_a_cookie_of_a_wrong_length_is_malformed(size):
    """RFC 7873 5.2.2."""
    reply = ask_server(with_options((10, bytes(size))))
    assert (reply.rcode(), reply.answer, reply.edns) == (Rcode.FORMERR, [], 0)


def test_a_server_without_secrets_knows_no_cookies():
    reply = ask_server(with_options((10, bytes(3))), server=SILENT)
    assert (reply.rcode(), reply.options) == (Rcode.NOERROR, ())


def greeting(*options, version=0):
    query = dns.message.Message(id=7)
    query.use_edns(version, options=[dns.edns.GenericOption(*each) for each in options])
    return query


def test_a_cookie_may_be_asked_for_without_a_question():
    """RFC 7873 5.4."""
    reply = ask_server(greeting((10, CLIENT_COOKIE)))
    assert (reply.rcode(), reply.question, reply.answer) == (Rcode.NOERROR, [], [])
    assert len(options_of(reply)[10]) == 24


@pytest.mark.parametrize(
    ("query", "server", "rcode"),
    [
        (greeting((3, b"")), SERVER, Rcode.FORMERR),
        (greeting((10, bytes(9))), SERVER, Rcode.FORMERR),
        (greeting((10, CLIENT_COOKIE)), SILENT, Rcode.FORMERR),
        (greeting((10, CLIENT_COOKIE), version=1), SERVER, Rcode.BADVERS),
    ],
)
def test_no_other_message_without_a_question_is_well(query, server, rcode):
    assert ask_server(query, server=server).rcode() == rcode


def test_the_name_of_the_server_is_told_to_who_asks_for_it():
    """RFC 5001 2.3: only in answer to an NSID option."""
    assert options_of(ask_server(with_options((3, b"")))) == {3: b"ns1.test"}
    assert options_of(ask_server(with_options())) == {}
    assert options_of(ask_server(with_options((3, b"")), server=SILENT)) == {}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("version.bind", "9.9"),
        ("VERSION.server", "9.9"),
        ("id.server", "ns1"),
        ("hostname.bind", "ns1"),
    ],
)
def test_chaos_tells_what_the_server_is_if_it_may(name, told):
    query = dns.message.make_query(name, "TXT", "CH")
    (rrset,) = ask_server(query).answer
    assert (rrset.rdclass, rrset[0].to_text()) == (dns.rdataclass.CH, f'"{told}"')
    assert ask_server(query, server=SILENT).rcode() == Rcode.REFUSED
    query = dns.message.make_query(name, "A", "CH")
    assert ask_server(query).rcode() == Rcode.REFUSED


@pytest.mark.parametrize(
    ("name", "rdtype", "rdclass", "code"),
    [
        ("example.com", "A", "IN", 20),
        ("bob.apps.test", "TYPE128", "IN", 30),
        ("bob.apps.test", "A", "HS", 21),
        ("authors.bind", "TXT", "CH", 18),
    ],
)
def test_a_refusal_says_why(name, rdtype, rdclass, code):
    """RFC 8914, to who speaks EDNS."""
    query = dns.message.make_query(name, rdtype, rdclass, use_edns=0)
    (error,) = ask_server(query).options
    assert error.code == code
    assert not ask_server(dns.message.make_query(name, rdtype, rdclass)).options


@pytest.mark.parametrize("name", ["bob.apps.test", "eve.apps.test", "example.com"])
def test_replies_are_padded_where_nobody_reads_them_on_the_way(name):
    query = with_options((12, bytes(20)), (3, b""), name=name)
    sizes = {
        client.transport: len(respond(query.to_wire(), client, look_up, SERVER))
        for client in (UDP, TCP, TLS)
    }
    assert sizes[Transport.TLS] == 468
    assert sizes[Transport.UDP] == sizes[Transport.TCP] < 200
    assert ask_server(query, TLS).rcode() == ask_server(query, UDP).rcode()
    unasked = with_options((3, b""), name=name)
    assert len(respond(unasked.to_wire(), TLS, look_up, SERVER)) < 200


def test_what_is_cut_leaves_room_for_the_options():
    query = with_options((10, CLIENT_COOKIE), (3, b""), rdtype="A")
    reply = respond(query.to_wire(), UDP, look_up, SERVER)
    message = dns.message.from_wire(reply)
    assert message.flags & dns.flags.TC
    assert set(options_of(message)) == {3, 10}
