"""Messages signed by a shared secret (TSIG, RFC 8945): judged, and replies signed.

    packet -> read_signed -> None                 not signed
                          -> Signed               by a key that we know, and just now
                          -> BadSignature         with the reply's TSIG record all the same

The digests are dnspython's; what is compared, and in which order, is decided here.
"""

import hmac
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdata
import dns.tsig
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.TSIG import TSIG

from domicile.dns.message import CLASS_ANY, HEADER
from domicile.dns.rdata import Rdtype
from domicile.dns.sections import FormError, Section, Whole

# RFC 8945 10: "The RECOMMENDED value in most situations is 300 seconds."
LONGEST_FUDGE = 300

# RFC 8945 6: these, and longer than any that are broken.
_HASH_SIZES = {"hmac-sha256": 32, "hmac-sha384": 48, "hmac-sha512": 64}
_SHORTEST_MAC = 10
_TIME = 6


class TsigError(IntEnum):
    """What is wrong with a signature."""

    NONE = 0
    BADSIG = 16
    BADKEY = 17
    BADTIME = 18
    BADTRUNC = 22


class Key(NamedTuple):
    """A shared secret; the name in lower case, and without the last dot."""

    name: str
    algorithm: str
    secret: bytes


FindKey = Callable[[str], Key | None]


class Signed(NamedTuple):
    """Who has signed a message, and what the signature of its reply depends on.

    `error` is what is wrong with it though it is the key's.
    """

    key: Key
    mac: bytes
    time: int
    fudge: int
    id: int
    error: TsigError = TsigError.NONE


class BadSignature(NamedTuple):
    """No key of ours has signed it: its reply says so, and is not signed."""

    name: dns.name.Name
    record: TSIG


def read_signed(
    whole: Whole, find_key: FindKey, now: int
) -> Signed | BadSignature | None:
    """Judge the signature of a message; raises FormError."""
    at = _place_of(whole)
    if at is None:
        return None
    owner, record = at.name, _read(whole, at.data)
    name = owner.canonicalize().to_text(omit_final_dot=True)
    algorithm = record.algorithm.canonicalize().to_text(omit_final_dot=True)
    size = _HASH_SIZES.get(algorithm)
    if (
        size is not None
        and not max(_SHORTEST_MAC, size // 2) <= len(record.mac) <= size
    ):
        # RFC 8945 5.2.2.1: too short, or longer than the hash: FORMERR.
        raise FormError
    key = find_key(name)
    if key is None or size is None or key.algorithm != algorithm:
        return BadSignature(owner, _unsigned(record, TsigError.BADKEY))
    whole_mac = _mac_of(whole.unsigned(at.start), key, record)
    if not hmac.compare_digest(whole_mac[: len(record.mac)], record.mac):
        return BadSignature(owner, _unsigned(record, TsigError.BADSIG))
    fudge = min(record.fudge, LONGEST_FUDGE)
    signed = Signed(key, record.mac, record.time_signed, fudge, record.original_id)
    # RFC 8945 5.2.3 comes before 5.2.4.
    if abs(now - record.time_signed) > fudge:
        return signed._replace(error=TsigError.BADTIME)
    if len(record.mac) < size:
        # RFC 8945 5.2.4: "too short for the local policy": ours has no use for it.
        return signed._replace(error=TsigError.BADTRUNC)
    return signed


def sign_reply(reply: bytes, signed: Signed | BadSignature, now: int) -> bytes:
    """Add the TSIG record to a reply that is whole otherwise."""
    if isinstance(signed, BadSignature):
        return _with_record(reply, signed.name, signed.record)
    late = signed.error is TsigError.BADTIME
    # RFC 8945 5.2.3: "It MUST include the client's current time in the Time Signed
    # field, the server's current time (an unsigned 48-bit integer) in the Other Data
    # field".
    time = signed.time if late else now
    draft = TSIG(  # type: ignore[no-untyped-call]
        CLASS_ANY, Rdtype.TSIG, dns.name.from_text(signed.key.algorithm), time,
        LONGEST_FUDGE, b"", signed.id, signed.error,
        now.to_bytes(_TIME, "big") if late else b"",
    )  # fmt: skip
    record = _sign(reply, signed.key, draft, time, signed.mac)
    return _with_record(reply, dns.name.from_text(signed.key.name), record)


class _Place(NamedTuple):
    name: dns.name.Name
    start: int
    data: slice


def _place_of(whole: Whole) -> _Place | None:
    """Find the TSIG record."""
    found = [each for each in whole.records if each.rdtype == Rdtype.TSIG]
    if not found:
        return None
    (record, *more), last = found, whole.records[-1]
    # RFC 8945 5.1: several, or one "in any other position": FORMERR; and 4.2: class
    # ANY, TTL 0.
    if more or record is not last or record.section is not Section.ADDITIONAL:
        raise FormError
    if record.rdclass != CLASS_ANY or record.ttl:
        raise FormError
    return _Place(record.name, record.start, record.data)


def _read(whole: Whole, data: slice) -> TSIG:
    size = data.stop - data.start
    try:
        record = dns.rdata.from_wire(
            RdataClass.ANY, RdataType.TSIG, whole.packet, data.start, size
        )
    except dns.exception.DNSException as error:
        raise FormError from error
    assert isinstance(record, TSIG)
    return record


def _mac_of(unsigned: bytes, key: Key, record: TSIG) -> bytes:
    """Give the whole signature that the key would have made."""
    mac: bytes = _sign(unsigned, key, record, record.time_signed, b"").mac
    return mac


def _sign(octets: bytes, key: Key, record: TSIG, time: int, before: bytes) -> TSIG:
    """Give the record with its signature; `before` is that of the request."""
    made, _ = dns.tsig.sign(  # type: ignore[no-untyped-call]
        octets, _key(key), record, time, before
    )
    assert isinstance(made, TSIG)
    return made


def _key(key: Key) -> dns.tsig.Key:
    return dns.tsig.Key(key.name, key.secret, dns.name.from_text(key.algorithm))


def _unsigned(record: TSIG, error: TsigError) -> TSIG:
    # RFC 8945 5.3.2: "an unsigned error message (MAC Size == 0 and empty MAC)".
    made = record.replace(mac=b"", error=int(error), other=b"")
    assert isinstance(made, TSIG)
    return made


def _with_record(reply: bytes, name: dns.name.Name, record: TSIG) -> bytes:
    *counts, additional = HEADER.unpack_from(reply)
    data, owner = record.to_wire(), name.to_wire()
    assert data is not None
    assert owner is not None
    head = Rdtype.TSIG.to_bytes(2, "big") + CLASS_ANY.to_bytes(2, "big") + bytes(4)
    return b"".join(
        [
            HEADER.pack(*counts, additional + 1), reply[HEADER.size :],
            owner, head, len(data).to_bytes(2, "big"), data,
        ]
    )  # fmt: skip
