"""Scenarios that an operator can read: zones, what is asked, and what is answered."""

import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NamedTuple

import dns.edns
import dns.message
import msgspec
import pytest
from zonekeys import SEALING_KEY, made

from domicile.dns.client import Client, Transport
from domicile.dns.edns import CO, DO
from domicile.dns.responder import Server
from domicile.dns.zonefile import read_zone
from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import KINDS, encode
from domicile.nameserver.alone import NoRecords
from domicile.nameserver.replies import Own, Replies
from domicile.replica.replica import Replica

FILES = sorted(
    each
    for each in Path(__file__).parent.glob("*.txt")
    if re.search("^(zone|record) ", each.read_text(), re.MULTILINE)
)
# What is another one each time: serials, signatures, keys.
PASSING = re.compile(
    r"(?:(?<= SOA) .*|(?<= RRSIG)( \w+) 13 .*|(?<= DNSKEY)( \d+ 3) .*|(?<= CDS) \d+( 13 2) .*)"
)
NXNAME = re.compile(r"\bTYPE128$")


class State(NamedTuple):
    """When it is asked, and how the server stands: `sure`, `behind` or `without` records."""

    at: float = 0.0
    standing: str = "sure"


class Step(NamedTuple):
    """A question, and the lines of its answer.

    `how` has words beside the question: `do` asks for signatures, `co` takes a proof
    beside NXDOMAIN, `plain` has no EDNS; `tcp` and `tls` are the transport; `from=`,
    `class=`, `size=`, `version=`, `cookie=` (in hexadecimal) say what is not usual;
    `nsid` and `padding` are options. With `options` the answer's are looked at, too.
    """

    name: str
    rdtype: str
    how: list[str]
    state: State
    expected: list[str]
    why: str

    def word(self, name, default):
        found = (
            each.partition("=")[2] for each in self.how if each.startswith(f"{name}=")
        )
        return next(found, default)

    @property
    def query(self):
        query = dns.message.make_query(self.name, self.rdtype, self.word("class", "IN"))
        if "plain" not in self.how:
            flags = (DO if "do" in self.how else 0) | (CO if "co" in self.how else 0)
            size, version = int(self.word("size", 1232)), int(self.word("version", 0))
            query.use_edns(version, flags, size, options=list(self.options))
        return query.to_wire()

    @property
    def options(self):
        if "nsid" in self.how:
            yield dns.edns.GenericOption(3, b"")
        if cookie := self.word("cookie", ""):
            yield dns.edns.GenericOption(10, bytes.fromhex(cookie))
        if "padding" in self.how:
            yield dns.edns.GenericOption(12, bytes(8))

    @property
    def client(self):
        transports = (each for each in Transport if each.value in self.how)
        address = ip_address(self.word("from", "192.0.2.1")).packed
        return Client(next(transports, Transport.UDP), address)


class Scenario(NamedTuple):
    """Zones of files by apex, records of the directory, what is told, and the steps."""

    zones: dict[str, str]
    records: list
    identity: Server
    steps: list[Step]


def read(file):
    zones, records, steps, why, target, state = {}, [], [], [], None, State()
    identity = Server(secrets=(bytes(range(16)),))
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
            state = state._replace(at=float(words[0]))
        elif line in {"sure", "behind", "without"}:
            state = state._replace(standing=line)
        elif line.startswith("server "):
            nsid, version, ident = words
            identity = identity._replace(nsid=nsid.encode(), version=version, id=ident)
        elif line.startswith("ask "):
            name, rdtype, *how = words
            how = [each for word in how for each in word.split(",")]
            steps.append(Step(name, rdtype, how, state, [], "\n".join(why)))
            target = steps[-1].expected
            why = []
        elif first:
            target.append(" ".join(line.split()))
    texts = {apex: "\n".join(lines) + "\n" for apex, lines in zones.items()}
    return Scenario(texts, records, identity, steps)


CASES = [(file, step) for file in FILES for step in read(file).steps]


def replica_of(records, standing, folder):
    replica = Replica.open(folder, writable=True)
    if standing == "without":
        return replica
    changes = [
        Change(serial, record.kind, record.key, record.scope, encode(record), NO_CHAIN)
        for serial, record in enumerate(records, start=1)
    ]
    replica.replace(changes, len(changes), NO_CHAIN)
    if standing == "sure":
        replica.freshness.stamp()
    return replica


def told(message):
    """Write an answer as a scenario does."""
    first = dns.rcode.to_text(message.rcode())
    flags = {" aa": dns.flags.AA, " tc": dns.flags.TC}
    yield first + "".join(name for name, flag in flags.items() if message.flags & flag)
    for title in ("answer", "authority", "additional"):
        for rrset in getattr(message, title):
            kind = dns.rdatatype.to_text(rrset.rdtype)
            for rdata in rrset:
                line = f"{title} {rrset.name} {rrset.ttl} {kind} {rdata}"
                yield NXNAME.sub("NXNAME", PASSING.sub(r"\1\2\3 …", line))


def told_options(message, size):
    """Write what is said beside the records; of a cookie only how long it is."""
    for option in message.options:
        match int(option.otype):
            case 3:
                yield f"nsid {option.to_wire().decode()}"
            case 10:
                yield f"cookie {len(option.to_wire())}"
            case 12:
                yield f"padded to {size}"
            case 15:
                yield f"error {int(option.code)} {option.text}"


@pytest.mark.parametrize(
    ("file", "step"),
    CASES,
    ids=[f"{s.name} {s.rdtype} {s.state.at:g} {','.join(s.how)}" for _, s in CASES],
)
def test_it_is_answered_as_the_scenario_says(file, step, tmp_path):
    scenario = read(file)
    zones = [read_zone(apex, text) for apex, text in scenario.zones.items()]
    own = Own(
        {zone.apex: zone for zone in zones},
        scenario.identity,
        (ip_network("192.0.2.0/24"),),
        SEALING_KEY,
    )
    records = scenario.records
    replica = (
        replica_of(records, step.state.standing, tmp_path) if records else NoRecords()
    )
    with Replies(replica, own=own, clock=lambda: step.state.at).batch() as reply:
        wire = reply(step.query, step.client)
    message = dns.message.from_wire(wire)
    found = list(told(message))
    if "options" in step.how:
        found += told_options(message, len(wire))
    assert found == step.expected, step.why
