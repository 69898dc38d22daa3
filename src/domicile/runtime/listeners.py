"""Who listens where: the machine's listening TCP sockets, and whose they are.

A look at all listeners is cheap. Whose one is only the processes' descriptors tell:
those are asked of an app's own processes.
"""

import contextlib
import os
import re
import socket
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import psutil

from domicile.config import Address
from domicile.runtime import sockdiag
from domicile.runtime.sockdiag import Listener

ANY_ADDRESS = ("0.0.0.0", "::")
"""Who listens there is reached at every address; at the first rather than the second."""

_LISTENS = "0A"
_TABLES = {socket.AF_INET: "/proc/net/tcp", socket.AF_INET6: "/proc/net/tcp6"}
_SOCKET = re.compile(r"socket:\[(\d+)\]")
_MAPPED = "::ffff:"


class Holder(NamedTuple):
    """A process that has a socket open, as one of its descriptors."""

    pid: int
    descriptor: int
    inode: int

    def holds_on(self) -> bool:
        """Whether it still has it open, one link's look."""
        with contextlib.suppress(OSError):
            link = os.readlink(f"/proc/{self.pid}/fd/{self.descriptor}")  # noqa: PTH115 - hot
            return link == f"socket:[{self.inode}]"
        return False


def all_listeners() -> list[Listener]:
    """Give every listening TCP socket of this machine."""
    try:
        found = [each for family in _TABLES for each in sockdiag.ask(family)]
    except OSError:  # A kernel without it, or a container that is not let.
        found = [each for table in _TABLES.values() for each in read(table)]
    return [Listener(_unmapped(address), inode) for address, inode in found]


def at(address: Address, among: Iterable[Listener]) -> frozenset[int]:
    """Give the inodes of those that who connects to the address may come to.

    More than one, if they share the port. One at the very address comes before those at
    all addresses.
    """
    there = [each for each in among if each.address.port == address.port]
    everywhere = ANY_ADDRESS[1:] if ":" in address.host else ANY_ADDRESS
    for host in (address.host, *everywhere):
        if found := frozenset(
            each.inode for each in there if each.address.host == host
        ):
            return found
    return frozenset()


def holders(processes: Iterable[psutil.Process]) -> Iterator[Holder]:
    """Give all sockets that these processes have open, whatever they are for."""
    for process in processes:
        folder = f"/proc/{process.pid}/fd"
        # It may end while we look, or be another user's.
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):  # noqa: PTH208 - hot
                with contextlib.suppress(OSError):
                    link = os.readlink(f"{folder}/{name}")  # noqa: PTH115 - hot
                    if is_socket := _SOCKET.fullmatch(link):
                        yield Holder(process.pid, int(name), int(is_socket[1]))


def listening(processes: Iterable[psutil.Process]) -> list[Address]:
    """Give where these processes listen for TCP connections, lowest port first."""
    theirs = {holder.inode for holder in holders(processes)}
    found = {each.address for each in all_listeners() if each.inode in theirs}
    return sorted(found, key=lambda address: (address.port, address.host))


def _unmapped(address: Address) -> Address:
    return Address(address.host.removeprefix(_MAPPED), address.port)


def read(table: str) -> Iterator[Listener]:
    """Read them in /proc, where they come before all others."""
    # There is no table of a family that the kernel does not know.
    with contextlib.suppress(FileNotFoundError), open(table, encoding="ascii") as file:  # noqa: PTH123 - hot
        next(file)
        for line in file:
            fields = line.split()
            if fields[3] != _LISTENS:
                break
            yield Listener(_address(fields[1]), int(fields[9]))


def _address(text: str) -> Address:
    """Read `0100007F:1F90`: words in the machine's order, and a number."""
    words, _, port = text.partition(":")
    packed = b"".join(
        int(words[start : start + 8], 16).to_bytes(4, sys.byteorder)
        for start in range(0, len(words), 8)
    )
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return Address(socket.inet_ntop(family, packed), int(port, 16))
