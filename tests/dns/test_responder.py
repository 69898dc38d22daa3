"""Whole exchanges: any octets in, a reply or silence out."""

import struct

import dns.message
import dns.rdatatype
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domicile.dns.answer import Answer
from domicile.dns.name import name_from_text, offset_of_suffix
from domicile.dns.rdata import Rcode, Rdtype, RRset, Soa, soa
from domicile.dns.responder import respond

APEX = name_from_text("apps.test")
BOB = name_from_text("bob.apps.test")
SOA = RRset(APEX, Rdtype.SOA, 60, (soa(Soa(APEX, APEX, 1, 2, 3, 4, 30)),))
ADDRESSES = tuple(bytes((192, 0, 2, number)) for number in range(100))


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
    reply = dns.message.from_wire(respond(query.to_wire(), look_up, stream=stream))
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
    reply = respond(query.to_wire(), lambda *_: Answer.serv_fail(), stream=stream)
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
    reply = respond(octets, look_up, stream=stream)
    if len(octets) < 12 or octets[2] & 0x80:
        assert reply is None
        return
    assert len(reply) <= (65535 if stream else 1232)
    assert reply[:2] == octets[:2]
    assert (reply[2] & 0xF8) == (octets[2] & 0x78) | 0x80
    assert dns.message.from_wire(reply).flags & dns.flags.QR
    assert respond(reply, look_up) is None


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
    reply = respond(struct.pack("!6H", 1, 0, 1, 0, 0, 0) + question, look_up)
    assert reply[12:].startswith(question)
    assert len(reply) <= 512
