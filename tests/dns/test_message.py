"""Queries read and replies written, with dnspython on the other side."""

import struct
import sys

import dns.edns
import dns.flags
import dns.message
import pytest

from domicile.dns.answer import Answer
from domicile.dns.message import (
    Edns,
    Ignored,
    Malformed,
    Query,
    parse_query,
    write_refusal,
    write_reply,
)
from domicile.dns.name import name_from_text
from domicile.dns.rdata import Rcode, Rdtype, RRset, Soa, soa

NAME = b"\x03BoB\x04apps\x04test\0"
QUESTION = NAME + b"\0\x01\0\x01"
OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
APEX = name_from_text("apps.test")
SOA = RRset(APEX, Rdtype.SOA, 60, (soa(Soa(APEX, APEX, 1, 2, 3, 4, 30)),))


def packet(body=QUESTION, counts=(1, 0, 0, 0), flags=0x0100) -> bytes:
    return struct.pack("!6H", 7, flags, *counts) + body


def addresses(count, name=NAME) -> RRset:
    rdatas = tuple(bytes((192, 0, 2, number)) for number in range(count))
    return RRset(name, Rdtype.A, 60, rdatas)


def opt(ttl=0, size=1232, options=b"", owner=b"\0") -> bytes:
    return owner + struct.pack("!2HIH", 41, size, ttl, len(options)) + options


IXFR = NAME + b"\0\xfb\0\x01"


def record(owner, data=b"", kind=16) -> bytes:
    return owner + struct.pack("!2HIH", kind, 1, 0, len(data)) + data


@pytest.mark.parametrize(
    "octets", [b"", b"\0" * 11, packet(flags=0x8000), b"\xff" * 40]
)
def test_short_packets_and_answers_are_ignored(octets):
    assert parse_query(octets) == Ignored()


def test_a_plain_query_is_read_in_its_letter_case():
    assert parse_query(packet()) == Query(7, 0x0100, NAME, 1, 1)


MALFORMED = {
    "no question": packet(b"", (0, 0, 0, 0)),
    "two questions": packet(QUESTION * 2, (2, 0, 0, 0)),
    "count beyond the packet": packet(QUESTION, (1, 0, 0, 1)),
    "most records in no octets": packet(QUESTION, (1, 0, 0, 65535)),
    "trailing octets": packet(QUESTION + b"x"),
    "an answer in the query": packet(QUESTION + OPT, (1, 1, 0, 0)),
    "OPT among the authorities": packet(QUESTION + OPT, (1, 0, 1, 0)),
    "pointer to itself": packet(b"\xc0\x0c\0\x01\0\x01"),
    "label type 01": packet(b"\x41a\0\0\x01\0\x01"),
    "question cut short": packet(QUESTION[:-1]),
    "name cut short": packet(NAME[:-1]),
    "two OPTs": packet(QUESTION + OPT * 2, (1, 0, 0, 2)),
    "OPT data beyond the packet": packet(QUESTION + OPT[:-1] + b"\4", (1, 0, 0, 1)),
    "OPT cut short": packet(QUESTION + OPT[:-1], (1, 0, 0, 1)),
    "OPT of a name": packet(QUESTION + opt(owner=b"\1a\0"), (1, 0, 0, 1)),
    "OPT of a pointer": packet(QUESTION + opt(owner=b"\xc0\x0c"), (1, 0, 0, 1)),
    "option beyond OPT": packet(QUESTION + opt(options=b"\0\x0a\0\2x"), (1, 0, 0, 1)),
    "option header cut": packet(QUESTION + opt(options=b"\0\x0a\0"), (1, 0, 0, 1)),
    "owner of a record cut": packet(QUESTION + b"\x05a", (1, 0, 0, 1)),
    "owner's pointer cut": packet(QUESTION + b"\xc0", (1, 0, 0, 1)),
    "owner that points forward": packet(QUESTION + record(b"\xc0\x21"), (1, 0, 0, 1)),
    "owner that points to itself": packet(QUESTION + record(b"\xc0\x1f"), (1, 0, 0, 1)),
    "owner that points round": packet(QUESTION + record(b"\1a\xc0\x1f"), (1, 0, 0, 1)),
    "owners that point at each other": packet(
        QUESTION + record(b"\0", b"\xc0\x2c\xc0\x2a") + record(b"\xc0\x2a"),
        (1, 0, 0, 2),
    ),
    "owner that points into the header": packet(
        QUESTION + record(b"\xc0\x04"), (1, 0, 0, 1)
    ),
    "owner that leads to what runs into it": packet(
        QUESTION + record(b"\0", b"\x04") + record(b"\1a\xc0\x2a"), (1, 0, 0, 2)
    ),
    "owner of 256 octets": packet(
        QUESTION + record(b"\1a" * 119 + b"\2aa\xc0\x0c"), (1, 0, 0, 1)
    ),
    "an authority in an IXFR that is no SOA": packet(
        IXFR + record(b"\xc0\x0c"), (1, 0, 1, 0)
    ),
    "two authorities in an IXFR": packet(
        IXFR + record(b"\xc0\x0c", kind=6) * 2, (1, 0, 2, 0)
    ),
    "owners that take too many hops together": packet(
        QUESTION + record(b"\xc0\x0c") * 128, (1, 0, 0, 128)
    ),
    "owner of a reserved type": packet(QUESTION + b"\x80" + OPT, (1, 0, 0, 1)),
}


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED)
def test_what_breaks_the_rules_is_a_form_error(octets):
    assert parse_query(octets) == Malformed(7, 0x0100, Rcode.FORMERR)


@pytest.mark.parametrize("opcode", [1, 2, 3, 4, 5, 6, 15])
def test_other_opcodes_are_not_for_us_and_come_back(opcode):
    """NOTIFY is refused, whoever sends it; the others are not implemented."""
    parsed = parse_query(packet(b"", (0, 0, 0, 0), flags=opcode << 11))
    assert isinstance(parsed, Malformed)
    reply = dns.message.from_wire(write_refusal(parsed))
    refused = Rcode.REFUSED if opcode == 4 else Rcode.NOTIMP
    assert (reply.opcode(), reply.rcode()) == (opcode, refused)


@pytest.mark.parametrize(("size", "heeded"), [(0, 512), (511, 512), (513, 513)])
def test_sizes_below_512_mean_512(size, heeded):
    parsed = parse_query(packet(QUESTION + opt(size=size), (1, 0, 0, 1)))
    assert parsed == Query(7, 0x0100, NAME, 1, 1, Edns(heeded, 0, dnssec_ok=False))
    assert parsed.datagram_limit == heeded


def test_no_client_gets_datagrams_above_1232():
    parsed = parse_query(packet(QUESTION + opt(size=65535), (1, 0, 0, 1)))
    assert parsed.datagram_limit == 1232


def test_version_flags_and_options_are_read_as_dnspython_writes_them():
    query = dns.message.make_query(
        "bob.apps.test", "AAAA", use_edns=0, want_dnssec=True
    )
    query.use_edns(1, dns.flags.DO, 1400, options=[dns.edns.GenericOption(65001, b"x")])
    parsed = parse_query(query.to_wire())
    options = ((65001, b"x"),)
    assert parsed.edns == Edns(1400, 1, dnssec_ok=True, options=options)
    assert (parsed.id, parsed.rdtype) == (query.id, 28)


def test_other_additional_records_are_stepped_over():
    other = b"\xc0\x0c" + struct.pack("!2HIH", 16, 1, 0, 2) + b"\1x"
    parsed = parse_query(packet(QUESTION + other + OPT, (1, 0, 0, 2)))
    assert parsed.edns == Edns(1232, 0, dnssec_ok=False)


def test_no_packet_makes_the_parser_walk_further_than_its_length():
    """Each of 5,000 owners leads to a chain of 127 pointers; all work is counted."""
    chain = b"".join((0xC000 | at).to_bytes(2) for at in (12, *range(42, 292, 2)))
    tail = record((0xC000 | 42 + len(chain) - 2).to_bytes(2))
    octets = packet(QUESTION + record(b"\0", chain) + tail * 5000, (1, 0, 0, 5001))
    lines = 0

    def count(_frame, _event, _argument):
        nonlocal lines
        lines += 1
        return count

    sys.settrace(count)
    try:
        parse_query(octets)
    finally:
        sys.settrace(None)
    assert lines < len(octets)


def test_an_owner_may_have_255_octets_and_point_at_the_question():
    labels = b"\1a" * 120
    assert len(labels + NAME) == 255
    other = record(labels + b"\xc0\x0c")
    parsed = parse_query(packet(QUESTION + other + OPT, (1, 0, 0, 2)))
    assert parsed.edns == Edns(1232, 0, dnssec_ok=False)


def test_a_reply_is_what_dnspython_expects():
    """Same id and question, AA, RD echoed, DO echoed, unknown options not."""
    query = dns.message.make_query("BoB.apps.test", "A", use_edns=0, want_dnssec=True)
    query.use_edns(0, dns.flags.DO, 1232, options=[dns.edns.GenericOption(65001, b"x")])
    parsed = parse_query(query.to_wire())
    octets = write_reply(parsed, Answer.data(addresses(2, NAME.lower())), 1232)
    reply = dns.message.from_wire(octets)
    assert query.is_response(reply)
    assert reply.flags == dns.flags.QR | dns.flags.AA | dns.flags.RD
    assert [str(rdata) for rdata in reply.answer[0]] == ["192.0.2.0", "192.0.2.1"]
    assert (reply.edns, reply.ednsflags, reply.options) == (0, dns.flags.DO, ())
    assert NAME in octets
    assert octets.count(b"\xc0\x0c") == 2


def test_a_plain_query_gets_no_opt():
    reply = dns.message.from_wire(
        write_reply(parse_query(packet()), Answer.refused(), 512)
    )
    assert (reply.edns, reply.rcode()) == (-1, Rcode.REFUSED)
    assert not reply.flags & dns.flags.AA


def test_the_zone_is_written_as_a_pointer_into_the_question():
    octets = write_reply(parse_query(packet()), Answer.nx_domain(SOA), 512)
    reply = dns.message.from_wire(octets)
    assert reply.rcode() == Rcode.NXDOMAIN
    assert str(reply.authority[0].name) == "apps.test."
    assert b"\xc0\x10\0\x06" in octets


def test_upper_bits_of_an_rcode_go_into_the_opt():
    parsed = parse_query(packet(QUESTION + opt(ttl=1 << 16), (1, 0, 0, 1)))
    reply = dns.message.from_wire(write_reply(parsed, Answer(Rcode.BADVERS), 512))
    assert (reply.rcode(), reply.edns) == (Rcode.BADVERS, 0)


@pytest.mark.parametrize("limit", range(30, 600, 7))
def test_an_rrset_is_never_cut(limit):
    """Either every required RRset is there, or none is and TC says so."""
    answer = Answer.data(addresses(20), additional=(addresses(3, APEX),))
    octets = write_reply(parse_query(packet()), answer, max(limit, 32))
    reply = dns.message.from_wire(octets)
    assert len(octets) <= max(limit, 32)
    found = [len(rrset) for rrset in reply.answer]
    assert (reply.flags & dns.flags.TC, found) in [(0, [20]), (dns.flags.TC, [])]
    assert [len(rrset) for rrset in reply.additional] in [[], [3]]
    assert not (reply.flags & dns.flags.TC and reply.additional)


def test_extras_that_do_not_fit_are_left_out_without_truncation():
    answer = Answer.data(addresses(20), additional=(addresses(30, APEX),))
    reply = dns.message.from_wire(write_reply(parse_query(packet()), answer, 512))
    assert not reply.flags & dns.flags.TC
    assert not reply.additional


def test_a_referral_keeps_its_glue_or_is_truncated():
    """RFC 9471 3.1: who is sent on without it may never get there."""
    servers = RRset(APEX, Rdtype.NS, 60, (APEX,))
    answer = Answer.referral(servers, (addresses(3, APEX),))
    octets = write_reply(parse_query(packet()), answer, 512)
    whole = dns.message.from_wire(octets)
    assert (whole.flags & dns.flags.TC, len(whole.additional[0])) == (0, 3)
    cut = write_reply(parse_query(packet()), answer, len(octets) - 1)
    assert dns.message.from_wire(cut).flags & dns.flags.TC


def test_negative_answers_keep_the_soa_or_are_truncated():
    whole = len(write_reply(parse_query(packet()), Answer.no_data(SOA), 512))
    cut = write_reply(parse_query(packet()), Answer.no_data(SOA), whole - 1)
    reply = dns.message.from_wire(cut)
    assert reply.flags & dns.flags.TC
    assert not reply.authority
