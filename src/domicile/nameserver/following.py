"""The follower of a name server: keeps the replica, tells the workers, serves admin."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import uvloop
from prometheus_client import CollectorRegistry

from domicile.errors import DomicileError
from domicile.model.feed import Ask
from domicile.model.resolution import Apex, InCluster, NameServer, resolve
from domicile.nameserver.alone import NoRecords
from domicile.nameserver.settings import Settings
from domicile.nameserver.signed import Signing
from domicile.replica.follower import Follower, Readers, Source
from domicile.replica.replica import Replica
from domicile.service import lifeline, logs
from domicile.service.admin import Admin
from domicile.service.arrival import show_arrival
from domicile.service.asking import open_api
from domicile.service.channel import FollowerEnd
from domicile.service.counters import Counters
from domicile.service.follower_metrics import follower_metrics
from domicile.service.probing import Prober, clusters_in, probing
from domicile.service.room import lack_of_room

KINDS = (
    "zone", "owner", "placement", "cluster", "consent", "challenge", "update-key",
    "zone-key", "cookie-secrets",
)  # fmt: skip


def run(
    settings: Settings,
    source: Source | None,
    channel: FollowerEnd,
    listener: socket.socket | None,
    counters: Counters,
) -> None:
    """Be the child that follows, if there is anybody to, and that operators ask."""
    logs.name(worker="follower")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run_until_end(settings, source, channel, listener, counters))


async def _run_until_end(
    settings: Settings,
    source: Source | None,
    channel: FollowerEnd,
    listener: socket.socket | None,
    counters: Counters,
) -> None:
    if source is None:
        if listener is not None:
            await _admin_alone(settings, counters).serve(listener)
        await lifeline.wait_for_end(asyncio.get_running_loop())
        return
    replica = Replica.open_to_follow(settings.folder)
    unsigned = partial(_unsigned, replica, Signing(settings.read_sealing_key()))
    ask = Ask(settings.name, KINDS, admin=settings.admin)
    readers = Readers(channel.tell_changed, channel.notes, unsigned)
    follower = Follower(replica, source, ask, readers)
    prober = Prober("nameserver", clusters_in(replica))
    if listener is not None:
        told = follower_metrics("nameserver", replica, follower)
        told.register(counters)
        told.register(prober)
        await _admin(settings, replica, follower, unsigned, told).serve(listener)
    async with (
        open_api(source.url, source.token, source.ca_file) as client,
        probing(prober, client, settings.probe_seconds),
    ):
        await _follow_until_end(follower)


async def _follow_until_end(follower: Follower) -> None:
    following = asyncio.create_task(follower.run())
    end = asyncio.create_task(lifeline.wait_for_end(asyncio.get_running_loop()))
    showing = asyncio.create_task(show_arrival(lambda: follower.arrival))
    await asyncio.wait([following, end], return_when=asyncio.FIRST_COMPLETED)
    showing.cancel()
    end.cancel()
    if following.done():
        following.result()
    following.cancel()


def _unsigned(replica: Replica, signing: Signing) -> list[str]:
    """Say why zones cannot be signed here, if so."""
    try:
        with replica.view() as view:
            signing.load(view)
    except DomicileError as error:
        return [str(error)]
    return [signing.trouble] if signing.trouble else []


def _admin(
    settings: Settings,
    replica: Replica,
    follower: Follower,
    unsigned: Callable[[], list[str]],
    told: CollectorRegistry,
) -> Admin:
    async def explain_host(query: dict[str, str]) -> dict[str, Any]:
        return explain(settings.name, replica, query.get("host", ""))

    def trouble() -> str:
        if not follower.behind:
            troubles = (follower.trouble, *unsigned(), lack_of_room(settings.folder))
            return "; ".join(filter(None, troubles))
        return f"behind the directory for {follower.lag:.0f} s: {follower.trouble}"

    return Admin({"/explain": explain_host}, trouble, told)


def _admin_alone(settings: Settings, counters: Counters) -> Admin:
    async def explain_host(query: dict[str, str]) -> dict[str, Any]:
        return explain(settings.name, NoRecords(), query.get("host", ""))

    registry = CollectorRegistry()
    registry.register(counters)
    return Admin({"/explain": explain_host}, str, registry)


def explain(name: str, replica: Replica | NoRecords, host: str) -> dict[str, Any]:
    """Say what this name server answers for a host, and as of which serial."""
    cluster, generation, addresses = "", 0, ()  # type: tuple[str, int, tuple[str, ...]]
    with replica.view() as view:
        match resolve(view, tuple(host.lower().rstrip(".").split("."))):
            case InCluster() as found:
                cluster, generation = found.cluster.name, found.generation
                addresses = found.cluster.answered
            case Apex(zone=zone):
                addresses = zone.landing
            case NameServer(addresses=own):
                addresses = own
        return {
            "nameserver": name,
            "serial": view.serial,
            "behind": view.behind,
            "cluster": cluster,
            "generation": generation,
            "addresses": addresses,
        }
