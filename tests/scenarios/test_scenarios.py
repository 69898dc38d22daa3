"""Scenarios that an operator can read: a zone, what is asked, and what is answered."""

import re
from functools import partial
from pathlib import Path
from typing import NamedTuple

import dns.message
import pytest

from domicile.dns.client import Client, Transport
from domicile.dns.responder import respond
from domicile.dns.zonefile import read_zone
from domicile.dns.zones import answer

FILES = sorted(
    each
    for each in Path(__file__).parent.glob("*.txt")
    if "\nzone " in each.read_text()
)
SOA_DATA = re.compile(r"(SOA) .*")


class Step(NamedTuple):
    """A question, and the lines of its answer."""

    name: str
    rdtype: str
    expected: list[str]
    why: str


def read(file):
    """Give the zones by apex, and the steps."""
    zones, steps, why, target = {}, [], [], None
    for line in file.read_text().splitlines():
        if line.startswith("#"):
            why.append(line)
        elif line.startswith("zone "):
            target = zones.setdefault(line.split()[1], [])
        elif line.startswith("ask "):
            _, name, rdtype = line.split()
            steps.append(Step(name, rdtype, [], "\n".join(why)))
            target = steps[-1].expected
            why = []
        elif line.strip():
            target.append(" ".join(line.split()))
    return {apex: "\n".join(lines) + "\n" for apex, lines in zones.items()}, steps


CLIENT = Client(Transport.UDP, bytes((192, 0, 2, 1)))
CASES = [(file, step) for file in FILES for step in read(file)[1]]


def find_in(zones):
    def find(name):
        holding = (zone for zone in zones if name.endswith(zone.apex))
        return max(holding, key=lambda zone: len(zone.apex), default=None)

    return find


def told(message):
    """Write an answer as a scenario does."""
    first = dns.rcode.to_text(message.rcode())
    yield first + (" aa" if message.flags & dns.flags.AA else "")
    for title in ("answer", "authority", "additional"):
        for rrset in getattr(message, title):
            kind = dns.rdatatype.to_text(rrset.rdtype)
            for rdata in rrset:
                line = f"{title} {rrset.name} {rrset.ttl} {kind} {rdata}"
                yield SOA_DATA.sub(r"\1 …", line)


@pytest.mark.parametrize(
    ("file", "step"), CASES, ids=[f"{s.name} {s.rdtype}" for _, s in CASES]
)
def test_it_is_answered_as_the_scenario_says(file, step):
    zones = [read_zone(apex, text) for apex, text in read(file)[0].items()]
    query = dns.message.make_query(step.name, step.rdtype, use_edns=True, payload=1232)
    wire = respond(query.to_wire(), CLIENT, partial(answer, find_in(zones)))
    assert list(told(dns.message.from_wire(wire))) == step.expected, step.why
