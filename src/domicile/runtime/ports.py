"""Ports of apps: one that is free to be given, and one where it listens."""

import secrets
import socket
from collections.abc import Collection

from domicile.config import Address
from domicile.errors import DomicileError

_FOR_APPS = range(20_000, 32_000)
"""Below what Linux gives to outgoing connections, which could be there first."""

_TRIES = 200


class NoFreePort(DomicileError):
    """No port is left to be given to an app."""


def free_port(avoid: Collection[int] = (), among: range = _FOR_APPS) -> int:
    """Choose a port where nobody listens, on any address; raises NoFreePort.

    `avoid` are those that still belong to an app, though it does not listen there.
    """
    for _ in range(_TRIES):
        port = secrets.choice(among)
        if port not in avoid and _is_free(port):
            return port
    raise NoFreePort(
        f"no free port for an app was found among {among.start} to {among.stop - 1} "
        f"in {_TRIES} tries: too many apps, or too narrow a range"
    )


def of_the_app(found: Collection[Address], wanted: int) -> Address | None:
    """Choose the app's own: the port it was asked for, else its lowest."""
    for address in found:
        if address.port == wanted:
            return address
    return min(found, key=lambda address: address.port, default=None)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As apps do; who listens there is in the way all the same.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True
