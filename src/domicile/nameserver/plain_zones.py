"""Which zones' names may be answered by one look-up, and which of their names not."""

from collections.abc import Collection, Iterator, Mapping

from domicile.dns.name import name_to_text
from domicile.dns.zonefile import StaticZone
from domicile.model.zone_records import ChallengeMode, Zone
from domicile.nameserver.alone import NoRecords
from domicile.nameserver.plain import PlainZone
from domicile.replica.view import View


def plain_zones(
    view: View | NoRecords,
    files: Mapping[bytes, StaticZone],
    signed: Collection[bytes] = (),
) -> Iterator[PlainZone]:
    """Give all zones; of some there is only that no other zone has their names.

    `signed` are the apexes of those that have keys.
    """
    with_keys = {_suffix(name_to_text(apex)) for apex in signed}
    written = {_suffix(name_to_text(apex)) for apex in files}
    for suffix in written:
        yield PlainZone(suffix, plain=False)
    for zone in view.all(Zone):
        suffix = _suffix(zone.name)
        if suffix not in written:
            has_apps = zone.challenges is not ChallengeMode.ONLY
            signed_too = suffix in with_keys
            yield PlainZone(suffix, _servers(zone), plain=has_apps, signed=signed_too)


def _suffix(zone: str) -> bytes:
    """Give how the hosts of a zone end; those of the root end as all do."""
    return f".{zone.strip('.')}".encode() if zone.strip(".") else b""


def _servers(zone: Zone) -> Iterator[bytes]:
    """Give the hosts in a zone that its name servers are, and those on the way there."""
    for server in zone.nameservers:
        host = server
        while host.endswith(f".{zone.name}"):
            yield host.encode()
            host = host.partition(".")[2]
