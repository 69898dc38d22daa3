"""The API's routes for looking, and for saying that what was seen is meant."""

from typing import TypeVar

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from domicile.directory.access import Operation, Role
from domicile.directory.apps_api import found_app
from domicile.directory.consents import Accepted, accept_loss
from domicile.directory.conversation import Asked, work_once
from domicile.directory.explaining import Explanation, explain
from domicile.directory.service import Directory
from domicile.directory.status import Status, status_of
from domicile.model.records import App, Placement, Residence, app_key
from domicile.service.asking import NoAnswer, Question, ask_admin
from domicile.store.transaction import Reading, Transaction

Opened = NamedDependency[Directory]

Page = TypeVar("Page")

_LINES = 100


class Log(msgspec.Struct, frozen=True):
    """Lines that an app wrote in a cluster; `end` marks where they end.

    Asked for what comes `after` that mark, the log goes on from there.
    """

    app: str
    cluster: str
    lines: tuple[str, ...]
    end: str = ""


class Event(msgspec.Struct, frozen=True):
    """What befell an app, when (in UTC), and a few words on it."""

    at: str
    event: str
    detail: str


class Events(msgspec.Struct, frozen=True):
    """What befell an app in a cluster, the newest last."""

    app: str
    cluster: str
    rows: tuple[Event, ...]


@get("/apps/{app:str}/logs", operation=Operation.APP_LOGS)
async def show_log(
    request: Asked,
    app: FromPath[str],
    directory: Opened,
    lines: FromQuery[int] = _LINES,
    after: FromQuery[str] = "",
) -> Log:
    """Give the end of the app's log, from the manager of the cluster where it lives.

    Or what came `after`: the newest `end` of each cluster that one had, by commas.
    """
    async with directory.store.reading() as reading:
        found = await found_app(reading, request.user, Operation.APP_LOGS, app)
        cluster = await _cluster_of(reading, found)
    query = {"app": found.id, "lines": str(lines)} | ({"after": after} if after else {})
    return await _ask_manager(directory, cluster, Question("/logs", query), Log)


@get("/apps/{app:str}/events", operation=Operation.APP_EVENTS)
async def show_events(request: Asked, app: FromPath[str], directory: Opened) -> Events:
    """Give what befell the app lately in the cluster where it lives, the newest last."""
    async with directory.store.reading() as reading:
        found = await found_app(reading, request.user, Operation.APP_EVENTS, app)
        cluster = await _cluster_of(reading, found)
    question = Question("/events", {"app": found.id})
    return await _ask_manager(directory, cluster, question, Events)


async def _ask_manager(
    directory: Directory, cluster: str, question: Question, kind: type[Page]
) -> Page:
    """Ask the newest manager of a cluster; raises NoAnswer."""
    managers = [
        each
        for each in directory.feed.followers
        if each.name.startswith(f"{Role.CLUSTER}/{cluster}/")
    ]
    if not managers:
        raise NoAnswer(f"no manager of {cluster or 'any cluster'} can be asked")
    newest = max(managers, key=lambda each: each.asked)
    try:
        return await ask_admin(directory.asking, newest.admin, question, kind)
    except NoAnswer as error:
        raise NoAnswer(f"the manager of {cluster}: {error}") from error


async def _cluster_of(reading: Reading, app: App) -> str:
    """Say where it lives, or where it was to live: a failed one's log tells why."""
    placement = await reading.get(Placement, app.id)
    if placement is not None:
        return placement.cluster
    residences = await reading.find_all(Residence, app_key(app.id))
    newest = max(residences, key=lambda each: each.generation, default=None)
    return newest.cluster if newest else ""


@get("/explain", operation=Operation.EXPLAIN)
async def show_explanation(directory: Opened, host: FromQuery[str]) -> Explanation:
    """Say what directory, name servers, managers and proxies make of a host."""
    return await explain(directory, host)


@get("/status", operation=Operation.STATUS)
async def show_status(directory: Opened) -> Status:
    """Say how everything is, and what is wrong."""
    return await status_of(directory)


@post("/followers/accept", operation=Operation.FOLLOWER_ACCEPT)
async def post_acceptance(
    request: Asked, data: JSONBody[Accepted], directory: Opened
) -> Response[bytes]:
    """Let followers take in what they hold back because so much would go."""

    async def work(tx: Transaction) -> Accepted:
        consent = await accept_loss(tx, directory.feed, data.followers)
        return Accepted(tuple(consent.chains))

    return await work_once(request, directory, work)


ROUTES = (show_log, show_events, show_explanation, show_status, post_acceptance)
