"""Reads the scenarios of questions: zones, records, what is asked, and what is answered."""

from ipaddress import ip_address
from typing import NamedTuple

import dns.edns
import dns.message
import msgspec
from zonekeys import made

from domicile.dns.client import Client, Transport
from domicile.dns.edns import CO, DO
from domicile.dns.responder import Server
from domicile.model.records import KINDS

STANDINGS = {"sure", "behind", "without", "unreadable"}


class State(NamedTuple):
    """When it is asked, and how the server stands: one of the STANDINGS."""

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


def record_of(kind, value):
    """Read what stands behind the word `record`: the kind, and the record as JSON."""
    return msgspec.json.decode(value, type=KINDS[kind])


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
            records.append(record_of(words[0], line.split(maxsplit=2)[2]))
            why = []
        elif line.startswith("sign "):
            records.append(made(words[0]))
        elif line.startswith("at "):
            state = state._replace(at=float(words[0]))
        elif line in STANDINGS:
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
