"""Our answers against those of NSD and Knot, section by section, for the same zones."""

from functools import partial

import dns.message
import generation
import peers
import pytest
from comparison import difference

from domicile.dns.client import Client, Transport
from domicile.dns.responder import respond
from domicile.dns.zonefile import read_zone
from domicile.dns.zones import answer

ZONES, QUESTIONS = 10, 1500


@pytest.fixture(params=[peers.NSD, peers.KNOT])
def start(request, tmp_path):
    make = request.param
    if not peers.is_installed(make):
        pytest.skip(f"{make} is not installed")
    started = []

    def begin(zones):
        started.append(peers.Peer(make, zones, tmp_path / f"{make}{len(started)}"))
        return started[-1]

    yield begin
    for each in started:
        each.end()


TCP = Client(Transport.TCP, bytes((192, 0, 2, 1)))


class Ours:
    def __init__(self, zones):
        self._zones = [read_zone(apex, text) for apex, text in zones.items()]

    def find(self, name):
        holding = [
            zone
            for zone in self._zones
            if name == zone.apex or name.endswith(zone.apex)
        ]
        return max(holding, key=lambda zone: len(zone.apex), default=None)

    def ask(self, query):
        wire = respond(query.to_wire(), TCP, partial(answer, self.find))
        return dns.message.from_wire(wire)


@pytest.mark.soak
def test_our_answers_are_theirs(start, effort, figure):
    seeds = ZONES * effort
    for seed in range(seeds):
        compare(start, seed)
    figure("questions answered as NSD and Knot do", seeds * QUESTIONS)


def compare(start, seed):
    zones = generation.zones(seed)
    files = "".join(zones.values())
    peer, ours = start(zones), Ours(zones)
    for name, rdtype in generation.questions(seed, QUESTIONS):
        query = dns.message.make_query(name, rdtype, use_edns=True, payload=4096)
        theirs, answered = peer.ask(query), ours.ask(query)
        differs = difference(peer.make, answered, theirs, files)
        assert not differs, (
            f"seed {seed}: {differs} of {name} {rdtype}\n{answered}\n\n{peer.make}:\n{theirs}\n\n{files}"
        )
    peer.end()
