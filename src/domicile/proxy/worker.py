"""A worker: serves its two sockets from the shared replica, asking nobody."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import structlog

from domicile.model.feed import WorkerNote
from domicile.model.idleness import TOLD_FOR, told
from domicile.model.records import EndpointState, ResidenceState
from domicile.proxy.conversation import Surroundings
from domicile.proxy.counts import Tally
from domicile.proxy.enrol import link_files
from domicile.proxy.front import Front
from domicile.proxy.holds import WaitingRoom
from domicile.proxy.keeper import REPLICA
from domicile.proxy.patience import Patience
from domicile.proxy.requestlog import RequestLog
from domicile.proxy.settings import Settings
from domicile.proxy.upstream import Pool
from domicile.proxy.waking import Waker
from domicile.replica.faults import ReplicaFault
from domicile.replica.replica import Replica
from domicile.replica.view import View
from domicile.service import lifeline
from domicile.service.channel import WorkerEnd
from domicile.service.tls import BadCertificates, client_context, server_context

_TICK_SECONDS = 1.0
_DRAIN_SECONDS = 3.0
_BACKLOG = 1024
_HANDSHAKE_SECONDS = 10.0

_log = structlog.get_logger()


class Sockets(NamedTuple):
    """What one worker listens on."""

    public: Sequence[socket.socket]
    link: socket.socket


class Worker:
    """Two fronts over one replica, one pool and one waiting room."""

    def __init__(
        self, settings: Settings, token: str, end: WorkerEnd, tally: Tally
    ) -> None:
        tally.begin()
        patience = Patience(answer=settings.answer_seconds)
        self._files = link_files(settings.folder)
        self._replica = Replica.open(settings.folder / REPLICA)
        self._waker = Waker(settings.manager, token)
        self._room = WaitingRoom(self._replica, tally, self._waker.wake)
        self._pool = Pool(patience)
        self._end = end
        log = RequestLog(every=settings.log_requests)
        around = Surroundings(
            self._room, self._pool, tally, cluster=settings.cluster, cdn=settings.cdn,
            patience=patience, log=log,
        )  # fmt: skip
        self._in_flight = around.in_flight
        self._asked = around.asked
        self._public = Front(around, settings.connections_per_client)
        self._link = Front(replace(around, link=True, cdn=b""))
        self._link_server: asyncio.Server | None = None
        self._stamp: tuple[int, ...] = ()

    async def serve(self, sockets: Sockets) -> None:
        """Serve until SIGTERM, SIGINT or the parent's death."""
        loop = asyncio.get_running_loop()
        servers = [
            await loop.create_server(
                self._public.accept, sock=each.dup(), backlog=_BACKLOG
            )
            for each in sockets.public
        ]
        self._end.call_on_change(loop, self._look)
        ticking = asyncio.create_task(self._tick(sockets.link))
        try:
            await lifeline.wait_for_end(loop)
        finally:
            ticking.cancel()
            for server in servers:
                server.close()
            if self._link_server is not None:
                self._link_server.close()
            await self._drain()
            await self._waker.close()
            self._pool.close()

    def _look(self) -> None:
        """The replica has changed: whoever waits looks, and the follower is told."""
        self._room.wake()
        self._end.tell(self._note())

    def _note(self) -> WorkerNote:
        try:
            with self._replica.view() as view:
                serial, leaving = view.serial, self._leaving(view)
        except ReplicaFault:
            # Nothing is acknowledged, and every request may be one that is waited for.
            serial, leaving = 0, dict(self._in_flight)
        damage = self._replica.damage()[0]
        return WorkerNote(serial, leaving, damage, self._active())

    def _leaving(self, view: View) -> dict[str, int]:
        """Count the requests in flight with apps that live or listen here no more."""
        return {
            app: requests
            for app, requests in self._in_flight.items()
            if not _listens(view, app)
        }

    def _active(self) -> dict[str, float]:
        """Tell which apps are or were asked lately; forget who was asked before."""
        now = asyncio.get_running_loop().time()
        for app in self._in_flight:
            self._asked[app] = now
        active = told(self._asked, now)
        for app in [each for each, at in self._asked.items() if at < now - TOLD_FOR]:
            del self._asked[app]
        return active

    async def _tick(self, link: socket.socket) -> None:
        while True:
            try:
                await self._serve_link(link)
                self._pool.sweep()
                self._waker.sweep()
                self._end.tell(self._note())
            except Exception:  # noqa: BLE001 - the border: one bad tick, not the worker
                _log.exception("tick failed")
            await asyncio.sleep(_TICK_SECONDS)

    async def _serve_link(self, link: socket.socket) -> None:
        """Serve the link with the certificate that there is now."""
        stamp = _stamp_of(self._files.certificate.stat, self._files.authority.stat)
        if not stamp or stamp == self._stamp:
            return
        try:
            accepting = server_context(self._files)
            self._pool.trust(client_context(self._files))
        except BadCertificates as error:
            _log.warning("link certificate unusable", error=str(error))
            return
        self._stamp = stamp
        if self._link_server is not None:
            self._link_server.close()
        # A copy, so that closing the server does not close the socket's queue.
        self._link_server = await asyncio.get_running_loop().create_server(
            self._link.accept,
            sock=link.dup(),
            ssl=accepting,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS,
            backlog=_BACKLOG,
        )

    async def _drain(self) -> None:
        """Let requests in flight end, and then end the connections."""
        fronts = (self._public, self._link)
        for front in fronts:
            front.around.closing = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _DRAIN_SECONDS
        while (  # noqa: ASYNC110 - once, at the end, for at most three seconds
            any(front.around.busy for front in fronts) and loop.time() < deadline
        ):
            await asyncio.sleep(0.05)
        await asyncio.gather(*(front.end() for front in fronts))


def _listens(view: View, app: str) -> bool:
    residence, endpoint = view.residence(app), view.endpoint(app)
    return (
        residence is not None
        and residence.state is ResidenceState.HERE
        and endpoint is not None
        and endpoint.state is EndpointState.RUNNING
    )


def _stamp_of(*stats: Callable[[], object]) -> tuple[int, ...]:
    """Give what differs once a file is replaced; nothing where one is missing."""
    try:
        return tuple(
            part
            for stat in stats
            for found in (stat(),)
            for part in (found.st_mtime_ns, found.st_ino)  # type: ignore[attr-defined]
        )
    except FileNotFoundError:
        return ()
