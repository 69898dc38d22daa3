"""The admin listener of a service: health, metrics and a few JSON pages, for operators.

One GET a connection, on an address of its own: never on the public port, and no place
for anything that clients depend on.
"""

import asyncio
import contextlib
import http
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
import prometheus_client
import structlog

Route = Callable[[dict[str, str]], Awaitable[Any]]
"""Given the query, gives what is to be told as JSON."""

_LONGEST_HEAD = 16 * 1024
_PATIENCE = 10.0

_log = structlog.get_logger()


class _Page(NamedTuple):
    status: http.HTTPStatus
    kind: str
    body: bytes


class Admin:
    """What the listener tells: the routes, and what is wrong with the service."""

    __slots__ = ("_registry", "_routes", "_trouble")

    def __init__(
        self,
        routes: Mapping[str, Route],
        trouble: Callable[[], str] = str,
        registry: prometheus_client.CollectorRegistry = prometheus_client.REGISTRY,
    ) -> None:
        """`trouble` gives a sentence for /healthz, or nothing when all is well."""
        self._trouble = trouble
        self._registry = registry
        self._routes = dict(routes)

    async def serve(self, listener: socket.socket) -> asyncio.Server:
        """Serve on a listening socket until the server is closed."""
        return await asyncio.start_server(
            self._converse, sock=listener, limit=_LONGEST_HEAD
        )

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                page = await self._answer(await _read_head(reader))
                writer.write(_head_of(page) + page.body)
                await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _answer(self, head: bytes) -> _Page:
        method, _, rest = head.partition(b" ")
        target, _, version = rest.partition(b"\r\n")[0].rpartition(b" ")
        if not version.startswith(b"HTTP/1.") or not target.startswith(b"/"):
            return _trouble_page(http.HTTPStatus.BAD_REQUEST, "not an HTTP/1 request")
        if method != b"GET":
            return _trouble_page(
                http.HTTPStatus.METHOD_NOT_ALLOWED, "only GET is served here"
            )
        path, _, query = target.decode("latin-1").partition("?")
        return await self._get(path, dict(parse_qsl(query)))

    async def _get(self, path: str, query: dict[str, str]) -> _Page:
        if path == "/healthz":
            return self._health()
        if path == "/metrics":
            metrics = prometheus_client.generate_latest(self._registry)
            return _Page(
                http.HTTPStatus.OK, prometheus_client.CONTENT_TYPE_LATEST, metrics
            )
        route = self._routes.get(path)
        if route is None:
            known = ", ".join(["/healthz", "/metrics", *sorted(self._routes)])
            return _trouble_page(
                http.HTTPStatus.NOT_FOUND, f"nothing at {path}: there is {known}"
            )
        try:
            return _json_page(http.HTTPStatus.OK, await route(query))
        except Exception:  # noqa: BLE001 - the border: one bad page, not the listener
            _log.exception("admin page failed", path=path)
            return _trouble_page(
                http.HTTPStatus.INTERNAL_SERVER_ERROR, "this page failed: see the log"
            )

    def _health(self) -> _Page:
        if trouble := self._trouble():
            return _trouble_page(http.HTTPStatus.SERVICE_UNAVAILABLE, trouble)
        return _json_page(http.HTTPStatus.OK, {"status": "ok"})


async def _read_head(reader: asyncio.StreamReader) -> bytes:
    """Give the request's head, or nothing where it is cut off or too long."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return b""


def _json_page(status: http.HTTPStatus, body: Any) -> _Page:
    return _Page(status, "application/json", msgspec.json.encode(body) + b"\n")


def _trouble_page(status: http.HTTPStatus, sentence: str) -> _Page:
    return _json_page(status, {"status": "trouble", "message": sentence})


def _head_of(page: _Page) -> bytes:
    lines = [
        f"HTTP/1.1 {page.status.value} {page.status.phrase}",
        f"Content-Type: {page.kind}",
        f"Content-Length: {len(page.body)}",
        "Cache-Control: no-store",
        "Connection: close",
    ]
    if page.status is http.HTTPStatus.METHOD_NOT_ALLOWED:
        # RFC 9110, 15.5.6: "The origin server MUST generate an Allow header field".
        lines.append("Allow: GET")
    return "\r\n".join([*lines, "", ""]).encode()
