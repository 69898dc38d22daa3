"""Secondaries are told of a new edition, again until they have heard."""

import asyncio

import dns.flags
import dns.message
import dns.opcode
import dns.tsig
import pytest
from structlog.testing import capture_logs

from domicile.config import Address
from domicile.dns.name import name_from_text
from domicile.dns.rdata import Rdtype, RRset
from domicile.dns.transfer import with_serial, write_records
from domicile.dns.tsig import Key
from domicile.nameserver.transfers import notifying
from domicile.nameserver.transfers.journal import Edition
from domicile.nameserver.transfers.offers import Offer

APEX = name_from_text("apps.test")
NAMES = name_from_text("ns1.apps.test") + name_from_text("mail.apps.test")
SOA = write_records(APEX, [RRset(APEX, Rdtype.SOA, 60, (NAMES + bytes(20),))]).octets
EDITION = Edition(1, with_serial(SOA, 77))
KEY = dns.tsig.Key("sec.example", "c2VjcmV0", dns.tsig.HMAC_SHA256)


class Secondary(asyncio.DatagramProtocol):
    """Hears, and answers from the second time on."""

    def __init__(self, deaf=1):
        self.heard = []
        self.deaf = deaf

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        message = dns.message.from_wire(data, keyring=KEY)
        self.heard.append(message)
        if len(self.heard) > self.deaf:
            self.transport.sendto(dns.message.make_response(message).to_wire(), addr)


@pytest.fixture
async def secondary():
    loop = asyncio.get_running_loop()
    transport, found = await loop.create_datagram_endpoint(
        Secondary, local_addr=("127.0.0.1", 0)
    )
    found.address = Address(*transport.get_extra_info("sockname"))
    yield found
    transport.close()


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(notifying, "_PATIENCE", (0.2, 0.2, 0.2))


def offer(address, tmp_path):
    key = Key("sec.example", "hmac-sha256", b"secret")
    return Offer(APEX, (), key, (address,), tmp_path / "zone.db")


async def test_it_is_told_again_until_it_has_heard(secondary, tmp_path):
    with capture_logs() as logged:
        await notifying.notify(offer(secondary.address, tmp_path), EDITION)
    assert len(secondary.heard) == 2
    assert not logged
    message = secondary.heard[0]
    assert message.opcode() == dns.opcode.NOTIFY
    assert message.flags & dns.flags.AA
    assert message.had_tsig
    assert message.answer[0][0].serial == 77
    assert message.answer[0].ttl == 60


async def test_who_does_not_answer_is_named(secondary, tmp_path):
    secondary.deaf = 99
    with capture_logs() as logged:
        await notifying.notify(offer(secondary.address, tmp_path), EDITION)
    assert len(secondary.heard) == 3
    assert [(each["event"], each["to"]) for each in logged] == [
        ("notify_unanswered", str(secondary.address))
    ]
