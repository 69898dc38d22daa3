"""Record types, and how the few that we answer are written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import NamedTuple

_SOA_NUMBERS = Struct("!5I")
_SVC_PARAM = Struct("!2H")
# Priority 1, ServiceMode; RFC 9460 2.5.2: the root is "the owner name of this record".
_OWN_NAME = b"\0\x01\0"

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
    HTTPS = 65
    NXNAME = 128
    TKEY = 249
    TSIG = 250
    IXFR = 251
    AXFR = 252
    MAILB = 253
    MAILA = 254
    ANY = 255


class ServiceKey(IntEnum):
    """What an HTTPS record tells of a service (RFC 9460 14.3.2)."""

    ALPN = 1
    NO_DEFAULT_ALPN = 2
    IPV4HINT = 4
    IPV6HINT = 6


DEFAULT_ALPN = "http/1.1"
_HINTS = {ServiceKey.IPV4HINT: 4, ServiceKey.IPV6HINT: 6}


class Rcode(IntEnum):
    """How an answer ended."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    YXDOMAIN = 6
    YXRRSET = 7
    NXRRSET = 8
    NOTAUTH = 9
    NOTZONE = 10
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


def https(alpn: Sequence[str], hints: Iterable[IPv4Address | IPv6Address]) -> bytes:
    """Say what is spoken over TLS at the owner's own name, and where (RFC 9460 2.2)."""
    hints = tuple(hints)
    # RFC 9460 7.1.2: what is not the default is listed, and that the default is spoken
    # goes without saying.
    others = [each for each in alpn if each != DEFAULT_ALPN]
    # RFC 9460 2.2: "SvcParamKeys SHALL appear in increasing numeric order".
    params: dict[ServiceKey, bytes] = {}
    if others:
        params[ServiceKey.ALPN] = b"".join(_string(each.encode()) for each in others)
    if DEFAULT_ALPN not in alpn:
        params[ServiceKey.NO_DEFAULT_ALPN] = b""
    for key, version in _HINTS.items():
        if packed := b"".join(each.packed for each in hints if each.version == version):
            params[key] = packed
    return _OWN_NAME + b"".join(
        _SVC_PARAM.pack(key, len(value)) + value for key, value in params.items()
    )


def txt(*strings: bytes) -> bytes:
    return b"".join(map(_string, strings))


def _string(value: bytes) -> bytes:
    assert len(value) <= LONGEST_STRING
    return bytes((len(value),)) + value
