"""What makes a zone of the configuration one that can be answered for."""

import ipaddress
from collections.abc import Iterable

from domicile.config import BadConfiguration
from domicile.model.names import HOST_LABEL, LONGEST_HOST
from domicile.model.zone_records import ChallengeMode, Zone

# A name is at most 255 octets on the wire, and that of an app begins with two labels
# of up to 63 letters, each behind its length.
_LONGEST_ZONE = LONGEST_HOST - 2 * 64

_LONGEST_TTL = 7 * 86400


def check_zones(zones: Iterable[Zone]) -> None:
    """Raise BadConfiguration with the first key that is wrong, and its value."""
    names: set[str] = set()
    for number, zone in enumerate(zones):
        key = f"zones[{number}]"
        if zone.name in names:
            raise BadConfiguration(f"{key}.name {zone.name!r} is there twice")
        names.add(zone.name)
        _check_zone(key, zone)


def _check_zone(key: str, zone: Zone) -> None:
    _check_name(f"{key}.name", zone.name)
    if len(zone.name) > _LONGEST_ZONE:
        raise BadConfiguration(
            f"{key}.name {zone.name!r} has {len(zone.name)} characters, where at most "
            f"{_LONGEST_ZONE} leave room for the names of apps"
        )
    for server, addresses in zone.nameservers.items():
        _check_nameserver(f"{key}.nameservers", zone, server, addresses)
    _check_addresses(f"{key}.landing", zone.landing)
    if zone.hostmaster:
        _check_mailbox(f"{key}.hostmaster", zone.hostmaster)
    _check_challenges(key, zone)
    for name in ("ttl", "longest_ttl", "ds_ttl"):
        if not 1 <= (ttl := getattr(zone, name)) <= _LONGEST_TTL:
            raise BadConfiguration(
                f"{key}.{name} is {ttl}, where 1 to {_LONGEST_TTL} seconds are expected"
            )


def _check_challenges(key: str, zone: Zone) -> None:
    if zone.challenges is not ChallengeMode.DELEGATE:
        if zone.validation:
            raise BadConfiguration(
                f"{key}.validation is {zone.validation!r}, where nothing is expected: "
                f"challenges is {str(zone.challenges)!r}, not 'delegate'"
            )
        return
    if not zone.validation:
        raise BadConfiguration(
            f"{key}.validation is empty, where the zone is expected to which challenges "
            "are delegated, such as validation.test"
        )
    _check_name(f"{key}.validation", zone.validation)
    longest = _LONGEST_ZONE - len(zone.name) - 1
    if len(zone.validation) > longest:
        raise BadConfiguration(
            f"{key}.validation {zone.validation!r} has {len(zone.validation)} "
            f"characters, where at most {longest} leave room for the names of apps"
        )


def _check_nameserver(
    key: str, zone: Zone, server: str, addresses: tuple[str, ...]
) -> None:
    _check_name(key, server)
    _check_addresses(f"{key}.{server!r}", addresses)
    if server.endswith(f".{zone.name}") and not addresses:
        raise BadConfiguration(
            f"{key}.{server!r} has no address, and lies in the zone itself: nobody "
            "could find it"
        )


def _check_name(key: str, name: str) -> None:
    if len(name) > LONGEST_HOST or not all(map(HOST_LABEL.fullmatch, name.split("."))):
        raise BadConfiguration(
            f"{key} {name!r} is not a host name of a-z, 0-9, hyphens and dots, such "
            "as apps.test"
        )


def _check_addresses(key: str, addresses: Iterable[str]) -> None:
    for address in addresses:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise BadConfiguration(
                f"{key} {address!r} is not an IP address, such as 192.0.2.1"
            ) from None


def _check_mailbox(key: str, mailbox: str) -> None:
    local, at, domain = mailbox.rpartition("@")
    if not (local and at and local.isascii() and len(local) <= 63):
        raise BadConfiguration(
            f"{key} {mailbox!r} is not a mail address, such as hostmaster@apps.test"
        )
    _check_name(key, domain)
