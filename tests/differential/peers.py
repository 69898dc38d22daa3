"""Name servers of another make, serving the same master files on loopback."""

import contextlib
import socket
import subprocess
import time
from functools import partial
from pathlib import Path

import dns.message
import dns.query

from domicile.bench.machine import find
from domicile.bench.peers import knot, nsd

NSD, KNOT = "nsd", "knotd"
# They say all that they would say of themselves, so that all of it is compared.
MAKES = {NSD: partial(nsd, minimal=False), KNOT: knot}


def free_port():
    """A port that nobody has, by either transport."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            with contextlib.suppress(OSError):
                udp.bind(tcp.getsockname())
                return udp.getsockname()[1]


class Peer:
    """One of them, started with zones as texts by apex."""

    def __init__(self, make, zones, folder: Path):
        self.make = make
        self.port = free_port()
        folder.mkdir()
        files = {apex: folder / f"{apex}zone" for apex in zones}
        for apex, text in zones.items():
            files[apex].write_text(text)
        command = MAKES[make](folder, self.port, files)
        self._log = (folder / "log").open("w+")
        self._process = subprocess.Popen(
            command, stdout=self._log, stderr=subprocess.STDOUT
        )
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(2)
        self._await_zones(zones)

    def ask(self, query):
        """What it answers; asked again where that was lost."""
        for _ in range(5):
            self._socket.sendto(query.to_wire(), ("127.0.0.1", self.port))
            try:
                while True:
                    wire = self._socket.recv(65535)
                    if wire[:2] == query.to_wire()[:2]:
                        return dns.message.from_wire(wire)
            except (TimeoutError, ConnectionError):
                time.sleep(0.1)
        raise AssertionError(f"{self.make} does not answer: {self._said()}")

    def end(self):
        if self._process.poll() is not None:
            return
        self._process.terminate()
        self._process.wait(10)
        self._socket.close()
        self._log.close()

    def _await_zones(self, zones):
        deadline = time.monotonic() + 20
        for apex in zones:
            query = dns.message.make_query(apex, "SOA")
            while not (self._is_up(query) or time.monotonic() > deadline):
                time.sleep(0.05)
            assert self._is_up(query), f"{self.make} serves no {apex}: {self._said()}"

    def _is_up(self, query):
        assert self._process.poll() is None, self._said()
        try:
            answer = dns.query.udp(query, "127.0.0.1", 0.5, self.port)
        except (dns.exception.Timeout, OSError):
            return False
        return bool(answer.answer)

    def _said(self):
        self._log.seek(0)
        return self._log.read()[-3000:]


def is_installed(make):
    return find(make) is not None
