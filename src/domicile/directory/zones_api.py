"""The API's routes for zones, and for the keys that sign them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from domicile.directory.access import Operation
from domicile.directory.conversation import Asked, Work, work_once
from domicile.directory.keyrolls import ignorant
from domicile.directory.registry import demand
from domicile.directory.service import Directory
from domicile.directory.zone_keys import (
    RollWanted,
    SigningWanted,
    confirm_parent,
    keys_of,
    leave_zone,
    roll_zone,
    sign_zone,
)
from domicile.dns.keys import Algorithm
from domicile.model import keyroll
from domicile.model.keyroll import Signing
from domicile.model.zone_records import Zone, ZoneKey
from domicile.store.transaction import Reading, Transaction

Opened = NamedDependency[Directory]


class KeyShown(msgspec.Struct, frozen=True):
    """A key of a zone: since when it is in its state, what it waits for, until when."""

    tag: int
    role: str
    algorithm: str
    state: str
    since: str
    waits_for: str
    until: str


class ZoneShown(msgspec.Struct, frozen=True):
    """A zone, and how it is signed.

    `ds` are the records that the parent zone is to have, as a master file has them;
    `waits_for` the name servers that do not have the keys yet, where that matters.
    """

    name: str
    signing: Signing
    parent: str
    ds: tuple[str, ...]
    keys: tuple[KeyShown, ...]
    waits_for: tuple[str, ...]


class ZoneRow(msgspec.Struct, frozen=True):
    """A zone in a list."""

    name: str
    signing: Signing
    parent: str
    keys: int


class Zones(msgspec.Struct, frozen=True):
    """The zones under which apps get names."""

    rows: tuple[ZoneRow, ...]


class LeavingWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether signatures go at once, whatever the parent zone says."""

    now: bool = False


@get("/zones", operation=Operation.ZONE_LIST)
async def list_zones(directory: Opened) -> Zones:
    async with directory.store.reading() as reading:
        rows = []
        for zone in await reading.all(Zone):
            keys = await keys_of(reading, zone.name)
            signing, parent = keyroll.signing_of(keys), parent_of(keys)
            rows.append(ZoneRow(zone.name, signing, parent, len(keys)))
        return Zones(tuple(rows))


@get("/zones/{name:str}", operation=Operation.ZONE_SHOW)
async def show_zone(name: FromPath[str], directory: Opened) -> ZoneShown:
    async with directory.store.reading() as reading:
        shown = await _shown(reading, name)
    if all(key.waits_for != keyroll.WAITS_FOR_SERVERS for key in shown.keys):
        return shown
    waits_for = await ignorant(directory.store, directory.feed)
    return msgspec.structs.replace(shown, waits_for=tuple(waits_for))


@post("/zones/{name:str}/sign", operation=Operation.ZONE_SIGN)
async def post_sign(
    request: Asked,
    name: FromPath[str],
    data: JSONBody[SigningWanted],
    directory: Opened,
) -> Response[bytes]:
    """Have the zone signed; one that was to go insecure stays signed."""

    async def work(tx: Transaction) -> None:
        await sign_zone(tx, directory.sealing_key, name, data)

    return await work_once(request, directory, _then_shown(name, work))


@post("/zones/{name:str}/roll", operation=Operation.ZONE_ROLL)
async def post_roll(
    request: Asked,
    name: FromPath[str],
    data: JSONBody[RollWanted],
    directory: Opened,
) -> Response[bytes]:
    """Have new keys take the place of the zone's."""

    async def work(tx: Transaction) -> None:
        await roll_zone(tx, directory.sealing_key, name, data)

    return await work_once(request, directory, _then_shown(name, work))


@post("/zones/{name:str}/insecure", operation=Operation.ZONE_INSECURE)
async def post_insecure(
    request: Asked,
    name: FromPath[str],
    data: JSONBody[LeavingWanted],
    directory: Opened,
) -> Response[bytes]:
    """Have the zone go insecure: once the parent's DS is gone, or at once."""

    async def work(tx: Transaction) -> None:
        await leave_zone(tx, name, now=data.now)

    return await work_once(request, directory, _then_shown(name, work))


@post("/zones/{name:str}/confirm", operation=Operation.ZONE_CONFIRM)
async def post_confirm(
    request: Asked, name: FromPath[str], directory: Opened
) -> Response[bytes]:
    """Take the word that the parent zone has the DS records that it is to have."""

    async def work(tx: Transaction) -> None:
        await confirm_parent(tx, name)

    return await work_once(request, directory, _then_shown(name, work))


def _then_shown(name: str, work: Callable[[Transaction], Awaitable[None]]) -> Work:
    async def both(tx: Transaction) -> ZoneShown:
        await work(tx)
        return await _shown(tx, name)

    return both


async def _shown(reading: Reading, name: str) -> ZoneShown:
    zone = await demand(reading, Zone, name)
    keys = await keys_of(reading, name)
    return ZoneShown(
        zone.name,
        keyroll.signing_of(keys),
        parent_of(keys),
        tuple(ds_lines(zone, keys)),
        tuple(_key_shown(zone, key) for key in keys),
        (),
    )


def parent_of(keys: list[ZoneKey]) -> str:
    """Say what the parent zone has still to do."""
    if not keyroll.waits_for_parent(keys):
        return ""
    if keyroll.is_leaving(keys):
        return "is to have no DS record of the zone"
    return "is to have the DS record below, and no other"


def ds_lines(zone: Zone, keys: list[ZoneKey]) -> list[str]:
    """Write the DS records for the parent zone's master file."""
    return [
        f"{zone.name}. {zone.ds_ttl} IN DS {int.from_bytes(ds[:2], 'big')} {ds[2]} "
        f"{ds[3]} {ds[4:].hex().upper()}"
        for ds in keyroll.ds_records(keys)
    ]


def _key_shown(zone: Zone, key: ZoneKey) -> KeyShown:
    wait = keyroll.wait_of(zone, key)
    return KeyShown(
        key.tag,
        key.role.value,
        Algorithm(key.public[3]).name.lower(),
        "leaving" if key.leaving else key.state.value,
        _moment(key.since),
        wait.what if wait else "",
        _moment(wait.until) if wait and wait.until else "",
    )


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


ROUTES = (
    list_zones, show_zone, post_sign, post_roll, post_insecure, post_confirm
)  # fmt: skip
