"""Queries that are signed get signed replies, as dnspython reads them."""

import random

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.tsig
import pytest

from domicile.dns.answer import Answer
from domicile.dns.client import Client, Transport
from domicile.dns.name import name_from_text
from domicile.dns.rdata import Rdtype, RRset, txt
from domicile.dns.responder import respond
from domicile.dns.signed_query import may_be_signed, reply_to_signed
from domicile.dns.tsig import Key

NOW = 1_700_000_000
UNSIGNED = bytes(12)
KEY = Key("acme", "hmac-sha256", b"s" * 32)
UDP = Client(Transport.UDP, bytes((192, 0, 2, 1)))
TCP = Client(Transport.TCP, bytes((192, 0, 2, 1)))


@pytest.fixture(autouse=True)
def at_that_time(monkeypatch):
    monkeypatch.setattr("time.time", lambda: NOW)


def signed_query(**more):
    query = dns.message.make_query("a.test", "TXT", **more)
    query.use_tsig(dns.tsig.Key(KEY.name, KEY.secret, KEY.algorithm))
    return query


def asked(query, *, size=10, client=UDP, key=KEY, now=NOW):
    """Reply with so many octets of text."""

    def look_up(name, rdtype):
        assert (name, rdtype) == (name_from_text("a.test"), 16)
        rdatas = tuple(txt(b"x" * 100 + b"%d" % n) for n in range(size // 100))
        return Answer.data(RRset(name, Rdtype.TXT, 5, rdatas or (txt(b"x" * size),)))

    wire = query.to_wire()
    assert may_be_signed(wire)
    return reply_to_signed(
        wire, client, {"acme": key}.get, now, lambda *each: respond(*each, look_up)
    )


@pytest.mark.parametrize("more", [{}, {"use_edns": 0}], ids=["plain", "edns"])
def test_a_signed_query_gets_a_signed_reply(more):
    query = signed_query(**more)
    answer = dns.message.from_wire(asked(query), query.keyring, query.mac)
    assert answer.had_tsig
    assert answer.edns == query.edns
    assert len(answer.answer) == 1


@pytest.mark.parametrize(
    ("more", "client", "whole"),
    [({}, UDP, False), ({"use_edns": 0, "payload": 1232}, UDP, True), ({}, TCP, True)],
)
def test_what_does_not_fit_with_its_signature_is_truncated(more, client, whole):
    """Without it, it fits."""
    query = signed_query(**more)
    octets = asked(query, size=430, client=client)
    answer = dns.message.from_wire(octets, query.keyring, query.mac)
    assert answer.had_tsig
    assert bool(answer.flags & dns.flags.TC) is not whole
    assert bool(answer.answer) is whole


@pytest.mark.parametrize(
    ("key", "now", "error"),
    [(None, NOW, dns.tsig.PeerBadKey), (KEY, NOW + 301, dns.tsig.PeerBadTime),
     (KEY._replace(secret=b"x" * 32), NOW, dns.tsig.PeerBadSignature)],
)  # fmt: skip
def test_a_bad_signature_is_not_authorised(key, now, error):
    query = signed_query()
    octets = asked(query, key=key, now=now)
    assert octets[3] & 0xF == dns.rcode.NOTAUTH
    with pytest.raises(error):
        dns.message.from_wire(octets, query.keyring, query.mac)


def test_a_signature_that_is_not_the_last_record_is_malformed():
    wire = signed_query().to_wire()
    twice = wire[:11] + b"\2" + wire[12:] + b"\0\0\x29\4\xd0\0\0\0\0\0\0"
    octets = reply_to_signed(twice, UDP, {"acme": KEY}.get, NOW, lambda *_: b"")
    assert octets[3] & 0xF == dns.rcode.FORMERR


def test_what_looks_signed_and_is_not_is_answered_as_ever():
    name = b"\0\xfa\0\xff\0\0\0\0".hex()
    query = dns.message.make_query("a.test", "TXT")
    query.use_edns(0, options=[dns.edns.GenericOption(65001, bytes.fromhex(name))])
    wire = query.to_wire()
    assert may_be_signed(wire)
    assert (
        reply_to_signed(wire, UDP, {}.get, NOW, lambda *_: b"unsigned") == b"unsigned"
    )
    assert not may_be_signed(dns.message.make_query("a.test", "TXT").to_wire())


def test_an_answer_is_not_answered():
    wire = bytearray(signed_query().to_wire())
    wire[2] |= 0x80
    assert reply_to_signed(bytes(wire), UDP, {}.get, NOW, lambda *_: b"") is None


def test_no_octets_break_anything(seeds):
    """Whatever is sent, it is answered, or not; and never as if it were signed."""
    query = signed_query(use_edns=0)
    wire = query.to_wire()
    for seed in seeds(2000):
        chance = random.Random(seed)
        octets = bytearray(wire)
        for _ in range(chance.randint(1, 4)):
            octets[chance.randrange(2, len(octets))] = chance.randrange(256)
        del octets[chance.randint(12, 2 * len(octets)) :]
        replied = reply_to_signed(
            bytes(octets), UDP, {"acme": KEY}.get, NOW, lambda *_: UNSIGNED
        )
        if octets != wire:
            assert replied in {None, UNSIGNED} or replied[3] & 0xF in {1, 9}
