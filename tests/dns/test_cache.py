"""What is given again is what would be answered, whoever asks how."""

import random

import dns.edns
import dns.flags
import dns.message
import pytest

from domicile.dns.answer import Answer
from domicile.dns.cache import ReplyCache
from domicile.dns.client import Client, Transport
from domicile.dns.name import name_from_text
from domicile.dns.rdata import RRset, Soa, soa
from domicile.dns.responder import respond

NAME = name_from_text("hello.ada.apps.test")
ZONE = name_from_text("apps.test")
SOA = RRset(ZONE, 6, 60, (soa(Soa(ZONE, ZONE, 7, 1, 1, 1, 30)),))
ROOM = 100_000


UDP = Client(Transport.UDP, bytes((192, 0, 2, 1)))


def look_up(name, rdtype):
    if name != NAME:
        return Answer.nx_domain(SOA)
    if rdtype == 1:
        return Answer.data(RRset(name, 1, 60, (b"\x7f\0\0\x0b",)))
    return Answer.no_data(SOA)


def ask(name="hello.ada.apps.test", rdtype="A", **options):
    return dns.message.make_query(name, rdtype, **options).to_wire()


def answered(cache, packet):
    """Answer as a worker does; tell also whether that was known."""
    found = cache.find(packet)
    reply = respond(packet, UDP, look_up)
    if found is None and reply is not None:
        cache.keep(packet, reply)
    return reply, found


COOKIE = dns.edns.GenericOption(10, b"12345678")
SUBNET = dns.edns.ECSOption("192.0.2.0", 24)
PLAIN = [
    {},
    {"rdtype": "AAAA"},
    {"flags": 0},
    {"flags": dns.flags.RD | dns.flags.CD},
    {"use_edns": 0, "payload": 512},
    {"use_edns": 0, "payload": 4096},
    {"use_edns": 0, "want_dnssec": True},
    {"use_edns": 0, "options": [SUBNET]},
    {"name": "hElLo.ADA.apps.TEST"},
    {"name": "hElLo.ADA.apps.TEST", "use_edns": 0, "want_dnssec": True},
]


@pytest.mark.parametrize("options", PLAIN)
def test_the_same_reply_is_given_again_with_the_id_of_who_asks(options):
    cache = ReplyCache(ROOM)
    first, found = answered(cache, ask(**options))
    assert found is None
    assert first is not None
    packet = ask(**options)
    reply, found = answered(cache, packet)
    assert found == reply
    assert found[:2] == packet[:2]


def test_whatever_was_asked_before_the_reply_is_the_one_that_is_due():
    cache = ReplyCache(ROOM)
    known = 0
    for first in PLAIN:
        for second in PLAIN:
            for options in (first, second):
                reply, found = answered(cache, ask(**options))
                assert found in (None, reply)
                known += found is not None
    assert known > len(PLAIN)


@pytest.mark.parametrize(
    "options",
    [
        {"name": "eve.ada.apps.test"},
        {"rdtype": "TXT"},
        {"rdtype": "SOA"},
        {"rdtype": "HTTPS"},
        {"rdtype": "ANY"},
        {"rdclass": "CH"},
        {"use_edns": 1},
        # What depends on who asks.
        {"use_edns": 0, "options": [COOKIE]},
        {"use_edns": 0, "options": [SUBNET, dns.edns.GenericOption(3, b"")]},
    ],
)
def test_what_does_not_exist_or_is_rarely_asked_is_not_kept(options):
    cache = ReplyCache(ROOM)
    answered(cache, ask(**options))
    assert len(cache) == 0


@pytest.mark.parametrize("options", [{}, {"use_edns": 0, "options": [SUBNET]}])
def test_a_packet_that_is_changed_gets_what_it_would_get_or_is_not_known(options):
    """Every octet in turn, and every cut: no other query is taken for a known one."""
    cache = ReplyCache(ROOM)
    packet = ask(**options)
    answered(cache, packet)
    chance = random.Random(1)
    changed = [packet[:size] for size in range(len(packet))] + [packet + b"\0"]
    for at in range(len(packet)):
        octets = (0, 1, 0x20, 0x40, 0xC0, 0xFF, chance.randrange(256))
        for octet in {how for each in octets for how in (each, packet[at] ^ each)}:
            changed += [packet[:at] + bytes((octet,)) + packet[at + 1 :]]
    for each in changed:
        assert cache.find(each) in (None, respond(each, UDP, look_up))
    assert sum(cache.find(each) is not None for each in changed) > 10


def test_its_room_is_bounded_and_what_is_asked_again_stays():
    cache = ReplyCache(20_000)

    def anything(name, _):
        return Answer.data(RRset(name, 1, 60, (b"\x7f\0\0\x0b",)))

    stays = ask()
    cache.keep(stays, respond(stays, UDP, anything))
    most = 0
    for number in range(1000):
        packet = ask(f"app{number}.apps.test")
        cache.keep(packet, respond(packet, UDP, anything))
        assert cache.find(stays) is not None
        most = max(most, len(cache))
    assert 20 < most < 80
    assert cache.find(ask("app0.apps.test")) is None
    assert cache.find(ask("app999.apps.test")) is not None
    cache.clear()
    assert cache.find(stays) is None
    assert len(cache) == 0


def test_a_truncated_reply_is_not_kept():
    cache = ReplyCache(ROOM)
    many = tuple(bytes((192, 0, 2, number)) for number in range(100))
    packet = ask()
    reply = respond(packet, UDP, lambda name, _: Answer.data(RRset(name, 1, 60, many)))
    assert reply[2] & 0x02
    cache.keep(packet, reply)
    assert len(cache) == 0
