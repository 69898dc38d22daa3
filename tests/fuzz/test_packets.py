"""Any packet: no harm, the reply that is owed, and read as dnspython reads it.

Half of the packets are changed copies of those in the corpus, the others are built, or
noise.
"""

import struct
from collections import Counter
from functools import partial
from random import Random

import dns.edns
import dns.flags
import dns.message
import pytest
from dns.message import Message
from dnspython import (
    LENIENCES,
    STRICTNESS,
    Asked,
    Greeted,
    asked,
    find_lenience,
    find_strictness,
    read,
)
from mutation import load, seeded
from packets import make_packet
from twins import find_twins

from domicile.dns.client import Client, Transport
from domicile.dns.edns import CO
from domicile.dns.rdata import Rcode
from domicile.dns.responder import Server
from domicile.model.records import Cluster, Owner, Placement
from domicile.model.zone_records import Challenge, Zone
from domicile.nameserver.answers import answer
from domicile.nameserver.live import Moment

CASES = 30_000
CORPUS = load("dns")
TWINS = find_twins("domicile.dns", "message", "responder")
TRANSFERS = (251, 252)
REFUSALS = {Rcode.FORMERR, Rcode.NOTIMP, Rcode.REFUSED, Rcode.BADVERS}


class Directory:
    """Two apps of one owner, and an apex with more addresses than a datagram bears."""

    serial = 7
    behind = False

    _zone = Zone(
        "apps.test",
        {"ns1.apps.test": ("127.0.0.1", "::1"), "ns.else.example": ("127.0.0.2",)},
        landing=tuple(f"192.0.2.{number}" for number in range(100)),
    )
    _placement = Placement("k" * 26, "amber", 2, "hello", "ada", "apps.test")

    def zone(self, name):
        return self._zone if name == "apps.test" else None

    def owner(self, name):
        return Owner("ada", "apps.test", "free") if name == "ada" else None

    def placed(self, host):
        return self._placement.entries.get(host)

    def placement(self, app):
        return self._placement if app == self._placement.app else None

    def cluster(self, name):
        return Cluster("amber", ("127.0.0.11", "::11"), ())

    def challenge(self, name):
        return Challenge(name, {"a": 1e9}) if name.endswith(".ada.apps.test") else None

    def has_challenge_below(self, _name):
        return False


UDP = Client(Transport.UDP, bytes((192, 0, 2, 1)))
TCP = UDP._replace(transport=Transport.TCP)
SERVER = Server(b"ns1", "", "ns1", (bytes(range(16)),), 1_800_000_000)
OPTIONS = {
    dns.edns.OptionType.NSID,
    dns.edns.OptionType.COOKIE,
    dns.edns.OptionType.EDE,
}
LOOK_UP = partial(answer, Directory(), {}, Moment(0))


def respond(packet, client=UDP):
    """Reply as each twin does, which must be the same."""
    replies = [
        twin.responder.respond(packet, client, LOOK_UP, SERVER) for twin in TWINS
    ]
    assert len(set(replies)) == 1
    return replies[0]


def parse(packet):
    """Give the rcode of what is malformed, what is asked, or None for silence."""
    parsed = [_plainly(twin.message, packet) for twin in TWINS]
    assert all(each == parsed[0] for each in parsed)
    return parsed[0]


def _plainly(message, packet):
    match message.parse_query(packet):
        case message.Ignored():
            return None
        case message.Malformed(rcode=rcode):
            return rcode
        case message.Query() as query:
            edns = query.edns and tuple(query.edns[:3])
            return Asked(query.name, query.rdtype, query.rdclass, edns)
        case message.Greeting(edns=edns):
            return Greeted(tuple(edns[:3]))


def check_reading(packet, parsed) -> str:
    """Compare with dnspython; give the reason of a difference that is meant."""
    theirs = read(packet)
    if isinstance(parsed, Asked | Greeted):
        reason = ""
        if isinstance(theirs, Exception):
            reason, theirs = find_lenience(packet, theirs)
        assert theirs is None or parsed == asked(theirs)
        return reason
    if parsed is Rcode.FORMERR and isinstance(theirs, Message):
        return find_strictness(packet, theirs)
    return ""


def check_header(packet, parsed, reply) -> None:
    """Hold what is true of any reply: whose it is, and that it asks for no other."""
    ident, flags = struct.unpack_from("!2H", packet)
    assert struct.unpack_from("!H", reply) == (ident,)
    told = struct.unpack_from("!H", reply, 2)[0]
    assert told & 0x8000
    assert told & 0x7900 == flags & 0x7900  # opcode, RD
    assert told & 0x0010 == flags & 0x0010  # CD
    assert not told & 0x00E0  # RA, Z, AD
    assert respond(reply) is None
    if isinstance(parsed, Rcode):
        assert len(reply) == 12
        assert told & 0xF == parsed


def check_answer(packet, parsed, reply, limit) -> Message:
    """Hold what is true of any answer; give what dnspython reads."""
    assert len(reply) <= limit
    question = packet[12 : 12 + len(parsed.name) + 4]
    assert reply[12 : 12 + len(question)] == question
    message = dns.message.from_wire(reply)
    assert len(message.question) == 1
    assert (message.edns >= 0) == (parsed.edns is not None)
    if parsed.edns is not None:
        assert (message.edns, message.payload) == (0, 1232)
        assert {option.otype for option in message.options} <= OPTIONS
        flags = message.ednsflags & 0xFFFF
        # RFC 9824 5.1: CO comes back, to who understands DNSSEC.
        assert flags in ({dns.flags.DO, dns.flags.DO | CO} if parsed.edns[2] else {0})
    if message.rcode() in REFUSALS:
        assert not message.answer + message.authority + message.additional
        assert not message.flags & dns.flags.AA
    else:
        assert message.rcode() in {Rcode.NOERROR, Rcode.NXDOMAIN}
        assert message.flags & dns.flags.AA
        assert message.answer or message.authority or message.flags & dns.flags.TC
    return message


def check_greeting(reply) -> None:
    """Hold that it is answered with a cookie of ours, or told what is wrong."""
    message = dns.message.from_wire(reply)
    assert message.edns == 0
    assert not message.question + message.answer + message.authority
    if message.rcode() == Rcode.NOERROR:
        (cookie,) = [each for each in message.options if each.otype == 10]
        assert len(cookie.server) == 16
    else:
        assert message.rcode() in {Rcode.FORMERR, Rcode.BADVERS}


def check_truncation(datagram: Message, stream: Message, size: int, limit: int) -> None:
    """Hold that TC stands for all of what is missing, and only where it must."""
    assert not stream.flags & dns.flags.TC
    assert datagram.rcode() == stream.rcode()
    if datagram.flags & dns.flags.TC:
        assert size > limit
        assert not datagram.answer + datagram.authority + datagram.additional
    else:
        assert datagram.answer == stream.answer
        assert datagram.authority == stream.authority


def check(packet) -> str:
    """Hold all that is owed to any packet; give the reason of a difference, if any."""
    parsed = parse(packet)
    datagram, stream = respond(packet), respond(packet, TCP)
    if len(packet) < 12 or packet[2] & 0x80:
        assert (parsed, datagram, stream) == (None, None, None)
        return ""
    check_header(packet, parsed, datagram)
    check_header(packet, parsed, stream)
    if isinstance(parsed, Asked):
        limit = min(parsed.edns[0], 1232) if parsed.edns else 512
        short = check_answer(packet, parsed, datagram, limit)
        long = check_answer(packet, parsed, stream, 65535)
        if parsed.rdtype not in TRANSFERS:
            check_truncation(short, long, len(stream), limit)
    if isinstance(parsed, Greeted):
        check_greeting(datagram)
        check_greeting(stream)
    return check_reading(packet, parsed)


@pytest.mark.parametrize("name", CORPUS)
def test_a_packet_of_the_corpus_gets_what_its_folder_says(name):
    packet = CORPUS[name]
    check(packet)
    reply = respond(packet)
    if reply is None:
        assert name.startswith("silent/")
    else:
        rcode = dns.message.from_wire(reply).rcode()
        assert Rcode[name.partition("/")[0].upper()] == rcode


def test_the_corpus_shows_each_difference_from_dnspython_that_is_meant():
    shown = {check(packet) for packet in CORPUS.values()} - {""}
    assert shown == LENIENCES.keys() | STRICTNESS.keys()


@pytest.mark.soak
def test_any_packet_gets_what_is_owed_and_is_read_as_dnspython_reads_it(seeds, figure):
    corpus = list(CORPUS.values())
    differences = Counter()
    rcodes = Counter()
    for seed in seeds(CASES):
        packet = make_packet(Random(seed), corpus)
        with seeded(seed, packet):
            if reason := check(packet):
                differences[reason] += 1
        parsed = parse(packet)
        rcodes[
            "asked" if isinstance(parsed, Asked | Greeted) else parsed and parsed.name
        ] += 1
    figure("DNS packets fuzzed", sum(rcodes.values()))
    figure("DNS packets by what they are", dict(rcodes))
    figure("DNS packets read unlike dnspython, as meant", dict(differences))
    assert differences.keys() <= LENIENCES.keys() | STRICTNESS.keys()
