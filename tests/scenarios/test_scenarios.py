"""Scenarios that an operator can read: zones, what is asked, and what is answered."""

from ipaddress import ip_network
from pathlib import Path

import dns.message
import pytest
from scenario import read
from told import told, told_options
from writing import Written
from zonekeys import SEALING_KEY

from domicile.dns.zonefile import read_zone
from domicile.nameserver.alone import NoRecords
from domicile.nameserver.replies import Own, Replies

FOLDER = Path(__file__).parent
# What else happens in a scenario than questions, a test of its name plays.
FILES = [
    each
    for each in sorted(FOLDER.glob("*.txt"))
    if not (FOLDER / f"test_{each.stem}.py").exists()
]
CASES = [(file, step) for file in FILES for step in read(file).steps]


def replica_of(records, standing, folder):
    written = Written(folder)
    if standing == "without":
        return written.replica
    written.write(*records, heard=standing != "behind")
    if standing == "unreadable":
        garble(folder / "current" / "data.mdb")
    return written.replica


def garble(file):
    """Have every page mean nothing but LMDB's first two."""
    with file.open("r+b") as opened:
        opened.seek(8192)
        opened.write(bytes(file.stat().st_size - 8192))


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
