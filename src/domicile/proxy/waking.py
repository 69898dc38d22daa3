"""The one call that a serving proxy makes: it asks its manager to wake an app.

It is a hint. What is lost is sent again while requests still wait, and that the app is
awake is learned from the replica. A manager that is away costs a line in the log.
"""

import asyncio
from typing import Final

import httpx
import structlog

from domicile.service.logs import Sparing

_AGAIN_SECONDS: Final = 3.0
# A thousand apps that are asked at once are a thousand calls, one after the other.
_CONNECTIONS: Final = 8
_TIMEOUT: Final = httpx.Timeout(5.0, connect=3.0, pool=30.0)

_log = structlog.get_logger()


class Waker:
    """Wakes apps for one worker: one call each, however many requests wait."""

    __slots__ = ("_asking", "_client", "_next", "_sparing")

    def __init__(self, manager: str, token: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=manager,
            headers={"Authorization": f"Bearer {token}"},
            limits=httpx.Limits(max_connections=_CONNECTIONS),
            timeout=_TIMEOUT,
            # A proxy of the environment has no business between our own services.
            trust_env=False,
        )
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._next: dict[str, float] = {}
        self._sparing = Sparing()

    def wake(self, app: str) -> None:
        """Have it woken, unless that was asked for a moment ago."""
        now = asyncio.get_running_loop().time()
        if app in self._asking or now < self._next.get(app, 0.0):
            return
        self._asking[app] = asyncio.create_task(self._ask(app))

    def sweep(self) -> None:
        """Forget what keeps no call back any more."""
        now = asyncio.get_running_loop().time()
        self._next = {app: at for app, at in self._next.items() if at > now}

    async def close(self) -> None:
        tasks = list(self._asking.values())
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    async def _ask(self, app: str) -> None:
        try:
            answer = await self._client.post(f"/v1/apps/{app}/wake")
            answer.raise_for_status()
        except httpx.HTTPError as error:
            if times := self._sparing.count():
                _log.warning("cannot wake", app=app, error=str(error), times=times)
        finally:
            self._next[app] = asyncio.get_running_loop().time() + _AGAIN_SECONDS
            del self._asking[app]
