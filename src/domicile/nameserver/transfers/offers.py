"""Which zones are given to whom: the settings, and what is made of them."""

from base64 import b64decode
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NamedTuple

import msgspec

from domicile.config import Address, BadConfiguration
from domicile.dns.budget import Network
from domicile.dns.name import BadName, name_from_text, name_to_text
from domicile.dns.tsig import Key

# RFC 8945 6: what else there is "SHOULD NOT" be used, or is of no use to anybody.
_ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512")


class Transfer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A zone that secondaries may take: from these networks, with this key, or both.

    The key is one of the directory's by its name, or of a file.
    """

    zone: str
    networks: tuple[str, ...] = ()
    key: str = ""
    key_file: str = ""
    notify: tuple[str, ...] = ()


class Offer(NamedTuple):
    """A zone, who may take it, who is told of new editions, and where it is kept.

    By `key` it is signed; where it is the directory's, that has to be found by its
    name, and while it is not nobody may take the zone.
    """

    apex: bytes
    networks: tuple[Network, ...]
    key: Key | None
    notify: tuple[Address, ...]
    journal: Path
    key_name: str = ""

    @property
    def wants_signature(self) -> bool:
        return bool(self.key or self.key_name)

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
    if not (transfer.networks or transfer.key or transfer.key_file):
        raise BadConfiguration(
            f"transfers: of {transfer.zone} networks, a key or a key_file are expected:"
            " without them anybody could take the whole zone"
        )
    if transfer.key and transfer.key_file:
        raise BadConfiguration(
            f"transfers: of {transfer.zone} there are a key and a key_file, where one"
            " of them is expected"
        )
    try:
        apex = name_from_text(transfer.zone.lower())
        networks = tuple(map(ip_network, transfer.networks))
    except (BadName, ValueError) as error:
        raise BadConfiguration(f"transfers: {transfer.zone}: {error}") from error
    key = _read_key(Path(transfer.key_file)) if transfer.key_file else None
    notify = tuple(map(Address.parse, transfer.notify))
    name = transfer.zone.lower().rstrip(".") or "root"
    journal = folder / f"{name.replace('/', '_')}.db"
    return Offer(apex, networks, key, notify, journal, transfer.key.lower().rstrip("."))


def _read_key(file: Path) -> Key:
    """Read a line such as `hmac-sha256:secondary.example:c2VjcmV0`."""
    try:
        algorithm, name, secret = file.read_text(encoding="ascii").strip().split(":")
        if algorithm not in _ALGORITHMS:
            raise ValueError(algorithm)  # noqa: TRY301 - all that is wrong is told alike
        owner = name_from_text(name.lower())
        return Key(name_to_text(owner), algorithm, b64decode(secret, validate=True))
    except (OSError, ValueError, BadName) as error:
        raise BadConfiguration(
            f"key_file {file} is to hold a line algorithm:name:secret, such as"
            f" hmac-sha256:secondary.example:c2VjcmV0, of {', '.join(_ALGORITHMS)}"
            f" and a secret in base64: {type(error).__name__}"
        ) from error
