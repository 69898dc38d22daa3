"""Tells secondaries that there is a new edition (NOTIFY, RFC 1996)."""

import asyncio

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import structlog

from domicile.config import Address
from domicile.dns.name import name_to_text
from domicile.nameserver.transfers.journal import Edition
from domicile.nameserver.transfers.offers import Offer
from domicile.nameserver.transfers.signature import as_dnspython_has_it

# RFC 1996 3.6: again "after some delay", "a reasonable number of retries".
_PATIENCE = (1.0, 2.0, 4.0, 8.0, 16.0)

_log = structlog.get_logger()


async def notify(offer: Offer, edition: Edition) -> None:
    """Tell all of them, each until it has heard; none waits for another."""
    message = _write(offer, edition)
    async with asyncio.TaskGroup() as telling:
        for each in offer.notify:
            telling.create_task(_tell(message, each, offer))


async def _tell(message: dns.message.Message, to: Address, offer: Offer) -> None:
    for patience in _PATIENCE:
        begun = asyncio.get_running_loop().time()
        try:
            await dns.asyncquery.udp(message, to.host, patience, to.port)
        except (dns.exception.DNSException, OSError):
            # Where nobody listens that is known at once.
            spent = asyncio.get_running_loop().time() - begun
            await asyncio.sleep(patience - spent)
        else:
            return
    _log.warning("notify_unanswered", zone=name_to_text(offer.apex), to=str(to))


def _write(offer: Offer, edition: Edition) -> dns.message.Message:
    name, _ = dns.name.from_wire(offer.apex, 0)
    message = dns.message.make_query(name, dns.rdatatype.SOA)
    message.set_opcode(dns.opcode.NOTIFY)
    message.flags = (message.flags & ~dns.flags.RD) | dns.flags.AA
    # As in the journal: the pointer to the apex, type, class, TTL and length before it.
    ttl, data = int.from_bytes(edition.soa[6:10], "big"), edition.soa[12:]
    soa = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.SOA, data, 0, len(data))
    message.answer.append(dns.rrset.from_rdata(name, ttl, soa))
    if offer.key is not None:
        message.use_tsig(as_dnspython_has_it(offer.key))
    return message
