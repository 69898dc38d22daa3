"""What every request to the API goes through: who asks, may they, did they before."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from domicile.directory.access import Caller, Forbidden, Operation, identify
from domicile.directory.idempotency import Answer, keep, recall, request_digest
from domicile.directory.service import Directory
from domicile.store.transaction import Transaction

Asked = Request[Caller, Any, State]
"""A request of somebody whom the guard has let in."""

Work = Callable[[Transaction], Awaitable[msgspec.Struct]]


async def let_in(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Guard every route: a known caller, whose role may do the route's operation.

    A route that names no operation is closed to all. Whose things are touched only
    the route knows; it demands that itself.
    """
    directory: Directory = connection.app.state.directory
    async with directory.store.reading() as reading:
        caller = await identify(reading, connection.headers.get("authorization"))
    operation = handler.opt.get("operation")
    if not isinstance(operation, Operation):
        raise Forbidden("nobody may do that")
    if not caller.may_at_all(operation):
        caller.demand(operation)
    connection.scope["user"] = caller


async def provide_directory(state: State) -> Directory:
    directory: Directory = state.directory
    return directory


async def work_once(
    request: Asked, directory: Directory, work: Work, status: int = 201
) -> Response[bytes]:
    """Do a POST's work in one transaction, or give the answer that it got before."""
    key = request.headers.get("idempotency-key")
    body = await request.body()
    digest = request_digest(request.method, request.url.path, body)
    async with directory.store.transaction() as tx:
        before = key is not None and await recall(tx, request.user, key, digest)
        if before:
            return _respond(before)
        answer = Answer(status, msgspec.json.encode(await work(tx)))
        if key is not None:
            await keep(tx, request.user, key, digest, answer)
    return _respond(answer)


def _respond(answer: Answer) -> Response[bytes]:
    return Response(
        answer.body, status_code=answer.status, media_type="application/json"
    )
