"""A worker: answers on its sockets from the replica, and says which serial it sees."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import structlog
import uvloop

from domicile.config import BadConfiguration
from domicile.model.feed import WorkerNote
from domicile.nameserver.alone import NoRecords
from domicile.nameserver.connection import Service
from domicile.nameserver.connections import Connections
from domicile.nameserver.counts import Tally
from domicile.nameserver.courier import Courier
from domicile.nameserver.datagram import Datagrams
from domicile.nameserver.drops import dropped
from domicile.nameserver.handover import HandOver
from domicile.nameserver.replies import Own, Replies
from domicile.nameserver.restraint import Restraint
from domicile.nameserver.settings import Settings
from domicile.nameserver.tls import Certificate
from domicile.nameserver.updates import Updates
from domicile.replica.follower import Source
from domicile.replica.replica import Replica
from domicile.service import lifeline, logs
from domicile.service.channel import WorkerEnd

# A follower that was restarted knows nothing until it is told again.
_TOLD_AGAIN = 1.0
# How soon a certificate that was renewed is shown.
_LOOKED_AT_AGAIN = 1.0
_LOOK_SECONDS = 1.0
_BETWEEN_HOSTS = 0.0015
# What is written already gets so long to be sent.
_GRACE = 1.0


_log = structlog.get_logger()


class Sockets(NamedTuple):
    """What one worker listens on."""

    udp: Sequence[socket.socket]
    tcp: Sequence[socket.socket]
    tls: Sequence[socket.socket] = ()


class Work(NamedTuple):
    """What all workers share."""

    settings: Settings
    own: Own
    certificate: Certificate | None = None
    source: Source | None = None
    hand_over: HandOver | None = None


def run(
    name: str, work: Work, sockets: Sockets, channel: WorkerEnd, tally: Tally
) -> None:
    """Be the child that answers."""
    logs.name(worker=name)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run_until_end(work, sockets, channel, tally))


async def _run_until_end(
    work: Work, sockets: Sockets, channel: WorkerEnd, tally: Tally
) -> None:
    settings, own, certificate, _, hand_over = work
    loop = asyncio.get_running_loop()
    # After the fork: LMDB's environments do not survive one.
    replica = Replica.open(settings.folder) if settings.directory else NoRecords()
    replies = Replies(replica, tally, own)
    connections = Connections(settings.limits)
    budget = settings.make_budget()
    restraint = Restraint(budget, replies.server, tally) if budget else None
    updates = None
    if work.source is not None and isinstance(replica, Replica):
        updates = Updates(replica, Courier(work.source), own, tally)
    datagrams = [
        Datagrams(udp, replies, restraint, updates=updates) for udp in sockets.udp
    ]
    for each in datagrams:
        each.start(loop)
    plain = Service(connections, replies, None, updates, hand_over)
    servers = [await loop.create_server(plain.factory, sock=tcp) for tcp in sockets.tcp]
    tasks = []
    if certificate is not None:
        secure = Service(connections, replies, certificate.context, updates, hand_over)
        servers += [
            await loop.create_server(secure.factory, sock=tls) for tls in sockets.tls
        ]
        tasks.append(asyncio.create_task(_renew(certificate)))
    tasks.append(asyncio.create_task(_tell(replica, replies, channel)))
    tasks.append(asyncio.create_task(_take_census(replies)))
    tasks.append(asyncio.create_task(_watch_drops(sockets.udp, tally)))
    await lifeline.wait_for_end(loop)
    for task in tasks:
        task.cancel()
    for each in datagrams:
        each.stop(loop)
    if updates is not None:
        await updates.close()
    await _end(servers, connections)


async def _end(servers: list[asyncio.Server], connections: Connections) -> None:
    for server in servers:
        server.close()
    connections.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            for server in servers:
                await server.wait_closed()


async def _renew(certificate: Certificate) -> None:
    """Show a certificate that was renewed, once its files are at rest."""
    while True:
        await asyncio.sleep(_LOOKED_AT_AGAIN)
        try:
            if certificate.renew():
                _log.info("certificate_taken")
        except BadConfiguration as error:
            _log.error("certificate_not_taken", reason=str(error))


async def _take_census(replies: Replies) -> None:
    """Learn where all hosts are, in a quarter of the time and no more at once."""
    while True:
        more = False
        try:
            more = replies.take_census()
        except Exception:  # noqa: BLE001 - the border: the replica is asked instead
            _log.exception("hosts are not learnt")
        await asyncio.sleep(_BETWEEN_HOSTS if more else _LOOK_SECONDS)


async def _watch_drops(udp: Sequence[socket.socket], tally: Tally) -> None:
    while True:
        tally.note_dropped(sum(map(dropped, udp)))
        await asyncio.sleep(_LOOK_SECONDS)


async def _tell(
    replica: Replica | NoRecords, replies: Replies, channel: WorkerEnd
) -> None:
    """Tell the follower our serial: after each change, and now and then.

    So it also learns what our queries found damaged, and mends it.
    """
    changed = asyncio.Event()
    channel.call_on_change(asyncio.get_running_loop(), changed.set)
    while True:
        changed.clear()
        try:
            serial = replies.serial()
            channel.tell(WorkerNote(serial, damaged=replica.damage()[0]))
        except Exception:  # noqa: BLE001 - the border: told the next time
            _log.exception("the follower is not told")
        with suppress(TimeoutError):
            async with asyncio.timeout(_TOLD_AGAIN):
                await changed.wait()
