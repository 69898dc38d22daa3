"""Runs the scenario of scheduled moves over a replica, at the times that it says."""

from datetime import datetime
from pathlib import Path

import dns.message
import dns.rdatatype
import msgspec
from writing import Written

from domicile.dns.client import Client, Transport
from domicile.model.records import Cluster, Owner, Placement
from domicile.model.zone_records import Zone
from domicile.nameserver.replies import Replies

FILE = Path(__file__).with_name("scheduled_moves.txt")
UDP = Client(Transport.UDP, bytes([127, 0, 0, 1]))


def seconds(text):
    return datetime.fromisoformat(f"2030-03-18T{text}Z").timestamp()


class Stage:
    """A replica that is written as the scenario says, and what answers from it."""

    def __init__(self, folder):
        self.now = seconds("12:00:00")
        self.written = Written(folder)
        self.replies = Replies(self.written.replica, clock=lambda: self.now)
        self.placements = {}

    def write(self, *records):
        self.written.write(*records)
        assert self.replies.serial() == self.written.serial

    def directory(self, zone, ttl):
        self.zone = zone
        self.write(Zone(zone, {f"ns1.{zone}": ()}, ttl=int(ttl)))

    def cluster(self, name, *addresses):
        self.write(Cluster(name, addresses, ()))

    def app(self, name, cluster):
        label, owner = name.split(".")
        key = chr(ord("a") + len(self.placements)) * 26
        self.placements[name] = Placement(key, cluster, 1, label, owner, self.zone)
        self.write(Owner(owner, self.zone, "free"), self.placements[name])

    def place(self, name, **changed):
        found = msgspec.structs.replace(self.placements[name], **changed)
        self.placements[name] = found
        self.write(found)

    def scheduled(self, name, at):
        self.place(name, moves_at=seconds(at))

    def withdrawn(self, name):
        self.place(name, moves_at=0.0)

    def moved(self, name, to):
        generation = self.placements[name].generation + 1
        self.place(name, cluster=to, generation=generation, moves_at=0.0)

    def at(self, time, what="", *told):
        self.now = seconds(time)
        if what:
            getattr(self, what)(*told)

    def ask(self, name, rdtype):
        """Give TTL and addresses, as a worker answers."""
        packet = dns.message.make_query(name, rdtype).to_wire()
        replies = self.replies
        with replies.batch() as reply:
            found = replies.plain.find(packet) or replies.remembered.find(packet)
            found = found or reply(packet, UDP)
        (rrset,) = dns.message.from_wire(found).answer
        assert dns.rdatatype.to_text(rrset.rdtype) == rdtype
        return [str(rrset.ttl), *map(str, rrset)]


def test_the_scenario_of_scheduled_moves_holds(tmp_path):
    stage = Stage(tmp_path / "replica")
    asked = 0
    for number, line in enumerate(FILE.read_text().splitlines(), 1):
        match line.split():
            case [] | ["#", *_]:
                pass
            case ["directory" | "cluster" | "app" | "at" as what, *told]:
                getattr(stage, what)(*told)
            case [name, rdtype, *expected]:
                for _ in range(2):
                    assert stage.ask(name, rdtype) == expected, f"line {number}"
                    asked += 1
    assert asked
    stage.written.close()
