"""Walks the keys of zones on: looks at the facts, enters what `model.keyroll` says.

A name server that is away is waited for, however long: it would go on to serve what
validators can no longer make anything of. One that is gone for good is forgotten by the
feed after a week. Whoever leads next finds each key in the state that was committed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

import structlog
from sqlalchemy import func, select

from domicile.directory.access import Role
from domicile.directory.leadership import Leadership
from domicile.directory.parent import Parents
from domicile.directory.service import Directory
from domicile.directory.zone_keys import keys_of
from domicile.model import keyroll
from domicile.model.keyroll import Facts, Step
from domicile.model.sealing import context_of, unseal
from domicile.model.zone_records import Zone, ZoneKey
from domicile.store.feed import Feed
from domicile.store.schema import records
from domicile.store.store import Store

_LOOK_SECONDS = 1.0
_NAMESERVERS = f"{Role.NAMESERVER}/"

DsAtParent = Callable[[str], Awaitable[frozenset[bytes] | None]]

_log = structlog.get_logger()


@asynccontextmanager
async def rolling_keys(
    directory: Directory, leadership: Leadership
) -> AsyncIterator["KeyRolls"]:
    """Walk the zones' keys on during the block, whenever we lead."""
    rolls = KeyRolls(
        directory.store,
        directory.feed,
        leadership,
        Parents(directory.resolvers).ds_of,
        directory.sealing_key,
    )
    task = asyncio.create_task(rolls.run(), name="keyrolls")
    try:
        yield rolls
    finally:
        task.cancel()
        await asyncio.wait([task])


class KeyRolls:
    """The one who walks keys on, while it leads.

    `trouble` says what kept it from that, the last time that it looked.
    """

    def __init__(
        self,
        store: Store,
        feed: Feed,
        leadership: Leadership,
        ds_at_parent: DsAtParent,
        sealing_key: bytes,
    ) -> None:
        self._store = store
        self._feed = feed
        self._leadership = leadership
        self._ds_at_parent = ds_at_parent
        self._sealing_key = sealing_key
        self._unsealed: set[bytes] = set()
        self.trouble = ""

    async def run(self) -> None:
        """Look until cancelled; no failure ends it."""
        while True:
            try:
                await self.look()
                self.trouble = ""
            except Exception as error:  # noqa: BLE001 - the border: looked at again
                self.trouble = f"the keys of zones do not go on: {error}"
                _log.exception("the keys of zones do not go on")
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Take every step that the facts allow."""
        if not self._leadership.leads:
            return
        async with self._store.reading() as reading:
            zones = await reading.all(Zone)
            keys = {each.name: await keys_of(reading, each.name) for each in zones}
        known = not await ignorant(self._store, self._feed)
        for zone in zones:
            if keys[zone.name]:
                await self._advance(zone, keys[zone.name], known)
        self._check(each for of_zone in keys.values() for each in of_zone)

    async def _advance(self, zone: Zone, keys: list[ZoneKey], known: bool) -> None:
        """Take a step, if there is one, with the keys of which the facts are known."""
        waits = keyroll.waits_for_parent(keys)
        parent = await self._ds_at_parent(zone.name) if waits else None
        async with self._store.transaction() as tx:
            step = keyroll.advance(zone, keys, Facts(tx.now, known, parent))
            if step is None or await keys_of(tx, zone.name) != keys:
                return
            await self._leadership.demand(tx)
            for key in step.put:
                await tx.put(key)
            for key in step.removed:
                await tx.delete(ZoneKey, key.key)
        _tell(zone, {key.tag: key for key in keys}, step)

    def _check(self, keys: Iterable[ZoneKey]) -> None:
        """Raise CannotUnseal where our sealing key is not that of the keys."""
        for key in keys:
            if key.sealed not in self._unsealed:
                unseal(self._sealing_key, key.sealed, context_of(key.kind, key.key))
                self._unsealed.add(key.sealed)


def _tell(zone: Zone, before: dict[int, ZoneKey], step: Step) -> None:
    for key in step.put:
        if key.state is not before[key.tag].state:
            _log.info("zone key", zone=zone.name, tag=key.tag, state=key.state.value)
    for key in step.removed:
        _log.info("zone key", zone=zone.name, tag=key.tag, state="removed")


async def ignorant(store: Store, feed: Feed) -> list[str]:
    """Name the name servers that may not sign by the keys that there are.

    Those that have not acknowledged them, silent ones too, and those in trouble: with
    the keys, it may be.
    """
    newest = select(func.max(records.c.serial)).where(records.c.kind == ZoneKey.kind)
    async with store.reading() as reading:
        serial = (await reading.execute(newest)).scalar_one() or 0
    return sorted(
        each.name
        for each in feed.followers
        if each.name.startswith(_NAMESERVERS) and (each.serial < serial or each.trouble)
    )
