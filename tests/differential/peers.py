"""Name servers of another make, serving the same master files on loopback."""

import contextlib
import shutil
import socket
import subprocess
import time
from pathlib import Path

import dns.message
import dns.query

NSD, KNOT = "nsd", "knotd"


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
        for apex, text in zones.items():
            (folder / f"{apex}zone").write_text(text)
        config = folder / "config"
        config.write_text(_CONFIGS[make](folder, self.port, zones))
        command = {
            NSD: [_path(NSD), "-d", "-c", config],
            KNOT: [_path(KNOT), "-c", config],
        }[make]
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


def _path(command):
    return shutil.which(command, path="/usr/sbin:/usr/bin:/sbin:/bin")


def is_installed(make):
    return _path(make) is not None


def _nsd(folder, port, zones):
    served = "".join(
        f'zone:\n  name: "{apex}"\n  zonefile: "{folder}/{apex}zone"\n'
        for apex in zones
    )
    return f"""server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/pid"
  xfrdfile: "{folder}/xfrd"
  zonelistfile: "{folder}/zonelist"
  xfrdir: "{folder}"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
{served}"""


def _knot(folder, port, zones):
    served = "".join(
        f'  - domain: "{apex}"\n    file: "{folder}/{apex}zone"\n' for apex in zones
    )
    return f"""server:
  listen: 127.0.0.1@{port}
  rundir: "{folder}"
database:
  storage: "{folder}/db"
log:
  - target: stderr
    any: warning
template:
  - id: default
    semantic-checks: off
    zonefile-sync: -1
    journal-content: none
zone:
{served}"""


_CONFIGS = {NSD: _nsd, KNOT: _knot}
