"""Scenarios that an operator can read: zones, what is asked, and what is answered."""

import re
from pathlib import Path
from typing import NamedTuple

import dns.message
import msgspec
import pytest
from zonekeys import SEALING_KEY, made

from domicile.dns.client import Client, Transport
from domicile.dns.edns import CO, DO
from domicile.dns.zonefile import read_zone
from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import KINDS, encode
from domicile.nameserver.alone import NoRecords
from domicile.nameserver.replies import Own, Replies
from domicile.replica.replica import Replica

FILES = sorted(
    each
    for each in Path(__file__).parent.glob("*.txt")
    if "\nzone " in each.read_text()
)
# What is another one each time: serials, signatures, keys.
PASSING = re.compile(
    r"(?:(?<= SOA) .*|(?<= RRSIG)( \w+) 13 .*|(?<= DNSKEY)( \d+ 3) .*|(?<= CDS) \d+( 13 2) .*)"
)
NXNAME = re.compile(r"\bTYPE128$")


class Step(NamedTuple):
    """A question, when it is asked, and the lines of its answer.

    `flags` are `do` for who asks for signatures, and `do,co` for who also takes a proof
    beside NXDOMAIN.
    """

    name: str
    rdtype: str
    flags: str
    at: float
    expected: list[str]
    why: str


class Scenario(NamedTuple):
    """Zones of files by apex, records of the directory, and the steps."""

    zones: dict[str, str]
    records: list
    steps: list[Step]


def read(file):
    zones, records, steps, why, target, now = {}, [], [], [], None, 0.0
    for line in file.read_text().splitlines():
        first, *words = line.split() or [""]
        if line.startswith("#"):
            why.append(line)
        elif line.startswith("zone "):
            target = zones.setdefault(words[0], [])
        elif line.startswith("record "):
            value = line.split(maxsplit=2)[2]
            records.append(msgspec.json.decode(value, type=KINDS[words[0]]))
            why = []
        elif line.startswith("sign "):
            records.append(made(words[0]))
        elif line.startswith("at "):
            now = float(words[0])
        elif line.startswith("ask "):
            name, rdtype, *flags = words
            steps.append(Step(name, rdtype, *flags or [""], now, [], "\n".join(why)))
            target = steps[-1].expected
            why = []
        elif first:
            target.append(" ".join(line.split()))
    texts = {apex: "\n".join(lines) + "\n" for apex, lines in zones.items()}
    return Scenario(texts, records, steps)


FLAGS = {"": 0, "do": DO, "do,co": DO | CO}
CLIENT = Client(Transport.UDP, bytes((192, 0, 2, 1)))
CASES = [(file, step) for file in FILES for step in read(file).steps]


def replica_of(records, folder):
    replica = Replica.open(folder, writable=True)
    changes = [
        Change(serial, record.kind, record.key, record.scope, encode(record), NO_CHAIN)
        for serial, record in enumerate(records, start=1)
    ]
    replica.replace(changes, len(changes), NO_CHAIN)
    replica.freshness.stamp()
    return replica


def told(message):
    """Write an answer as a scenario does."""
    first = dns.rcode.to_text(message.rcode())
    yield first + (" aa" if message.flags & dns.flags.AA else "")
    for title in ("answer", "authority", "additional"):
        for rrset in getattr(message, title):
            kind = dns.rdatatype.to_text(rrset.rdtype)
            for rdata in rrset:
                line = f"{title} {rrset.name} {rrset.ttl} {kind} {rdata}"
                yield NXNAME.sub("NXNAME", PASSING.sub(r"\1\2\3 …", line))


@pytest.mark.parametrize(
    ("file", "step"),
    CASES,
    ids=[f"{s.name} {s.rdtype} {s.at:g} {s.flags}" for _, s in CASES],
)
def test_it_is_answered_as_the_scenario_says(file, step, tmp_path):
    scenario = read(file)
    zones = [read_zone(apex, text) for apex, text in scenario.zones.items()]
    own = Own({zone.apex: zone for zone in zones}, sealing_key=SEALING_KEY)
    records = scenario.records
    replica = replica_of(records, tmp_path) if records else NoRecords()
    query = dns.message.make_query(step.name, step.rdtype, use_edns=True, payload=1232)
    query.ednsflags |= FLAGS[step.flags]
    with Replies(replica, own=own, clock=lambda: step.at).batch() as reply:
        message = dns.message.from_wire(reply(query.to_wire(), CLIENT))
    assert list(told(message)) == step.expected, step.why
