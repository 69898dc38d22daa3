"""A chat room over WebSocket: what one says, all hear, its cluster first."""

import asyncio
import os
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.http11 import Request, Response

CLUSTER = os.environ.get("DOMICILE_CLUSTER", "?")
present: set[ServerConnection] = set()


async def chat(connection: ServerConnection) -> None:
    present.add(connection)
    try:
        async for message in connection:
            broadcast(present, f"{CLUSTER}: {message}")
    finally:
        present.discard(connection)


def welcome(connection: ServerConnection, request: Request) -> Response | None:
    """Answer those who do not come to chat, so that a browser sees a page."""
    if "Upgrade" in request.headers:
        return None
    return connection.respond(HTTPStatus.OK, "chat here over WebSocket\n")


async def main() -> None:
    host, port = os.environ["HOST"], int(os.environ["PORT"])
    async with serve(chat, host, port, process_request=welcome) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
