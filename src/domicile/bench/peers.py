"""Name servers of another make: how each serves master files on loopback, on one core.

Each function writes a configuration into a folder and gives the command that starts the
server there, in the foreground; None where it is not installed. What it keeps, it keeps
in that folder. The tests compare answers with some of them.
"""

from collections.abc import Mapping
from pathlib import Path

from domicile.bench.machine import build_go, find, run_to_end
from domicile.bench.processes import Command

MIEKG = Path(__file__).with_name("miekg.go")
MIEKG_LIBRARY = "github.com/miekg/dns"

Zones = Mapping[str, Path]
"""Master files by the apex of their zone."""


def knot(folder: Path, port: int, zones: Zones) -> Command | None:
    if (program := find("knotd")) is None:
        return None
    served = "".join(
        f'  - domain: "{apex}"\n    file: "{file}"\n' for apex, file in zones.items()
    )
    config = folder / "knot.conf"
    config.write_text(
        f'server:\n  rundir: "{folder}"\n  listen: 127.0.0.1@{port}\n'
        f"  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
        f'database:\n  storage: "{folder}"\n'
        f"log:\n  - target: stderr\n    any: warning\n"
        f"template:\n  - id: default\n    semantic-checks: off\n"
        f"    zonefile-sync: -1\n    journal-content: none\n"
        f"zone:\n{served}"
    )
    return [program, "-c", str(config)]


def nsd(
    folder: Path, port: int, zones: Zones, *, minimal: bool = True
) -> Command | None:
    """With `minimal` it says no more than was asked, as we do."""
    if (program := find("nsd")) is None:
        return None
    served = "".join(
        f'zone:\n  name: "{apex}"\n  zonefile: "{file}"\n'
        for apex, file in zones.items()
    )
    config = folder / "nsd.conf"
    config.write_text(
        f'server:\n  ip-address: 127.0.0.1@{port}\n  username: ""\n  chroot: ""\n'
        f'  database: ""\n  zonesdir: "{folder}"\n  pidfile: "{folder}/nsd.pid"\n'
        f'  server-count: 1\n  xfrdfile: ""\n  zonelistfile: "{folder}/zone.list"\n'
        f'  xfrdir: "{folder}"\n  rrl-ratelimit: 0\n'
        f"  minimal-responses: {'yes' if minimal else 'no'}\n"
        f"remote-control:\n  control-enable: no\n{served}"
    )
    return [program, "-d", "-c", str(config)]


def pdns(
    folder: Path, port: int, zones: Zones, *, signed: bool = False
) -> Command | None:
    """It gives the signatures of a file only where it is told that they are there."""
    if (program := find("pdns_server")) is None:
        return None
    named = folder / "named.conf"
    named.write_text(
        "".join(
            f'zone "{apex}" {{ type master; file "{file}"; }};\n'
            for apex, file in zones.items()
        )
    )
    (folder / "pdns.conf").write_text(
        f"launch=bind\nbind-config={named}\nsocket-dir={folder}\n"
        f"local-address=127.0.0.1\nlocal-port={port}\nreceiver-threads=1\n"
        f"distributor-threads=1\nsecurity-poll-suffix=\nversion-string=anonymous\n"
        + (f"bind-dnssec-db={folder}/dnssec.db\n" if signed else "")
    )
    if signed:
        tell = ["pdnsutil", f"--config-dir={folder}"]
        run_to_end([*tell, "create-bind-db", str(folder / "dnssec.db")])
        for apex in zones:
            run_to_end([*tell, "set-presigned", apex])
    return [program, f"--config-dir={folder}"]


def bind(folder: Path, port: int, zones: Zones) -> Command | None:
    if (program := find("named")) is None:
        return None
    served = "".join(
        f'zone "{apex}" {{ type primary; file "{file}"; }};\n'
        for apex, file in zones.items()
    )
    config = folder / "named.conf"
    config.write_text(
        f'options {{ directory "{folder}"; pid-file none; session-keyfile none;\n'
        f"  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n"
        f"  recursion no; dnssec-validation no; notify no; querylog no;\n"
        f"  minimal-responses yes; }};\ncontrols {{ }};\n{served}"
    )
    return [program, "-g", "-n", "1", "-c", str(config)]


def miekg(folder: Path, port: int, zones: Zones) -> Command | None:
    """Build and start the server of Go; it serves one zone."""
    if (program := build_go(MIEKG, folder, MIEKG_LIBRARY)) is None:
        return None
    ((apex, file),) = zones.items()
    return [str(program), str(port), apex, str(file)]


def sign(zone: Path, apex: str, folder: Path) -> Path | None:
    """Sign a master file with one key of P-256, by Knot's tool; None where it is not here."""
    if (program := find("kzonesign")) is None:
        return None
    folder.mkdir()
    config = folder / "kzonesign.conf"
    config.write_text(
        f'database:\n  storage: "{folder}"\n'
        f"policy:\n  - id: one\n    algorithm: ecdsap256sha256\n"
        f"    single-type-signing: on\n    signing-threads: 2\n"
        f'zone:\n  - domain: "{apex}"\n    file: "{zone}"\n'
        f"    dnssec-signing: on\n    dnssec-policy: one\n"
    )
    run_to_end([program, "-c", str(config), "-o", str(folder), apex])
    return folder / zone.name
