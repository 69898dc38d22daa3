"""Keeps the secret of the name servers' cookies, and has another follow in time."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from domicile.clock import Clock, wall
from domicile.directory.leadership import Leadership
from domicile.directory.service import Directory
from domicile.model import cookieroll
from domicile.model.sealing import context_of, seal
from domicile.model.zone_records import COOKIES, CookieSecrets
from domicile.store.store import Store

# RFC 9018 4.4: the key of SipHash.
_SECRET_BYTES = 16
_LOOK_SECONDS = 60.0

_log = structlog.get_logger()


@asynccontextmanager
async def keeping_cookies(
    directory: Directory, leadership: Leadership
) -> AsyncIterator[None]:
    """Have the secret be what it should be during the block, whenever we lead."""
    cookies = Cookies(directory.store, directory.sealing_key, leadership)
    task = asyncio.create_task(cookies.run(), name="cookies")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


class Cookies:
    """Looks whether the next step is due."""

    def __init__(
        self,
        store: Store,
        sealing_key: bytes,
        leadership: Leadership,
        clock: Clock = wall,
    ) -> None:
        self._store = store
        self._sealing_key = sealing_key
        self._leadership = leadership
        self._clock = clock

    async def run(self) -> None:
        """Look until cancelled; no failure ends it."""
        while True:
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - the border: looked at again
                _log.exception("the secret of cookies is not renewed")
            await asyncio.sleep(_LOOK_SECONDS if self._leadership.leads else 1.0)

    async def look(self) -> None:
        """Write what is due."""
        if not self._leadership.leads:
            return
        now = self._clock()
        async with self._store.transaction() as tx:
            await self._leadership.demand(tx)
            found = await tx.get(CookieSecrets, COOKIES)
            if found is None:
                due: CookieSecrets | None = cookieroll.first(self._make(), now)
            else:
                due = cookieroll.following(found, now, self._make)
            if due is not None:
                await tx.put(due)

    def _make(self) -> bytes:
        secret = secrets.token_bytes(_SECRET_BYTES)
        return seal(self._sealing_key, secret, context_of(CookieSecrets.kind, COOKIES))
