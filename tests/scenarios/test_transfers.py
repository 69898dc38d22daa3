"""Plays the scenario of transfers: what secondaries are told, and what they may take."""

import asyncio
import json
import time
from ipaddress import ip_address
from pathlib import Path

import dns.message
import dns.opcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import msgspec
import pytest
from keys import SECRET, sealed, sign, told_signature
from playing import play, words_of
from scenario import record_of
from told import told_options, told_rcode
from writing import Written
from zonekeys import SEALING_KEY, made

from domicile.dns.client import Client, Transport
from domicile.dns.transfer import is_of_transfers
from domicile.dns.zonefile import read_zone
from domicile.model.records import KINDS
from domicile.nameserver.replies import Own, Replies
from domicile.nameserver.transfers.answering import answer
from domicile.nameserver.transfers.journal import Journal
from domicile.nameserver.transfers.keeping import Keeper
from domicile.nameserver.transfers.notifying import notify
from domicile.nameserver.transfers.offers import Transfer, read_offers
from domicile.nameserver.transfers.process import Part

FILE = Path(__file__).with_name("transfers.txt")
# What a secondary answers to is signed if what it hears is, or it hears it again.
KEY = dns.tsig.Key("sec.example", SECRET, "hmac-sha256")


class Secondary(asyncio.DatagramProtocol):
    """Hears of new editions, and says so."""

    def __init__(self):
        self.heard = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        message = dns.message.from_wire(data, keyring=KEY)
        self.heard.append(message)
        self.transport.sendto(dns.message.make_response(message).to_wire(), addr)


class Stage:
    """A name server: its replica, its files, and the zones that it offers."""

    def __init__(self, folder, secondary):
        self.folder = folder
        self.secondary = secondary
        self.written = Written(folder / "replica")
        self.files = {}
        self.transfers = []
        self.journals = {}
        self.keepers = {}

    @property
    def part(self):
        offers = read_offers(self.transfers, self.folder)
        return Part(offers, Own(self.files, sealing_key=SEALING_KEY), None, None)

    @property
    def offers(self):
        """What is offered, with the keys that the directory has now."""
        part = self.part
        return [part.signed(each, self.written.replica) for each in part.offers]

    async def zone(self, apex, lines):
        """Start anew with another master file."""
        zone = read_zone(apex, "\n".join(lines) + "\n")
        self.files[zone.apex] = zone
        self.keepers.pop(zone.apex, None)
        await self.keep()

    def record(self, kind, *value):
        return self.write(record_of(kind, " ".join(value)))

    def key(self, name, *value):
        return self.write(sealed(name, **json.loads(" ".join(value))))

    def sign(self, zone):
        return self.write(made(zone))

    def gone(self, kind, key):
        with self.written.replica.view() as view:
            return self.write(gone=[view.get(KINDS[kind], key)])

    async def write(self, *records, gone=()):
        self.written.write(*records, gone=gone)
        await self.keep()
        return self.heard()

    async def transfer(self, *value):
        text = " ".join(value).replace("SECONDARY", self.secondary.address)
        self.transfers.append(msgspec.json.decode(text, type=Transfer))
        await self.keep()
        return self.heard()

    async def keep(self):
        """Make new editions, and tell secondaries of them."""
        for offer in self.offers:
            if offer.apex not in self.keepers:
                self.keepers[offer.apex] = self.keeper(offer)
            edition = await self.keepers[offer.apex].step()
            if edition is not None:
                await notify(offer, edition)

    def heard(self):
        heard, self.secondary.heard = self.secondary.heard, []
        return [line for each in heard for line in told_notify(each)]

    def keeper(self, offer):
        if offer.apex not in self.journals:
            self.journals[offer.apex] = Journal(offer.journal)
        file, journal = self.files.get(offer.apex), self.journals[offer.apex]
        return Keeper(offer.apex, file, self.written.replica, journal, lambda _: None)

    def take(self, name, rdtype, *how):
        """Ask as a secondary does, and tell of all the messages that come."""
        how = words_of(how)
        query = dns.message.make_query(name, rdtype, use_edns=0)
        if "serial" in how:
            soa = f". . {how['serial']} 0 0 0 0"
            query.authority.append(dns.rrset.from_text(name, 0, "IN", "SOA", soa))
        asked = sign(query, how)
        context, lines = None, []
        for octets in self.messages(asked.octets, how):
            message = asked.read(
                octets, xfr=True, tsig_ctx=context, multi=True, one_rr_per_rrset=True
            )
            context = message.tsig_ctx
            lines += [] if lines else [told_rcode(message)]
            lines += map(told_record, message.answer)
        return [*lines, *told_options(message), *told_signature(message)]

    def messages(self, packet, how):
        address = ip_address(how.get("from", "192.0.2.7")).packed
        client = Client(Transport.UDP if "udp" in how else Transport.TCP, address)
        if self.transfers and client.is_stream and is_of_transfers(packet):
            now, busy = int(time.time()), "busy" in how
            yield from answer(packet, address, self.offers, now, busy=busy).messages
            return
        with Replies(self.written.replica, own=self.part.own).batch() as reply:
            yield reply(packet, client)

    def close(self):
        for each in self.journals.values():
            each.close()
        self.written.close()


def told_record(rrset):
    """Write a record as scenarios do; of an SOA the serial alone."""
    kind = dns.rdatatype.to_text(rrset.rdtype)
    data = f"serial {rrset[0].serial}" if kind == "SOA" else rrset[0]
    return f"answer {rrset.name} {rrset.ttl} {kind} {data}"


def told_notify(message):
    """Say what a secondary heard, and by which key that is signed."""
    what = dns.opcode.to_text(message.opcode())
    by = f" signed by {message.keyname}" if message.had_tsig else ""
    for rrset in message.answer:
        yield f"heard {what} {rrset.name} serial {rrset[0].serial}{by}"


@pytest.fixture
async def secondary():
    loop = asyncio.get_running_loop()
    transport, found = await loop.create_datagram_endpoint(
        Secondary, local_addr=("127.0.0.1", 0)
    )
    found.address = "{}:{}".format(*transport.get_extra_info("sockname"))
    yield found
    transport.close()


async def test_the_scenario_of_transfers_holds(tmp_path, secondary):
    stage = Stage(tmp_path, secondary)
    try:
        await play(FILE, stage)
    finally:
        stage.close()
