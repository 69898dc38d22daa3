"""Dynamic updates as dnspython sends them: form, what they ask for, replies."""

import random

import dns.edns
import dns.message
import dns.rcode
import dns.tsig
import dns.update
import pytest

from domicile.dns.answer import Ede, ExtendedError
from domicile.dns.rdata import Rcode
from domicile.dns.tsig import Key
from domicile.dns.update import (
    Act,
    Changes,
    Refused,
    Requires,
    Update,
    is_update,
    judge,
    read_update,
    reply,
)

NOW = 1_700_000_000
KEY = Key("acme", "hmac-sha256", b"s" * 32)
AT = "_acme-challenge.ada.apps.test"


@pytest.fixture(autouse=True)
def at_that_time(monkeypatch):
    monkeypatch.setattr("time.time", lambda: NOW)


def message(*, signed=True, zone="apps.test", **more):
    update = dns.update.UpdateMessage(zone, **more)
    if signed:
        update.use_tsig(dns.tsig.Key(KEY.name, KEY.secret, KEY.algorithm))
    return update


def read(update):
    return read_update(update.to_wire(), {"acme": KEY}.get, NOW)


def asked(update):
    found = read(update)
    assert isinstance(found, Update)
    return judge(found)


def add(value="one", name=f"{AT}.", kind="TXT"):
    update = message()
    update.add(name, 60, kind, value)
    return update


def test_what_clients_send_is_read_in_its_order():
    """As lego sends it: the name is cleared, then has a value; then another goes."""
    update = message()
    update.delete("_Acme-challenge.ADA", "TXT")
    update.add("_acme-challenge.ada", 120, "TXT", "one")
    update.delete("_acme-challenge.ada", "TXT", "two")
    update.delete("_acme-challenge")
    judged = asked(update)
    assert judged.requires == ()
    assert judged.changes == (
        Changes(AT, Act.CLEAR),
        Changes(AT, Act.ADD, "one"),
        Changes(AT, Act.REMOVE, "two"),
        Changes("_acme-challenge.apps.test", Act.CLEAR),
    )


def test_what_is_required_has_its_own_outcome():
    """RFC 2136 2.4.1 to 2.4.5."""
    update = message()
    update.present("a")
    update.absent("b")
    update.present("c", "TXT")
    update.absent("d", "TXT")
    update.present("e", "TXT", "one")
    update.present("e", "TXT", "two")
    update.absent("f", "AAAA")
    assert asked(update).requires == (
        Requires("a.apps.test", True, None, Rcode.NXDOMAIN),
        Requires("b.apps.test", False, None, Rcode.YXDOMAIN),
        Requires("c.apps.test", True, None, Rcode.NXRRSET),
        Requires("d.apps.test", False, None, Rcode.YXRRSET),
        Requires("e.apps.test", True, ("one", "two"), Rcode.NXRRSET),
    )


def present(*what):
    update = message()
    update.present("a", *what)
    return update


def of_class(rdclass, kind=b"\0\x10", ttl=0, data=b"\3one", *, prerequisite=False):
    """A record that dnspython would not write."""
    update = message(signed=False)
    wire = update.to_wire()
    counts = b"\0\1\0\0\0\0" if prerequisite else b"\0\0\0\1\0\0"
    record = b"\1a\xc0\x0c" + kind + rdclass.to_bytes(2, "big")
    record += ttl.to_bytes(4, "big") + len(data).to_bytes(2, "big") + data
    whole = wire[:6] + counts + wire[12:] + record
    key = dns.tsig.Key(KEY.name, KEY.secret, KEY.algorithm)
    draft = dns.update.UpdateMessage("apps.test")
    draft.use_tsig(key)
    template = draft.tsig[0].replace(original_id=update.id)
    rdata, _ = dns.tsig.sign(whole, key, template, NOW, b"")
    octets = rdata.to_wire()
    tail = b"\4acme\0\0\xfa\0\xff\0\0\0\0" + len(octets).to_bytes(2, "big") + octets
    return whole[:11] + b"\1" + whole[12:] + tail


@pytest.mark.parametrize(
    ("update", "rcode"),
    [
        (add(name="a.apps.example."), Rcode.NOTZONE),
        (add(name="apps.test.example."), Rcode.NOTZONE),
        (add("192.0.2.1", kind="A"), Rcode.REFUSED),
        (add("x.", kind="CNAME"), Rcode.REFUSED),
        (add('"two" "strings"'), Rcode.REFUSED),
        (present("AAAA"), Rcode.NXRRSET),
        (present("AAAA", "::1"), Rcode.NXRRSET),
    ],
)
def test_what_we_do_not_do_is_refused(update, rcode):
    with pytest.raises(Refused) as refused:
        asked(update)
    assert refused.value.rcode is rcode


@pytest.mark.parametrize(
    "wire",
    [
        of_class(3),
        of_class(1, kind=b"\0\xff"),
        of_class(1, kind=b"\0\xfc"),
        of_class(254, kind=b"\0\xff"),
        of_class(254, ttl=1),
        of_class(255, ttl=1, data=b""),
        of_class(255),
        of_class(1, data=b""),
        of_class(1, data=b"\4one"),
        of_class(3, prerequisite=True),
        of_class(1, ttl=1, prerequisite=True),
        of_class(255, prerequisite=True),
        of_class(254, prerequisite=True),
    ],
)
def test_what_rfc_2136_calls_malformed_is_malformed(wire):
    """RFC 2136 3.2.5 and 3.4.1.3."""
    update = read_update(wire, {"acme": KEY}.get, NOW)
    assert isinstance(update, Update)
    with pytest.raises(Refused) as refused:
        judge(update)
    assert refused.value.rcode is Rcode.FORMERR


def test_there_are_zones_of_class_in_only():
    with pytest.raises(Refused) as refused:
        asked(message(rdclass=3))
    assert refused.value.rcode is Rcode.NOTAUTH
    assert asked(message()) == ((), ())


def rcode_of(octets):
    return Rcode(octets[3] & 0xF)


def test_an_update_that_is_not_signed_is_refused_and_told_so():
    update = message(signed=False)
    update.add(AT + ".", 60, "TXT", "one")
    update.use_edns(0)
    answer = dns.message.from_wire(read(update))
    assert answer.rcode() == dns.rcode.REFUSED
    assert answer.id == update.id
    (option,) = answer.options
    assert (option.code, option.text) == (18, "an update has to be signed")


def test_many_records_are_too_many():
    update = message()
    for number in range(10):
        update.add(AT + ".", 60, "TXT", str(number))
    assert len(asked(update).changes) == 10
    update.add(AT + ".", 60, "TXT", "more")
    assert rcode_of(read(update)) is Rcode.REFUSED


@pytest.mark.parametrize(
    ("found", "at"),
    [(None, NOW), (KEY._replace(secret=b"x" * 32), NOW), (KEY, NOW - 301)],
)
def test_a_bad_signature_is_not_authorised(found, at):
    octets = read_update(add().to_wire(), {"acme": found}.get, at)
    assert rcode_of(octets) is Rcode.NOTAUTH


def test_what_is_no_update_is_none():
    query = dns.message.make_query("apps.test", "SOA").to_wire()
    answer = dns.message.make_response(add()).to_wire()
    for octets in (b"", b"\0" * 11, query, answer):
        assert not is_update(octets)
        assert read_update(octets, {}.get, NOW) is None
    assert is_update(add().to_wire())


def test_a_message_that_breaks_off_is_answered_by_its_header():
    wire = add().to_wire()
    octets = read_update(wire[:-1], {"acme": KEY}.get, NOW)
    assert (len(octets), rcode_of(octets)) == (12, Rcode.FORMERR)


@pytest.mark.parametrize("edns", [-1, 0])
def test_a_reply_is_signed_and_says_why_to_who_has_edns(edns):
    update = add()
    update.use_edns(edns)
    found = read(update)
    why = ExtendedError(Ede.OTHER, "not yet with ns2")
    octets = reply(found, Rcode.SERVFAIL, NOW, why)
    answer = dns.message.from_wire(octets, update.keyring, update.mac)
    assert answer.had_tsig
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert answer.opcode() == dns.opcode.UPDATE
    assert answer.edns == edns
    assert [option.text for option in answer.options] == ["not yet with ns2"] * (
        edns + 1
    )


def test_no_octets_break_anything(seeds):
    """Whatever is sent, a value comes back; and what was changed is not taken."""
    update = message()
    update.present("a", "TXT")
    update.add(AT + ".", 60, "TXT", "one")
    update.delete("_acme-challenge.bob", "TXT")
    update.use_edns(0)
    wire = update.to_wire()
    for seed in seeds(3000):
        chance = random.Random(seed)
        octets = bytearray(wire)
        for _ in range(chance.randint(1, 4)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        del octets[chance.randint(1, 2 * len(octets)) :]
        found = read_update(bytes(octets), {"acme": KEY}.get, NOW)
        if isinstance(found, Update):
            assert bytes(octets)[2:] == wire[2:]
        elif found is not None:
            assert found[2] & 0x80
