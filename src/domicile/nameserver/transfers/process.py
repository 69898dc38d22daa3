"""The process of transfers: keeps the journals, tells secondaries, and gives zones.

It is a process of its own, so that millions of records that are read, signed and sent
take nothing from who answers queries, nor from who follows the directory.
"""

import asyncio
import os
import socket
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NamedTuple

import structlog
import uvloop

from domicile.clock import wall
from domicile.dns.name import name_to_text
from domicile.dns.stream import frame
from domicile.errors import DomicileError
from domicile.nameserver.alone import NoRecords
from domicile.nameserver.counts import TransferTally
from domicile.nameserver.handover import Intake, Request
from domicile.nameserver.keyring import Keyring
from domicile.nameserver.replies import Own
from domicile.nameserver.transfers.answering import Given, Outcome, answer
from domicile.nameserver.transfers.journal import Edition, Journal
from domicile.nameserver.transfers.keeping import Keeper
from domicile.nameserver.transfers.notifying import notify
from domicile.nameserver.transfers.offers import Offer
from domicile.replica.replica import Replica
from domicile.service import lifeline, logs
from domicile.service.logs import Sparing

# At once; each holds an edition, so that the journal's file grows meanwhile.
MOST: Final = 8
# As a connection may be idle; and for how long the longest may take.
_STALLED: Final = 10.0
_LONGEST: Final = 3600.0
# Less than whoever serves.
_NICENESS: Final = 5

_log = structlog.get_logger()


class Part(NamedTuple):
    """What the process of transfers has of the service."""

    offers: Sequence[Offer]
    own: Own
    intake: Intake
    tally: TransferTally

    def signed(self, offer: Offer, replica: Replica | NoRecords) -> Offer:
        """Give an offer with its key, if that is the directory's and is for its zone."""
        if not offer.key_name:
            return offer
        # While it cannot be read nobody may take the zone.
        with suppress(DomicileError, OSError), replica.view() as view:
            record = view.update_key(offer.key_name)
            if record and name_to_text(offer.apex) in record.transfers:
                keyring = Keyring(self.own.sealing_key)
                return offer._replace(key=keyring.find(view, offer.key_name))
        return offer


def run(part: Part, replica: Path | None) -> None:
    """Be the child that gives transfers, of a replica's folder where there is one."""
    logs.name(worker="transfers")
    os.nice(_NICENESS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run_until_end(part, replica))


async def _run_until_end(part: Part, folder: Path | None) -> None:
    # After the fork: LMDB's environments do not survive one.
    replica = Replica.open(folder) if folder else NoRecords()
    loop = asyncio.get_running_loop()
    desk = _Desk(part, replica)
    loop.add_reader(part.intake.fileno(), desk.take)
    keeping = [
        asyncio.create_task(_keep(offer, part, replica)) for offer in part.offers
    ]
    await lifeline.wait_for_end(loop)
    loop.remove_reader(part.intake.fileno())
    for each in keeping:
        each.cancel()
    await asyncio.wait(keeping)


async def _keep(offer: Offer, part: Part, replica: Replica | NoRecords) -> None:
    telling: list[asyncio.Task[None]] = []

    def tell(edition: Edition | None) -> None:
        if part.own.published is not None:
            part.own.published.publish(offer.apex, edition and edition.serial)
        # Who has not heard of the one before hears of this one instead.
        for each in telling:
            each.cancel()
        if edition is not None:
            told = notify(part.signed(offer, replica), edition)
            telling[:] = [asyncio.create_task(told)]

    with closing(Journal(offer.journal)) as journal:
        file = part.own.files.get(offer.apex)
        await Keeper(offer.apex, file, replica, journal, tell).run()


class _Desk:
    """Takes requests, and answers some at once."""

    def __init__(self, part: Part, replica: Replica | NoRecords) -> None:
        self._part = part
        self._replica = replica
        self._serving: set[asyncio.Task[None]] = set()
        self._long = 0
        self._sparing = Sparing()

    def take(self) -> None:
        for request, end in self._part.intake.take():
            task = asyncio.create_task(self._serve(request, end))
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)

    async def _serve(self, request: Request, end: socket.socket) -> None:
        try:
            await self._give(self._answer(request), request, end)
        except (OSError, TimeoutError, sqlite3.Error) as error:
            end.close()
            if times := self._sparing.count():
                client, reason = (
                    _text(request.address),
                    f"{type(error).__name__}: {error}",
                )
                _log.warning("transfer_cut", client=client, reason=reason, times=times)

    async def _give(self, given: Given, request: Request, end: socket.socket) -> None:
        self._part.tally.count(given.outcome.value)
        self._report(request, given)
        is_long = given.outcome in {Outcome.WHOLE, Outcome.DIFFERENCES}
        self._long += is_long
        try:
            async with asyncio.timeout(_LONGEST):
                await _send(given, end)
        finally:
            self._long -= is_long

    def _answer(self, request: Request) -> Given:
        part, busy = self._part, self._long >= MOST
        offers = [part.signed(each, self._replica) for each in part.offers]
        now = int(wall())
        return answer(request.packet, request.address, offers, now, busy=busy)

    def _report(self, request: Request, given: Given) -> None:
        if given.reason and (times := self._sparing.count()):
            client, reason = _text(request.address), given.reason
            _log.warning("transfer_refused", client=client, reason=reason, times=times)


def _text(address: bytes) -> str:
    return str(ip_address(address))


async def _send(given: Given, end: socket.socket) -> None:
    _, writer = await asyncio.open_unix_connection(sock=end)
    try:
        for message in given.messages:
            writer.write(frame(message))
            async with asyncio.timeout(_STALLED):
                await writer.drain()
            await asyncio.sleep(0)
    finally:
        given.messages.close()
        writer.close()
