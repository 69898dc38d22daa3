"""Dynamic updates (RFC 2136), signed (RFC 8945), of TXT records and of no others.

    packet -> read_update -> Update     read it with `judge`, and then `reply`
                          -> bytes      a reply that says why it is none
                          -> None       silence is owed

No record is changed here: what an update requires and changes are values, for who has
the records. `reply` is for the outcome.
"""

from enum import Enum, IntEnum
from typing import NamedTuple

import dns.name

from domicile.dns.answer import Ede, ExtendedError
from domicile.dns.edns import Edns, OptionCode, read_edns, write_edns
from domicile.dns.message import HEADER, QR
from domicile.dns.rdata import Rcode, Rdtype
from domicile.dns.sections import (
    FormError,
    Record,
    Section,
    TooManyRecords,
    Whole,
    read_sections,
)
from domicile.dns.tsig import (
    BadSignature,
    FindKey,
    Signed,
    TsigError,
    read_signed,
    sign_reply,
)
from domicile.errors import DomicileError

UPDATE = 5 << 11


class _Class(IntEnum):
    """What a record of an update says by its class (RFC 2136 2.4, 2.5)."""

    IN = 1
    NONE = 254
    ANY = 255


MOST_RECORDS = 10
"""So many a section has: a client writes a challenge for each name of a certificate."""

# RFC 2136 3.4.1.2: no data have these types.
_META = frozenset({Rdtype.AXFR, Rdtype.MAILB, Rdtype.MAILA, Rdtype.IXFR, Rdtype.ANY})

# RFC 2136 2.4: what it means that a requirement of ANY type, or of TXT, is not met.
_UNMET: dict[tuple[int, bool], Rcode] = {
    (Rdtype.ANY, True): Rcode.NXDOMAIN,
    (Rdtype.ANY, False): Rcode.YXDOMAIN,
    (Rdtype.TXT, True): Rcode.NXRRSET,
    (Rdtype.TXT, False): Rcode.YXRRSET,
}

_UNSIGNED = ExtendedError(Ede.PROHIBITED, "an update has to be signed")
_ONLY_TXT = ExtendedError(Ede.NOT_SUPPORTED, "only TXT records of one string each")


class Update(NamedTuple):
    """An update that a key of ours has signed just now; its zone is not looked at yet."""

    whole: Whole
    edns: Edns | None
    signed: Signed

    @property
    def zone(self) -> str:
        return _text(self.whole.question.name)


class Requires(NamedTuple):
    """What has to be so: any TXT at a name, or none; or just these `values`.

    Where it is not, `otherwise` is the outcome.
    """

    name: str
    present: bool
    values: tuple[str, ...] | None
    otherwise: Rcode


class Act(Enum):
    """What is done to the TXT records of a name."""

    ADD = "add"
    REMOVE = "remove"
    CLEAR = "clear"


class Changes(NamedTuple):
    """A value to add or remove at a name, or that it is cleared of all."""

    name: str
    act: Act
    value: str = ""


class Judged(NamedTuple):
    """All that an update asks for, in its order."""

    requires: tuple[Requires, ...]
    changes: tuple[Changes, ...]


class Refused(DomicileError):
    """The update is not done: the reply has the `rcode`, and maybe says why."""

    def __init__(self, rcode: Rcode, error: ExtendedError | None = None) -> None:
        super().__init__(error.text if error else rcode.name)
        self.rcode = rcode
        self.error = error


def is_update(packet: bytes) -> bool:
    """Whether it is a request with the opcode UPDATE."""
    return len(packet) >= HEADER.size and packet[2] & 0xF8 == UPDATE >> 8


def read_update(packet: bytes, find_key: FindKey, now: int) -> Update | bytes | None:
    """Read what `is_update`, and judge its form and signature."""
    if not is_update(packet):
        return None
    try:
        whole = read_sections(packet, MOST_RECORDS)
        edns = _edns_of(whole)
        signed = read_signed(whole, find_key, now)
    except TooManyRecords:
        return refuse(packet, Rcode.REFUSED)
    except FormError:
        return refuse(packet, Rcode.FORMERR)
    if signed is None:
        return _write(whole, edns, Rcode.REFUSED, _UNSIGNED)
    if isinstance(signed, BadSignature) or signed.error is not TsigError.NONE:
        # RFC 8945 5.2: "RCODE 9 (NOTAUTH)", whichever error it is.
        return sign_reply(_write(whole, edns, Rcode.NOTAUTH), signed, now)
    return Update(whole, edns, signed)


def judge(update: Update) -> Judged:
    """Say what an update asks for, of a zone that we have; raises Refused.

    RFC 2136 3.1 to 3.4, as far as no records are needed for it.
    """
    whole = update.whole
    if whole.question.rdtype != Rdtype.SOA:
        raise Refused(Rcode.FORMERR)
    if whole.question.rdclass != _Class.IN:
        raise Refused(Rcode.NOTAUTH)
    required = [each for each in whole.records if each.section is Section.PREREQUISITE]
    updated = [each for each in whole.records if each.section is Section.UPDATE]
    for record in (*required, *updated):
        # RFC 2136 3.2.5 and 3.4.1.3: "if (zone_of(rr.name) != ZNAME) return (NOTZONE)".
        if not record.name.is_subdomain(whole.question.name):
            raise Refused(Rcode.NOTZONE)
    changes = tuple(_change(whole, record) for record in updated)
    return Judged(_requirements(whole, required), changes)


def reply(
    update: Update, rcode: Rcode, now: int, error: ExtendedError | None = None
) -> bytes:
    """Write the reply to an update, signed as it was."""
    written = _write(update.whole, update.edns, rcode, error)
    return sign_reply(written, update.signed, now)


def _requirements(whole: Whole, records: list[Record]) -> tuple[Requires, ...]:
    """RFC 2136 3.2.5, of names where nothing but TXT can be."""
    requires: list[Requires] = []
    values: dict[str, list[str]] = {}
    for record in records:
        if record.ttl or (record.rdclass != _Class.IN and whole.data_of(record)):
            raise Refused(Rcode.FORMERR)
        name = _text(record.name)
        match record.rdclass, record.rdtype:
            case _Class.ANY | _Class.NONE, Rdtype.ANY | Rdtype.TXT:
                present = record.rdclass == _Class.ANY
                otherwise = _UNMET[record.rdtype, present]
                requires.append(Requires(name, present, None, otherwise))
            case _Class.IN, Rdtype.TXT:
                values.setdefault(name, []).append(_value(whole.data_of(record)))
            case _Class.ANY | _Class.IN, _:
                raise Refused(Rcode.NXRRSET)
            case _Class.NONE, _:
                continue
            case _:
                raise Refused(Rcode.FORMERR)
    requires += [
        Requires(name, True, tuple(those), Rcode.NXRRSET)
        for name, those in values.items()
    ]
    return tuple(requires)


def _change(whole: Whole, record: Record) -> Changes:
    """RFC 2136 3.4.1.3, and 3.4.2."""
    name, data = _text(record.name), whole.data_of(record)
    rdtype = record.rdtype
    clears = record.rdclass == _Class.ANY
    if record.rdclass not in set(_Class):
        raise Refused(Rcode.FORMERR)
    if rdtype in _META and not (clears and rdtype == Rdtype.ANY):
        raise Refused(Rcode.FORMERR)
    if (record.ttl and record.rdclass != _Class.IN) or (clears and data):
        raise Refused(Rcode.FORMERR)
    if rdtype not in {Rdtype.TXT, Rdtype.ANY}:
        raise Refused(Rcode.REFUSED, _ONLY_TXT)
    if clears:
        return Changes(name, Act.CLEAR)
    act = Act.ADD if record.rdclass == _Class.IN else Act.REMOVE
    return Changes(name, act, _value(data))


def _value(data: bytes) -> str:
    """Give the one string of a TXT record."""
    at = 0
    while at < len(data):
        at += 1 + data[at]
    if not data or at != len(data):
        raise Refused(Rcode.FORMERR)
    if data[0] + 1 != len(data):
        raise Refused(Rcode.REFUSED, _ONLY_TXT)
    return data[1:].decode("latin-1")


def _text(name: dns.name.Name) -> str:
    return name.canonicalize().to_text(omit_final_dot=True)


def _edns_of(whole: Whole) -> Edns | None:
    """Raises FormError."""
    found = [each for each in whole.records if each.rdtype == Rdtype.OPT]
    if not found:
        return None
    (record, *more) = found
    wrong = more or record.name != dns.name.root
    edns = read_edns(record.rdclass, record.ttl, whole.data_of(record))
    if wrong or edns is None or record.section is not Section.ADDITIONAL:
        raise FormError
    return edns


def refuse(packet: bytes, rcode: Rcode) -> bytes:
    """Reply by the header alone: nothing behind it can be trusted, or was looked at."""
    ident = int.from_bytes(packet[:2], "big")
    return HEADER.pack(ident, QR | UPDATE | rcode, 0, 0, 0, 0)


def _write(
    whole: Whole, edns: Edns | None, rcode: Rcode, error: ExtendedError | None = None
) -> bytes:
    # RFC 2136 3.8: of the sections the reply has the request's, or none; as others do,
    # the zone is repeated.
    zone = whole.packet[HEADER.size : whole.question_end]
    head = HEADER.pack(whole.id, QR | UPDATE | rcode, 1, 0, 0, int(edns is not None))
    if edns is None:
        return head + zone
    code = (error.code.to_bytes(2, "big") + error.text.encode()) if error else b""
    options = [(OptionCode.ERROR, code)] if error else []
    return head + zone + write_edns(rcode, edns, options)
