"""Tells the directory what is: of each app the newest report, until it is taken."""

import asyncio
import random

import httpx
import msgspec
import structlog

from domicile.model.moves import Report

_FIRST_DELAY = 0.1
_LONGEST_DELAY = 5.0

_log = structlog.get_logger()


class Reports:
    """Reports that wait to be taken; `run` until it is cancelled."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._waiting: dict[str, Report] = {}
        self._told = asyncio.Event()

    def tell(self, report: Report) -> None:
        """Have it sent, in the place of what was not yet sent of this app."""
        self._waiting[report.app] = report
        self._told.set()

    async def run(self) -> None:
        failures = 0
        while True:
            await self._told.wait()
            if await self._send():
                failures = 0
                continue
            delay = min(_FIRST_DELAY * 2**failures, _LONGEST_DELAY)
            failures = min(failures + 1, 10)
            # Spread, so that not all managers come back at once.
            await asyncio.sleep(random.uniform(delay / 2, delay))  # noqa: S311

    async def _send(self) -> bool:
        sent = list(self._waiting.values())
        try:
            response = await self._client.post(
                "/v1/reports",
                content=msgspec.json.encode(sent),
                headers={"Content-Type": "application/json"},
            )
            response.raise_for_status()
        except httpx.HTTPError as error:
            _log.warning("reports were not taken", error=str(error))
            return False
        for report in sent:
            if self._waiting.get(report.app) is report:
                del self._waiting[report.app]
        if not self._waiting:
            self._told.clear()
        return True
