"""Record types, and how the few that we answer are written."""

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import NamedTuple

_SOA_NUMBERS = Struct("!5I")

LONGEST_STRING = 255


class Rdtype(IntEnum):
    """The types that are treated by name; any other number is a type as well."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    HINFO = 13
    MX = 15
    TXT = 16
    RP = 17
    AFSDB = 18
    AAAA = 28
    SRV = 33
    NAPTR = 35
    KX = 36
    DNAME = 39
    OPT = 41
    DS = 43
    RRSIG = 46
    NSEC = 47
    DNSKEY = 48
    CDS = 59
    CDNSKEY = 60
    NXNAME = 128
    TKEY = 249
    TSIG = 250
    IXFR = 251
    AXFR = 252
    MAILB = 253
    MAILA = 254
    ANY = 255


class Rcode(IntEnum):
    """How an answer ended."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    YXDOMAIN = 6
    BADVERS = 16


class RRset(NamedTuple):
    """All records of one name and type; in DNS they come and go together."""

    name: bytes
    rdtype: int
    ttl: int
    rdatas: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Soa:
    """The start of a zone's authority (RFC 1035 3.3.13)."""

    primary: bytes
    hostmaster: bytes
    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int


def a(address: IPv4Address) -> bytes:
    return address.packed


def aaaa(address: IPv6Address) -> bytes:
    return address.packed


def ns(server: bytes) -> bytes:
    return server


def soa(value: Soa) -> bytes:
    numbers = _SOA_NUMBERS.pack(
        value.serial, value.refresh, value.retry, value.expire, value.minimum
    )
    return value.primary + value.hostmaster + numbers


def hinfo(cpu: bytes, system: bytes) -> bytes:
    return _string(cpu) + _string(system)


def txt(*strings: bytes) -> bytes:
    return b"".join(map(_string, strings))


def _string(value: bytes) -> bytes:
    assert len(value) <= LONGEST_STRING
    return bytes((len(value),)) + value
