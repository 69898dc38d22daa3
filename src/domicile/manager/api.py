"""The manager's HTTP API, `/v1`: feed, certificates, wakes for proxies; apps' logs."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import httpx
from litestar import Litestar, Request, Response, Router, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import (
    HTTPException,
    NotAuthorizedException,
    NotFoundException,
    PermissionDeniedException,
)
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath
from litestar.response import Stream

from domicile.manager.fetching import Releases
from domicile.manager.settings import Tokens
from domicile.manager.tail import tail
from domicile.model.feed import CONTENT_TYPE, BadFeed, decode_ask
from domicile.store.feed import Feed

FEED_KINDS = frozenset({"residence", "endpoint", "cluster", "authority", "consent"})

Asked = Request[Any, Any, State]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the API works with."""

    tokens: Tokens
    feed: Feed
    releases: Releases
    client: httpx.AsyncClient
    wake: Callable[[str], bool]


def let_in(
    connection: "ASGIConnection[Any, Any, Any, Any]", _: BaseRouteHandler
) -> None:
    """Let in who shows the proxies' token."""
    desk: Desk = connection.app.state.desk
    if not desk.tokens.lets_in(connection.headers.get("authorization", "")):
        raise NotAuthorizedException(
            "the token of this cluster's proxies is needed",
            headers={"WWW-Authenticate": "Bearer"},
        )


@post("/feed", status_code=200)
async def post_feed(request: Asked) -> Stream:
    desk: Desk = request.app.state.desk
    try:
        ask = decode_ask(await request.body())
    except BadFeed as error:
        raise HTTPException(str(error), status_code=400) from error
    if secret := set(ask.kinds) - FEED_KINDS:
        raise PermissionDeniedException(
            f"a proxy does not follow {', '.join(sorted(secret))}"
        )
    return Stream(desk.feed.answer(ask), media_type=CONTENT_TYPE)


@post("/link-certificate")
async def post_link_certificate(request: Asked) -> Response[bytes]:
    """Pass a signing request on: only the manager has the cluster's token."""
    desk: Desk = request.app.state.desk
    try:
        answer = await desk.client.post(
            "/v1/link-certificate",
            content=await request.body(),
            headers={"Content-Type": "application/json"},
        )
    except httpx.HTTPError as error:
        raise HTTPException(
            f"the directory cannot be asked: {error}", status_code=502
        ) from error
    kind = answer.headers.get("content-type", "application/json")
    return Response(answer.content, status_code=answer.status_code, media_type=kind)


@post("/apps/{app:str}/wake", status_code=202)
async def post_wake(request: Asked, app: FromPath[str]) -> None:
    """Have an app woken; of one that does not sleep nothing is done.

    It is a hint, and answered at once: that the app is awake is told by the feed.
    """
    desk: Desk = request.app.state.desk
    if not desk.wake(app):
        raise NotFoundException(f"no app {app} is known here")


@get("/apps/{app:str}/logs")
async def get_logs(request: Asked, app: FromPath[str], lines: int = 100) -> str:
    desk: Desk = request.app.state.desk
    if not (app.isascii() and app.isalnum()):
        raise NotFoundException(f"{app!r} is not the id of an app")
    log = desk.releases.log_of(app)
    if not log.exists():
        raise NotFoundException(f"no app {app} has run here")
    found = await asyncio.to_thread(tail, log, lines)
    return "".join(f"{line}\n" for line in found.lines)


def make_app(desk: Desk) -> Litestar:
    """Put the API together."""
    routes: Iterable[Any] = (post_feed, post_link_certificate, post_wake, get_logs)
    return Litestar(
        [Router("/v1", route_handlers=list(routes), guards=[let_in])],
        openapi_config=None,
        state=State({"desk": desk}),
        logging_config=None,
    )
