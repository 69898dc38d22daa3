"""What everyone who routes says of one host: the directory, name servers, clusters.

The directory knows what is wanted; the others are asked on their admin listeners, all at
once. Who does not answer is a line of the explanation like any other.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

import httpx
import msgspec

from domicile.directory import journal
from domicile.directory.access import Role
from domicile.directory.service import Directory
from domicile.directory.shown import AppInFull, shown_in_full
from domicile.model.moves import Move
from domicile.model.records import App, AppState, Cluster, Residence
from domicile.service.asking import NoAnswer, Question, ask_admin
from domicile.store.followers import Follower

Page = TypeVar("Page")


class Statement(msgspec.Struct, frozen=True):
    """What one says of a host; without a serial it said nothing, and `says` is why."""

    who: str
    says: str
    serial: int | None = None
    generation: int | None = None
    behind: bool = False


class Explanation(msgspec.Struct, frozen=True):
    """All that is said of a host, with the moves of its app that have not ended."""

    host: str
    app: AppInFull | None
    moves: tuple[Move, ...]
    statements: tuple[Statement, ...]


class _NameServerPage(msgspec.Struct, frozen=True):
    serial: int
    behind: bool
    cluster: str
    generation: int
    addresses: tuple[str, ...]


class _Living(msgspec.Struct, frozen=True):
    generation: int
    state: str
    to: str = ""


class _ProxyPage(msgspec.Struct, frozen=True):
    proxy: str
    error: str = ""
    serial: int | None = None
    behind: bool = False
    outcome: str = ""
    way: dict[str, Any] = {}
    residence: _Living | None = None


class _ManagerPage(msgspec.Struct, frozen=True):
    serial: int
    behind: bool
    store_serial: int
    residence: _Living | None
    proxies: tuple[_ProxyPage, ...]


# What a proxy does with a request, by the name of the outcome that it routes to.
_OUTCOMES = {
    "ToUpstream": "serves: its app is at {address}:{port}",
    "Hold": "holds: {reason}",
    "Forward": "tombstone: forwards to {cluster}",
    "Gone": "gone: 410",
    "Unknown": "knows no such host: 404",
}


async def explain(directory: Directory, host: str) -> Explanation:
    """Gather what is said of a host; never raises for who does not answer."""
    host = host.lower().rstrip(".")
    async with directory.store.reading() as reading:
        residence = await reading.find(Residence, host)
        app = await reading.get(App, residence.app) if residence else None
        in_full = await shown_in_full(reading, app) if app else None
        moves = await journal.open_moves(reading, app.id) if app else []
        clusters = [each.name for each in await reading.all(Cluster)]
        serial = (await reading.head()).serial
    asked = [
        *(
            _ask_nameserver(directory.asking, each, host)
            for each in directory.feed.followers
            if each.name.startswith(f"{Role.NAMESERVER}/")
        ),
        *(
            _ask_cluster(directory.asking, directory.feed.followers, cluster, host)
            for cluster in clusters
        ),
    ]
    said = [_directory_says(in_full, serial)]
    for statements in await asyncio.gather(*asked):
        said += statements
    open_moves = tuple(entry.move for entry in moves)
    return Explanation(host, in_full, open_moves, tuple(said))


def _directory_says(app: AppInFull | None, serial: int) -> Statement:
    if app is None:
        return Statement("directory", "no app has this host", serial)
    name = f"{app.name}.{app.owner}" if app.name else app.id
    lives = "lived" if app.state == AppState.DELETED else "lives"
    says = f"{name} is {app.state}, {lives} {f'in {app.cluster}' if app.cluster else 'nowhere'}"
    return Statement("directory", says, serial, app.generation)


async def _ask_nameserver(
    client: httpx.AsyncClient, follower: Follower, host: str
) -> list[Statement]:
    who = f"name server {follower.name.split('/')[1]}"
    try:
        page = await _page(client, follower, host, _NameServerPage)
    except NoAnswer as error:
        return [Statement(who, str(error))]
    says = ", ".join(page.addresses) or "no address"
    if page.cluster:
        says = f"{says} ({page.cluster})"
    generation = page.generation if page.cluster else None
    return [Statement(who, says, page.serial, generation, page.behind)]


async def _ask_cluster(
    client: httpx.AsyncClient, followers: Sequence[Follower], cluster: str, host: str
) -> list[Statement]:
    who = f"manager of {cluster}"
    managers = [
        each for each in followers if each.name.startswith(f"{Role.CLUSTER}/{cluster}/")
    ]
    if not managers:
        return [Statement(who, "it has never asked the directory for anything")]
    newest = max(managers, key=lambda each: each.asked)
    try:
        page = await _page(client, newest, host, _ManagerPage)
    except NoAnswer as error:
        return [Statement(who, str(error))]
    living = page.residence
    says = "knows no such host"
    if living is not None:
        says = f"{living.state} in {cluster}'s store at serial {page.store_serial}"
    return [
        Statement(who, says, page.serial, _generation(living), page.behind),
        *(_proxy_says(cluster, proxy) for proxy in page.proxies),
    ]


def _proxy_says(cluster: str, page: _ProxyPage) -> Statement:
    who = f"proxy {page.proxy} of {cluster}"
    if page.error or page.outcome not in _OUTCOMES:
        return Statement(who, page.error or f"{page.outcome!r} is not understood")
    try:
        says = _OUTCOMES[page.outcome].format_map(page.way)
    except KeyError as error:
        says = f"{page.outcome} without {error} is not understood"
    return Statement(who, says, page.serial, _generation(page.residence), page.behind)


def _generation(residence: _Living | None) -> int | None:
    return residence.generation if residence else None


async def _page(
    client: httpx.AsyncClient, follower: Follower, host: str, kind: type[Page]
) -> Page:
    """Ask a follower about the host; raises NoAnswer."""
    question = Question("/explain", {"host": host})
    return await ask_admin(client, follower.admin, question, kind)
