"""From what a secondary asks to the messages of the answer, one after the other."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack
from enum import Enum
from typing import NamedTuple

import dns.edns
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.tsig

from domicile.dns.answer import Ede
from domicile.dns.edns import Edns, write_edns
from domicile.dns.message import HEADER
from domicile.dns.rdata import Rcode
from domicile.dns.serial import is_newer
from domicile.dns.transfer import (
    Envelope,
    Piece,
    bundled,
    differences,
    whole_zone,
)
from domicile.nameserver.transfers.journal import Reading, read
from domicile.nameserver.transfers.offers import Offer
from domicile.nameserver.transfers.signature import (
    Signer,
    append,
    as_dnspython_has_it,
    blank_signature,
)

_BADSIG, _BADKEY, _BADTIME = 16, 17, 18

_ERRORS: tuple[tuple[type[Exception], int], ...] = (
    (dns.tsig.BadTime, _BADTIME),
    (dns.tsig.BadSignature, _BADSIG),
    (dns.tsig.BadKey, _BADKEY),
    # RFC 8945 5.2.1: a key "with the specified … algorithm" is not known.
    (dns.tsig.BadAlgorithm, _BADKEY),
    (dns.message.UnknownTSIGKey, _BADKEY),
)


class Outcome(Enum):
    """What became of a request."""

    WHOLE = "whole"
    DIFFERENCES = "differences"
    CURRENT = "current"
    REFUSED = "refused"
    FAILED = "failed"


class Given(NamedTuple):
    """An answer: how it is counted, why it is no better, and its messages."""

    outcome: Outcome
    messages: Generator[bytes]
    reason: str = ""


class _Refusal(NamedTuple):
    rcode: dns.rcode.Rcode
    code: Ede
    reason: str


_NOT_OFFERED = _Refusal(
    dns.rcode.REFUSED, Ede.PROHIBITED, "no transfers of this zone are given"
)
_ELSEWHERE = _Refusal(
    dns.rcode.REFUSED, Ede.PROHIBITED, "no transfers are given to this address"
)
_UNSIGNED = _Refusal(
    dns.rcode.REFUSED, Ede.PROHIBITED, "it is given to who signs by its key"
)
_SIGNED = _Refusal(
    dns.rcode.REFUSED, Ede.NOT_SUPPORTED, "the zone is signed as it is asked for"
)
_NOT_READY = _Refusal(
    dns.rcode.SERVFAIL, Ede.NOT_READY, "there is no edition of this zone yet"
)
BUSY = _Refusal(
    dns.rcode.SERVFAIL, Ede.NOT_READY, "too many transfers go on at present"
)


def answer(
    packet: bytes,
    address: bytes,
    offers: Sequence[Offer],
    now: int,
    *,
    busy: bool = False,
) -> Given:
    """Answer one request; `busy` where nothing long can be given at present."""
    known = [as_dnspython_has_it(each.key) for each in offers if each.key]
    keys = {each.name: each for each in known}
    try:
        query = dns.message.from_wire(packet, keyring=keys)
    except dns.exception.DNSException as error:
        return _not_understood(packet, error, keys, now)
    question = query.question[0]
    rdtype = question.rdtype
    signer = Signer(query.keyring, query.mac or b"", now) if query.had_tsig else None
    offer = _find(offers, question)
    refusal = _judge(offer, query, address)
    if refusal or offer is None:
        return _refuse(query, refusal or _NOT_OFFERED, signer)
    with ExitStack() as stack:
        reading = stack.enter_context(read(offer.journal))
        if reading is None:
            return _refuse(query, _NOT_READY, signer)
        if reading.is_withheld:
            return _refuse(query, _SIGNED, signer)
        outcome, pieces = _pieces(reading, query)
        if busy and outcome is not Outcome.CURRENT:
            return _refuse(query, BUSY, signer)
        name = packet[HEADER.size :][: len(offer.apex)]
        envelope = Envelope(query.id, query.flags, name, rdtype)
        messages = _write(stack.pop_all(), envelope, pieces, query, signer)
        return Given(outcome, messages)


def _find(offers: Iterable[Offer], question: dns.rrset.RRset) -> Offer | None:
    name = question.name.canonicalize().to_wire()
    if question.rdclass != dns.rdataclass.IN:
        return None
    return next((each for each in offers if each.apex == name), None)


def _judge(
    offer: Offer | None, query: dns.message.Message, address: bytes
) -> _Refusal | None:
    if offer is None:
        return _NOT_OFFERED
    if not offer.admits(address):
        return _ELSEWHERE
    signed_by = query.keyname if query.had_tsig else None
    wanted = offer.key and dns.name.from_text(offer.key.name)
    if offer.wants_signature and (wanted is None or signed_by != wanted):
        return _UNSIGNED
    return None


def _pieces(
    reading: Reading, query: dns.message.Message
) -> tuple[Outcome, Iterable[Piece]]:
    soa = reading.edition.soa
    rdtype = query.question[0].rdtype
    if rdtype == dns.rdatatype.AXFR:
        return Outcome.WHOLE, whole_zone(soa, reading.nodes())
    known = _known_serial(query)
    # RFC 1995 2: to "the same or newer version" the answer is "a single SOA record".
    if known is None or not is_newer(reading.edition.serial, known):
        return Outcome.CURRENT, (Piece(1, soa),)
    steps = reading.since(known)
    # RFC 1995 4: "If incremental zone transfer is not available, the entire zone".
    if steps is None:
        return Outcome.WHOLE, whole_zone(soa, reading.nodes())
    return Outcome.DIFFERENCES, differences(soa, steps)


def _known_serial(query: dns.message.Message) -> int | None:
    """Give the serial that an IXFR tells; of a question for the SOA, none."""
    for rrset in query.authority:
        if rrset.rdtype == dns.rdatatype.SOA:
            return int(rrset[0].serial)
    return None


def _write(
    stack: ExitStack,
    envelope: Envelope,
    pieces: Iterable[Piece],
    query: dns.message.Message,
    signer: Signer | None,
) -> Generator[bytes]:
    opt = b""
    if query.edns >= 0:
        opt = write_edns(Rcode.NOERROR, Edns(query.payload, 0, dnssec_ok=False))
    with stack:
        for piece in bundled(pieces):
            message = envelope.message(piece, opt)
            yield signer.sign(message) if signer else message
            # RFC 5936 2.2.5: in the first message it is enough.
            opt = b""


def _refuse(
    query: dns.message.Message, refusal: _Refusal, signer: Signer | None
) -> Given:
    query.keyring = None
    reply = dns.message.make_response(query, our_payload=1232)
    reply.set_rcode(refusal.rcode)
    if query.edns >= 0:
        told = dns.edns.EDEOption(dns.edns.EDECode(refusal.code), refusal.reason)
        reply.use_edns(0, payload=1232, options=[told])
    wire = reply.to_wire()
    outcome = Outcome.FAILED
    if refusal.rcode == dns.rcode.REFUSED:
        outcome = Outcome.REFUSED
    wire = signer.sign(wire) if signer else wire
    return Given(outcome, _alone(wire), refusal.reason)


def _alone(message: bytes) -> Generator[bytes]:
    yield message


def _not_understood(
    packet: bytes,
    error: dns.exception.DNSException,
    keys: dict[dns.name.Name, dns.tsig.Key],
    now: int,
) -> Given:
    """Say what is wrong with a signature (RFC 8945 5.2), or with the message."""
    number = next((number for kind, number in _ERRORS if isinstance(error, kind)), 0)
    reason = f"{type(error).__name__}: {error}"
    if not number:
        header = packet[:2] + b"\x80" + bytes((Rcode.FORMERR,)) + bytes(8)
        return Given(Outcome.REFUSED, _alone(header), reason)
    query = dns.message.from_wire(packet, keyring=False)
    query.keyring = None
    reply = dns.message.make_response(query, our_payload=1232)
    reply.set_rcode(dns.rcode.NOTAUTH)
    wire = reply.to_wire()
    assert query.tsig is not None
    assert query.keyname is not None
    if number == _BADTIME:
        # RFC 8945 5.2.3: signed, with the time of the request and ours beside.
        begun = query.tsig[0].time_signed
        signer = Signer(keys[query.keyname], query.mac or b"", begun)
        signed = signer.sign(wire, number, now.to_bytes(6, "big"))
        return Given(Outcome.REFUSED, _alone(signed), reason)
    # RFC 8945 5.3.2: of the others the answer is not signed.
    key = dns.tsig.Key(query.keyname, b"", query.tsig[0].algorithm)
    return Given(
        Outcome.REFUSED,
        _alone(append(wire, key, blank_signature(key, wire, number, now=now))),
        reason,
    )
