"""Signatures of messages: dnspython signs, and reads what we sign."""

import dns.exception
import dns.message
import dns.rcode
import dns.tsig
import dns.update
import pytest

from domicile.dns.sections import FormError, read_sections
from domicile.dns.tsig import (
    BadSignature,
    Key,
    Signed,
    TsigError,
    read_signed,
    sign_reply,
)

NOW = 1_700_000_000
SECRET = b"s" * 32
ALGORITHMS = ["hmac-sha256", "hmac-sha384", "hmac-sha512"]


def key(algorithm="hmac-sha256", secret=SECRET):
    return Key("acme.key", algorithm, secret)


def signed_wire(monkeypatch, key, at=NOW, **more):
    monkeypatch.setattr("time.time", lambda: at)
    update = dns.update.UpdateMessage("apps.test")
    update.add("a", 60, "TXT", "one")
    update.use_tsig(dns.tsig.Key(key.name, key.secret, key.algorithm), **more)
    return update, update.to_wire()


def judged(wire, found=None, now=NOW):
    return read_signed(read_sections(wire, 10), {"acme.key": found}.get, now)


def answered(update, wire, signed, now=NOW):
    """Reply as a server does, and have dnspython read it."""
    head = wire[:2] + b"\xa8\0" + b"\0\1" + bytes(6)
    reply = sign_reply(head + read_sections(wire, 10).packet[12:27], signed, now)
    return dns.message.from_wire(reply, update.keyring, update.mac)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_message_is_known_by_its_key_and_so_is_its_reply(monkeypatch, algorithm):
    update, wire = signed_wire(monkeypatch, key(algorithm))
    signed = judged(wire, key(algorithm))
    assert isinstance(signed, Signed)
    assert (signed.error, signed.key, signed.mac) == (
        TsigError.NONE, key(algorithm), update.mac,
    )  # fmt: skip
    assert answered(update, wire, signed).had_tsig


def test_the_name_of_a_key_has_no_letter_case(monkeypatch):
    _, wire = signed_wire(monkeypatch, key()._replace(name="ACME.Key"))
    assert judged(wire, key()).error is TsigError.NONE


def test_who_has_not_signed_is_nobody():
    assert judged(dns.update.UpdateMessage("apps.test").to_wire()) is None


@pytest.mark.parametrize(
    ("found", "error"),
    [
        (None, TsigError.BADKEY),
        (key("hmac-sha512"), TsigError.BADKEY),
        (key(secret=b"x" * 32), TsigError.BADSIG),
    ],
)
def test_by_another_key_nothing_is_signed_nor_is_the_reply(monkeypatch, found, error):
    """RFC 8945 5.2.1, 5.2.2, 5.3.2."""
    _, wire = signed_wire(monkeypatch, key())
    bad = judged(wire, found)
    assert isinstance(bad, BadSignature)
    reply = sign_reply(wire[:12] + wire[12:27], bad, NOW)
    record = dns.message.from_wire(
        reply[:4] + b"\0\1\0\0\0\0\0\1" + reply[12:], keyring=False
    ).tsig[0]
    assert (record.error, record.mac, record.other) == (error, b"", b"")


@pytest.mark.parametrize("algorithm", ["hmac-md5.sig-alg.reg.int.", "hmac-sha1", "x."])
def test_weak_and_unknown_algorithms_are_none_of_ours(monkeypatch, algorithm):
    if algorithm == "x.":
        _, wire = signed_wire(monkeypatch, key())
        wire = wire.replace(b"\x0bhmac-sha256", b"\x0bhmac-shaXXX")
    else:
        _, wire = signed_wire(monkeypatch, key(algorithm))
    assert judged(wire, key()).record.error == TsigError.BADKEY


@pytest.mark.parametrize("octet", range(0, 130, 7))
def test_no_octet_can_be_changed(monkeypatch, octet):
    _, wire = signed_wire(monkeypatch, key())
    changed = bytearray(wire)
    changed[min(octet, len(wire) - 1)] ^= 1
    if octet < 2:  # RFC 8945 4.2: whoever forwards it gives it another id.
        assert judged(bytes(changed), key()).error is TsigError.NONE
        return
    try:
        found = judged(bytes(changed), key())
    except FormError:
        return
    assert not isinstance(found, Signed) or found.error is not TsigError.NONE


@pytest.mark.parametrize(
    ("at", "error"),
    [(-300, TsigError.NONE), (300, TsigError.NONE), (-301, TsigError.BADTIME),
     (301, TsigError.BADTIME)],
)  # fmt: skip
def test_what_was_signed_long_ago_or_will_be_is_refused_with_our_time(
    monkeypatch, at, error
):
    update, wire = signed_wire(monkeypatch, key(), NOW + at)
    signed = judged(wire, key())
    assert signed.error is error
    if error is TsigError.NONE:
        return
    with pytest.raises(dns.tsig.PeerBadTime):
        answered(update, wire, signed)
    # RFC 8945 5.2.3: it is signed, with the client's time, and says ours.
    reply = sign_reply(wire[:2] + b"\xa8\x09" + bytes(8), signed, NOW)
    record = dns.message.from_wire(reply, keyring=False).tsig[0]
    assert record.time_signed == NOW + at
    assert int.from_bytes(record.other, "big") == NOW
    assert len(record.mac) == 32


def test_a_client_cannot_have_its_messages_taken_for_longer(monkeypatch):
    """What is taken for so long is remembered for that long."""
    _, wire = signed_wire(monkeypatch, key(), NOW - 301, fudge=65535)
    assert judged(wire, key()).error is TsigError.BADTIME


def with_mac(wire, mac):
    """Put another MAC into the TSIG record at the end."""
    whole = read_sections(wire, 10)
    start = whole.records[-1].data.start
    data = wire[start:]
    at = data.index(b"\0", 0) + 1 + 8
    size = int.from_bytes(data[at : at + 2], "big")
    made = data[:at] + len(mac).to_bytes(2, "big") + mac + data[at + 2 + size :]
    return wire[: start - 2] + len(made).to_bytes(2, "big") + made


def test_a_short_signature_is_refused_and_one_that_is_too_short_is_malformed(
    monkeypatch,
):
    """RFC 8945 5.2.2.1 and 5.2.4."""
    update, wire = signed_wire(monkeypatch, key())
    short = judged(with_mac(wire, update.mac[:16]), key())
    assert short.error is TsigError.BADTRUNC
    wrong = judged(with_mac(wire, b"x" * 16), key())
    assert wrong.record.error == TsigError.BADSIG
    for mac in (b"", update.mac[:15], update.mac + b"x"):
        with pytest.raises(FormError):
            judged(with_mac(wire, mac), key())


def test_the_signature_is_the_last_record_and_the_only_one(monkeypatch):
    """RFC 8945 5.1."""
    _, wire = signed_wire(monkeypatch, key())
    whole = read_sections(wire, 10)
    record = wire[whole.records[-1].start :]
    twice = wire[:11] + b"\2" + wire[12:] + record
    not_last = wire[:11] + b"\2" + wire[12:] + b"\0\0\x29\4\xd0\0\0\0\0\0\0"
    as_update = wire[:9] + b"\2\0\0" + wire[12:]
    other_class = wire.replace(b"\0\xfa\0\xff", b"\0\xfa\0\x01")
    for octets in (twice, not_last, as_update, other_class):
        with pytest.raises(FormError):
            judged(octets, key())
