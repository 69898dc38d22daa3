"""Listening sockets: one for each worker on one port, which the kernel balances.

SO_REUSEPORT would also let us share a port with a stranger, or with a second copy of
ourselves, and half of the clients would then reach the wrong one. So each port is first
bound without it: who is there already is one clear line, before anything starts.
"""

import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import Enum
from typing import NamedTuple

from domicile.config import Address
from domicile.errors import DomicileError

_BACKLOG = 1024
# Of <linux/in.h> and <linux/in6.h>; the socket module does not have them.
_IP_MTU_DISCOVER = 10
_IPV6_MTU_DISCOVER = 23
_PROBE = 3
# Port 0: what TCP was given may be taken in UDP, so ask again.
_TRIES = 20


class PortTaken(DomicileError):
    """Another program listens where we should."""


class CannotListen(DomicileError):
    """The address cannot be bound here."""


class Protocol(Enum):
    TCP = socket.SOCK_STREAM
    UDP = socket.SOCK_DGRAM


class Listeners(NamedTuple):
    """Where we listen, and one socket for each worker and protocol."""

    address: Address
    tcp: tuple[socket.socket, ...] = ()
    udp: tuple[socket.socket, ...] = ()

    def close(self) -> None:
        for each in (*self.tcp, *self.udp):
            each.close()


def open_for_workers(
    address: Address, workers: int, protocols: Sequence[Protocol] = (Protocol.TCP,)
) -> Listeners:
    """Open a socket for each worker; raises PortTaken or CannotListen.

    With port 0 the kernel chooses one that is free in all the protocols.
    """
    chosen = _check(address, protocols)
    opened: dict[Protocol, list[socket.socket]] = {each: [] for each in Protocol}
    try:
        for protocol in protocols:
            for _ in range(workers):
                opened[protocol].append(_bind(chosen, protocol, shared=True))
    except DomicileError:
        for sockets in opened.values():
            for each in sockets:
                each.close()
        raise
    return Listeners(chosen, tuple(opened[Protocol.TCP]), tuple(opened[Protocol.UDP]))


def open_alone(address: Address) -> socket.socket:
    """Open the one TCP socket of a listener without workers."""
    return _bind(address, Protocol.TCP, shared=False)


@contextmanager
def taken_for_a_look(
    address: Address, protocols: Sequence[Protocol] = (Protocol.TCP,)
) -> Iterator[None]:
    """Take a port, and let it go again; raises PortTaken or CannotListen.

    Who looks at several holds them all meanwhile, and finds one that is named twice.
    """
    with ExitStack() as held:
        for protocol in protocols:
            held.enter_context(_bind(address, protocol, shared=False))
        yield


def _check(address: Address, protocols: Sequence[Protocol]) -> Address:
    for _ in range(_TRIES):
        chosen = address
        try:
            for protocol in protocols:
                with _bind(chosen, protocol, shared=False) as probe:
                    chosen = Address(address.host, probe.getsockname()[1])
        except PortTaken:
            if address.port:
                raise
        else:
            return chosen
    raise CannotListen(f"{address.host} has no port that is free in all of {protocols}")


def _bind(address: Address, protocol: Protocol, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    bound = socket.socket(family, protocol.value)
    try:
        _set_options(bound, protocol, shared=shared)
        bound.bind(tuple(address))
        if protocol is Protocol.TCP:
            # Here and not in a worker: what comes while a worker is replaced waits.
            bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise _explain(error, address, protocol) from error
    return bound


def _set_options(bound: socket.socket, protocol: Protocol, *, shared: bool) -> None:
    bound.setblocking(False)
    if protocol is Protocol.UDP:
        _never_fragment(bound)
    if bound.family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if protocol is Protocol.TCP:
        # Connections of our last run in TIME_WAIT do not keep us from our port.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def _never_fragment(bound: socket.socket) -> None:
    """Set "don't fragment", and believe no ICMP message about the path's MTU.

    RFC 9715, R2 and R3; who sends little enough is lost only where forged fragments
    would have been put together with ours.
    """
    if bound.family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PROBE)
    else:
        bound.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PROBE)


def _explain(error: OSError, address: Address, protocol: Protocol) -> DomicileError:
    if error.errno == errno.EADDRINUSE:
        return PortTaken(
            f"{address} ({protocol.name}) is taken by another program: "
            "stop that one, or configure another port"
        )
    return CannotListen(
        f"cannot listen on {address} ({protocol.name}): {error.strerror}; "
        "an IP address of this machine and a port that this user may open are needed"
    )
