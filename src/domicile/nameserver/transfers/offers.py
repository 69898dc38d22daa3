"""Which zones are given to whom: the settings, and what is made of them."""

from base64 import b64decode
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NamedTuple

import dns.exception
import dns.name
import dns.tsig
import msgspec

from domicile.config import Address, BadConfiguration
from domicile.dns.budget import Network
from domicile.dns.name import BadName, name_from_text

# RFC 8945 6: what else there is "SHOULD NOT" be used, or is of no use to anybody.
_ALGORITHMS = {
    "hmac-sha256": dns.tsig.HMAC_SHA256,
    "hmac-sha384": dns.tsig.HMAC_SHA384,
    "hmac-sha512": dns.tsig.HMAC_SHA512,
}


class Transfer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A zone that secondaries may take: from these networks, with this key, or both."""

    zone: str
    networks: tuple[str, ...] = ()
    key_file: str = ""
    notify: tuple[str, ...] = ()


class Offer(NamedTuple):
    """A zone, who may take it, who is told of new editions, and where it is kept.

    One that is signed online is given to nobody.
    """

    apex: bytes
    networks: tuple[Network, ...]
    key: dns.tsig.Key | None
    notify: tuple[Address, ...]
    journal: Path
    is_signed: bool = False

    def admits(self, address: bytes) -> bool:
        asking = ip_address(address)
        return not self.networks or any(asking in each for each in self.networks)


def read_offers(transfers: Iterable[Transfer], folder: Path) -> tuple[Offer, ...]:
    """Read the keys, and judge all; raises BadConfiguration."""
    offers = tuple(_read(each, folder) for each in transfers)
    if len({each.apex for each in offers}) < len(offers):
        raise BadConfiguration("transfers: a zone is there twice")
    return offers


def _read(transfer: Transfer, folder: Path) -> Offer:
    if not transfer.networks and not transfer.key_file:
        raise BadConfiguration(
            f"transfers: of {transfer.zone} networks or a key_file are expected:"
            " without them anybody could take the whole zone"
        )
    try:
        apex = name_from_text(transfer.zone.lower())
        networks = tuple(map(ip_network, transfer.networks))
    except (BadName, ValueError) as error:
        raise BadConfiguration(f"transfers: {transfer.zone}: {error}") from error
    key = _read_key(Path(transfer.key_file)) if transfer.key_file else None
    notify = tuple(map(Address.parse, transfer.notify))
    name = transfer.zone.lower().rstrip(".") or "root"
    return Offer(apex, networks, key, notify, folder / f"{name.replace('/', '_')}.db")


def _read_key(file: Path) -> dns.tsig.Key:
    """Read a line such as `hmac-sha256:secondary.example:c2VjcmV0`."""
    try:
        algorithm, name, secret = file.read_text(encoding="ascii").strip().split(":")
        octets = b64decode(secret, validate=True)
        return dns.tsig.Key(dns.name.from_text(name), octets, _ALGORITHMS[algorithm])
    except (OSError, ValueError, KeyError, dns.exception.DNSException) as error:
        raise BadConfiguration(
            f"key_file {file} is to hold a line algorithm:name:secret, such as"
            f" hmac-sha256:secondary.example:c2VjcmV0, of {', '.join(_ALGORITHMS)}"
            f" and a secret in base64: {type(error).__name__}"
        ) from error
