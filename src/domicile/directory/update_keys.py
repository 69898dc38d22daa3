"""Keys of updates and transfers (RFC 8945): made here, and their secrets told once."""

import base64
import re
import secrets

import msgspec

from domicile.directory.apps import AlreadyThere
from domicile.directory.registry import BadRequest, demand
from domicile.model.challenges import FindZone, zone_of
from domicile.model.names import HOST_LABEL, LONGEST_HOST
from domicile.model.sealing import context_of, seal
from domicile.model.zone_records import ChallengeMode, UpdateKey, Zone
from domicile.store.transaction import Reading, Transaction

# RFC 8945 6: the others are for who cannot do better. RFC 2104 3: a key as long as what
# the hash gives is as strong as it can be.
SECRET_BYTES = {"hmac-sha256": 32, "hmac-sha384": 48, "hmac-sha512": 64}

MOST_NAMES = 100

_KEY_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key to make, for the challenges of names, and for transfers of zones."""

    name: str
    names: tuple[str, ...] = ()
    transfers: tuple[str, ...] = ()
    algorithm: str = "hmac-sha256"


class KeyShown(msgspec.Struct, frozen=True):
    """A key without its secret."""

    name: str
    algorithm: str
    names: tuple[str, ...]
    transfers: tuple[str, ...]


class KeyAdded(KeyShown, frozen=True):
    """A key with its secret in base64, which is shown only here.

    `servers` are the zones' name servers, by address where we know it.
    """

    secret: str
    servers: tuple[str, ...]


def shown_key(key: UpdateKey) -> KeyShown:
    return KeyShown(key.name, key.algorithm, key.names, key.transfers)


async def all_keys(reading: Reading) -> list[KeyShown]:
    return [shown_key(key) for key in await reading.all(UpdateKey)]


async def add_key(tx: Transaction, sealing_key: bytes, new: NewKey) -> KeyAdded:
    """Make a key; raises BadRequest, AlreadyThere."""
    zones = await tx.all(Zone)
    _judge(new, {zone.name: zone for zone in zones}.get, zones)
    if await tx.get(UpdateKey, new.name) is not None:
        raise AlreadyThere(
            f"key {new.name!r} exists already: remove it, or take another"
        )
    secret = secrets.token_bytes(SECRET_BYTES[new.algorithm])
    sealed = seal(sealing_key, secret, context_of(UpdateKey.kind, new.name))
    key = UpdateKey(new.name, new.algorithm, sealed, new.names, new.transfers)
    await tx.put(key)
    return KeyAdded(
        **msgspec.structs.asdict(shown_key(key)),
        secret=base64.b64encode(secret).decode(),
        servers=_servers_of(zones),
    )


async def remove_key(tx: Transaction, name: str) -> KeyShown:
    """Have a key be none; raises NotFound."""
    key = await demand(tx, UpdateKey, name)
    await tx.delete(UpdateKey, name)
    return shown_key(key)


def _judge(new: NewKey, find_zone: FindZone, zones: list[Zone]) -> None:
    if len(new.name) > LONGEST_HOST or not all(
        map(_KEY_LABEL.fullmatch, new.name.split("."))
    ):
        raise BadRequest(
            f"key name {new.name!r} is not of a-z, 0-9, _, hyphens and dots, such as acme"
        )
    if new.algorithm not in SECRET_BYTES:
        raise BadRequest(
            f"algorithm {new.algorithm!r} is none of {', '.join(SECRET_BYTES)}"
        )
    if not (new.names or new.transfers):
        raise BadRequest("the key is for nothing: say for which names, or zones")
    if len(new.names) + len(new.transfers) > MOST_NAMES:
        raise BadRequest(f"a key is for at most {MOST_NAMES} names: make several")
    for name in (*new.names, *new.transfers):
        if len(name) > LONGEST_HOST or not all(
            map(HOST_LABEL.fullmatch, name.split("."))
        ):
            raise BadRequest(
                f"{name!r} is not a host name of a-z, 0-9, hyphens and dots, such as "
                "ada.apps.test; of a wildcard it is the name behind *."
            )
    validates = any(zone.challenges is ChallengeMode.ONLY for zone in zones)
    for name in new.names:
        if zone_of(find_zone, name) is None and not validates:
            raise BadRequest(
                f"{name!r} is in no zone of ours, and there is no validation zone where "
                "its challenges could be"
            )


def _servers_of(zones: list[Zone]) -> tuple[str, ...]:
    found = {
        addresses[0] if addresses else server: None
        for zone in zones
        for server, addresses in zone.nameservers.items()
    }
    return tuple(found)
