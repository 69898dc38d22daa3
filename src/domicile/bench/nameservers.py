"""The name servers side by side: how each is told to serve the same zone, on one core."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from domicile.bench.machine import build, find
from domicile.bench.names import ZONE, name_of
from domicile.bench.records import ADDRESS, fill, of_a_directory

FLOOR = Path(__file__).with_name("floor.c")

Command = Sequence[str]
Prepare = Callable[[Path, int, Path], Command | None]
"""In a folder, for a port, with the zone's file: how to start it, None if it is not here."""


class NameServer(NamedTuple):
    """A server, and what of Debian brings it."""

    name: str
    package: str
    prepare: Prepare


def write_zone(file: Path, names: int) -> None:
    """Write what our replica says, as everybody else reads it."""
    with file.open("w", encoding="ascii") as zone:
        zone.write(f"$ORIGIN {ZONE}.\n$TTL 60\n")
        zone.write("@ SOA ns1 hostmaster 1 3600 600 604800 30\n@ NS ns1\n")
        zone.write("ns1 A 127.0.0.1\n")
        for name in map(name_of, range(names)):
            zone.write(f"{name.app}.{name.owner} A {ADDRESS}\n")


def fill_ours(folder: Path, names: int) -> None:
    """Write our replica, as a follower would have."""
    fill(folder / "domicile" / "replica", of_a_directory(names))


def _domicile(folder: Path, port: int, _zone: Path) -> Command | None:
    (folder / "token").write_text("none\n")
    config = folder / "nameserver.toml"
    config.write_text(
        f'name = "bench"\ndirectory = "http://127.0.0.1:1"\n'
        f'token_file = "{folder}/token"\ndata = "{folder}/replica"\n'
        f'listen = ["127.0.0.1:{port}"]\nworkers = 1\n'
    )
    command = [sys.executable, "-P", "-m", "domicile", "nameserver"]
    return [*command, "--config", str(config)]


def _floor(folder: Path, port: int, _zone: Path) -> Command | None:
    program = build(FLOOR, folder)
    return None if program is None else [str(program), str(port)]


def _knot(folder: Path, port: int, zone: Path) -> Command | None:
    if (program := find("knotd")) is None:
        return None
    config = folder / "knot.conf"
    config.write_text(
        f"server:\n  rundir: {folder}\n  listen: 127.0.0.1@{port}\n"
        f"  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
        f"database:\n  storage: {folder}\n"
        f"zone:\n  - domain: {ZONE}\n    file: {zone}\n    zonefile-sync: -1\n"
        f"    journal-content: none\n"
    )
    return [program, "-c", str(config)]


def _nsd(folder: Path, port: int, zone: Path) -> Command | None:
    if (program := find("nsd")) is None:
        return None
    config = folder / "nsd.conf"
    config.write_text(
        f'server:\n  ip-address: 127.0.0.1@{port}\n  username: ""\n  database: ""\n'
        f'  zonesdir: "{folder}"\n  pidfile: "{folder}/nsd.pid"\n  server-count: 1\n'
        f'  xfrdfile: ""\n  zonelistfile: "{folder}/zone.list"\n'
        f'  xfrdir: "{folder}"\n  minimal-responses: yes\n  rrl-ratelimit: 0\n'
        f"remote-control:\n  control-enable: no\n"
        f'zone:\n  name: {ZONE}\n  zonefile: "{zone}"\n'
    )
    return [program, "-d", "-c", str(config)]


def _pdns(folder: Path, port: int, zone: Path) -> Command | None:
    if (program := find("pdns_server")) is None:
        return None
    named = folder / "named.conf"
    named.write_text(f'zone "{ZONE}" {{ type master; file "{zone}"; }};\n')
    (folder / "pdns.conf").write_text(
        f"launch=bind\nbind-config={named}\nsocket-dir={folder}\n"
        f"local-address=127.0.0.1\nlocal-port={port}\nreceiver-threads=1\n"
        f"distributor-threads=1\nsecurity-poll-suffix=\nversion-string=anonymous\n"
    )
    return [program, f"--config-dir={folder}"]


def _bind(folder: Path, port: int, zone: Path) -> Command | None:
    if (program := find("named")) is None:
        return None
    config = folder / "named.conf"
    config.write_text(
        f'options {{ directory "{folder}"; pid-file none; session-keyfile none;\n'
        f"  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n"
        f"  recursion no; dnssec-validation no; notify no; querylog no;\n"
        f"  minimal-responses yes; }};\ncontrols {{ }};\n"
        f'zone "{ZONE}" {{ type primary; file "{zone}"; }};\n'
    )
    return [program, "-g", "-n", "1", "-c", str(config)]


ALL = (
    NameServer("domicile", "", _domicile),
    NameServer("floor", "gcc", _floor),
    NameServer("knot", "knot", _knot),
    NameServer("nsd", "nsd", _nsd),
    NameServer("bind", "bind9", _bind),
    NameServer("pdns", "pdns-server, pdns-backend-bind", _pdns),
)
