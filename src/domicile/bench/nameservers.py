"""The name servers side by side: how each is told to serve the same zone, on one core."""

import sys
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from domicile.bench import peers
from domicile.bench.machine import build
from domicile.bench.makes import Make
from domicile.bench.names import ZONE, host_of
from domicile.bench.processes import Command
from domicile.bench.records import ADDRESS, fill, of_a_directory
from domicile.bench.serving import Prepare, Server
from domicile.bench.watching import watched
from domicile.bench.zonekeys import make_zone_key, write_sealing_key

FLOOR = Path(__file__).with_name("floor.c")

# So many more than by default that all names can be warmed up: signed answers are
# measured, and not the bound of how fast they are made.
_SIGNATURES = 100_000

_GO = "golang-go golang-github-miekg-dns-dev"


class Wanted(NamedTuple):
    """What is to be served: the zone's file, signed or not, and how ours has the same.

    `directory` is where ours follows, `token` what lets it.
    """

    zone: Path
    signed: bool = False
    directory: str = ""
    token: str = "none"  # noqa: S105 - nobody asks for it
    workers: int = 1


def servers(wanted: Wanted) -> dict[Make, Server]:
    zones = {ZONE: wanted.zone}
    pdns = partial(peers.pdns, zones=zones, signed=wanted.signed)
    packages_and_ways: dict[Make, tuple[str, Prepare]] = {
        Make.DOMICILE: ("", partial(_domicile, wanted)),
        Make.FLOOR: ("gcc", _floor),
        Make.KNOT: ("knot", partial(peers.knot, zones=zones)),
        Make.NSD: ("nsd", partial(peers.nsd, zones=zones)),
        Make.MIEKG: (_GO, partial(peers.miekg, zones=zones)),
        Make.BIND: ("bind9", partial(peers.bind, zones=zones)),
        Make.PDNS: ("pdns-server pdns-backend-bind", pdns),
    }
    return {
        make: Server(make, package, prepare)
        for make, (package, prepare) in packages_and_ways.items()
    }


def write_zone(file: Path, names: int) -> None:
    """Write what our replica says, as everybody else reads it."""
    with file.open("w", encoding="ascii") as zone:
        zone.write(f"$ORIGIN {ZONE}.\n$TTL 60\n")
        zone.write("@ SOA ns1 hostmaster 1 3600 600 604800 30\n@ NS ns1\n")
        zone.write("ns1 A 127.0.0.1\n")
        for number in watched(range(names), "the zone's file"):
            zone.write(f"{host_of(number)}. A {ADDRESS}\n")


def fill_ours(folder: Path, names: int, *, signed: bool = False) -> None:
    """Write our replica, as a follower would have."""
    keys = [make_zone_key()] if signed else []
    fill(folder / Make.DOMICILE / "replica", chain(keys, of_a_directory(names)))


def answers(port: int) -> bool:
    """Whether who listens there knows the first name."""
    reply = _ask(port)
    return reply is not None and reply.rcode() == dns.rcode.NOERROR


def signs(port: int) -> bool:
    """Whether it has a signature with that."""
    reply = _ask(port)
    return reply is not None and any(
        rrset.rdtype == dns.rdatatype.RRSIG for rrset in reply.answer
    )


def _ask(port: int) -> dns.message.Message | None:
    query = dns.message.make_query(host_of(0), "A", want_dnssec=True)
    try:
        return dns.query.udp(query, "127.0.0.1", port=port, timeout=0.5)
    except (OSError, dns.exception.DNSException):
        return None


def _domicile(wanted: Wanted, folder: Path, port: int) -> Command | None:
    (folder / "token").write_text(f"{wanted.token}\n")
    config = folder / "nameserver.toml"
    config.write_text(
        f'name = "bench"\ndirectory = "{wanted.directory}"\n'
        f'token_file = "{folder}/token"\ndata = "{folder}/replica"\n'
        f'listen = ["127.0.0.1:{port}"]\nworkers = {wanted.workers}\n'
        f'sealing_key_file = "{folder}/sealing.key"\n'
        f"signatures_per_second = {_SIGNATURES}\n"
    )
    write_sealing_key(folder / "sealing.key")
    command = [sys.executable, "-P", "-m", "domicile", "nameserver"]
    return [*command, "--config", str(config)]


def _floor(folder: Path, port: int) -> Command | None:
    program = build(FLOOR, folder)
    return None if program is None else [str(program), str(port)]
