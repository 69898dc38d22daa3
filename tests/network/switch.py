"""Hosts of a test's own: network namespaces on one switch, whose rules nobody passes.

    host a --- veth --- switch (a bridge, its firewall) --- veth --- host b

The switch is in a namespace, too: nothing of it is seen elsewhere, and all is gone with
the namespaces. A thread is `at` a host while a block runs, and so is what it starts.
"""

import contextlib
import ctypes
import itertools
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

_NAMES = "domicile-test"
_NUMBERS = itertools.count()
_NEW_NETWORK = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Way(NamedTuple):
    """Who may connect to whom, at a port or a range of ports."""

    source: str
    target: str
    port: str
    protocol: str = "tcp"


class NotPossible(Exception):
    """Here no namespaces can be made; the message says why."""


class Switch:
    """The switch and its hosts, as a context manager; `addresses` by host."""

    def __init__(self, addresses, ways):
        self.addresses = addresses
        self._ways = ways
        self._prefix = f"{_NAMES}-{os.getpid()}-{next(_NUMBERS)}"
        self._made = contextlib.ExitStack()

    def __enter__(self):
        if os.geteuid() != 0:
            raise NotPossible("only root makes network namespaces")
        for command, package in (("ip", "iproute2"), ("nft", "nftables")):
            if not shutil.which(command):
                raise NotPossible(f"there is no {command} (Debian: {package})")
        _remove_stale()
        try:
            with contextlib.ExitStack() as made:
                self._make(made)
                self._made = made.pop_all()
        except subprocess.CalledProcessError as error:
            raise NotPossible(f"{error.cmd} says: {error.stderr.strip()}") from error
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._made.close()

    def _make(self, made):
        for host in ("switch", *self.addresses):
            name = self._name(host)
            _run("ip", "netns", "add", name)
            made.callback(_remove, name)
        inside = ("ip", "-n", self._name("switch"), "link")
        _run(*inside, "add", "bridge", "type", "bridge")
        _run(*inside, "set", "bridge", "up")
        for host, address in self.addresses.items():
            name = self._name(host)
            peer = ("type", "veth", "peer", "name", "eth0", "netns", name)
            _run(*inside, "add", host, *peer)
            _run(*inside, "set", host, "master", "bridge", "up")
            _run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _run("ip", "-n", name, "link", "set", device, "up")
        self._rule(self._rules())

    def _name(self, host):
        return f"{self._prefix}-{host}"

    def _rules(self):
        """Only what is known may pass, and what was refused is counted."""
        passing = []
        for source, target, port, protocol in self._ways:
            there = (
                f"ip saddr {self.addresses[source]} ip daddr {self.addresses[target]}"
            )
            back = (
                f"ip saddr {self.addresses[target]} ip daddr {self.addresses[source]}"
            )
            passing += [f"{there} {protocol} dport {port} accept"]
            passing += [f"{back} {protocol} sport {port} accept"]
        lines = "\n".join(passing)
        return f"""
            table bridge hosts {{
                set parted {{ type ipv4_addr . ipv4_addr; }}
                counter refused {{ }}
                chain forward {{
                    type filter hook forward priority 0; policy drop;
                    ether type arp accept
                    meta protocol != ip drop
                    ip saddr . ip daddr @parted drop
                    {lines}
                    counter name refused
                }}
            }}"""

    def _rule(self, rules):
        return _run(
            "ip", "netns", "exec", self._name("switch"), "nft", "-f", "-", told=rules
        )

    def part(self, one, *others):
        """Let nothing pass between a host and others, without a word to either."""
        pairs = [
            f"{self.addresses[source]} . {self.addresses[target]}"
            for other in others
            for source, target in ((one, other), (other, one))
        ]
        self._rule(f"add element bridge hosts parted {{ {', '.join(pairs)} }}")

    def part_from_all(self, one):
        self.part(one, *(host for host in self.addresses if host != one))

    def heal(self):
        self._rule("flush set bridge hosts parted")

    @property
    def refused(self):
        """How many packets were on a way that is not known."""
        listing = ("nft", "list", "counter", "bridge", "hosts", "refused")
        words = _run("ip", "netns", "exec", self._name("switch"), *listing).split()
        return int(words[words.index("packets") + 1])

    @contextlib.contextmanager
    def at(self, host):
        with Path("/proc/thread-self/ns/net").open() as before:
            with Path("/run/netns", self._name(host)).open() as there:
                _enter(there)
            try:
                yield
            finally:
                _enter(before)


def _enter(namespace):
    if _libc.setns(namespace.fileno(), _NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "a network namespace cannot be entered")


def _remove(name):
    """Remove a namespace, and first whoever is left in it."""
    while pids := set(map(int, _run("ip", "netns", "pids", name).split())):
        for pid in pids - {os.getpid()}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    _run("ip", "netns", "delete", name)


def _remove_stale():
    """Remove what a run left that was killed."""
    for path in Path("/run/netns").glob(f"{_NAMES}-*"):
        pid = path.name.removeprefix(f"{_NAMES}-").partition("-")[0]
        if not Path("/proc", pid).exists():
            _remove(path.name)


def _run(*command, told=None):
    ran = subprocess.run(
        command, input=told, capture_output=True, text=True, check=True
    )
    return ran.stdout
