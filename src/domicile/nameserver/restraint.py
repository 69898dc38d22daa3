"""What is sent in place of a UDP reply for which its network has no budget left."""

from collections.abc import Callable

from domicile.dns.answer import Answer
from domicile.dns.budget import Budget
from domicile.dns.client import Client
from domicile.dns.cookies import Standing, read_cookie
from domicile.dns.edns import OptionCode
from domicile.dns.message import Query, parse_query
from domicile.dns.rdata import Rcode
from domicile.dns.responder import Server, respond
from domicile.nameserver.counts import Tally

_TC = 0x02
_NOTHING = Answer(Rcode.NOERROR)


class Restraint:
    """A worker's part of the budgets, and what becomes of those over it."""

    def __init__(
        self,
        budget: Budget,
        server: Callable[[], Server],
        tally: Tally | None = None,
    ) -> None:
        """`server` gives what this one says of itself, and makes cookies of, now."""
        self.budget = budget
        self._server = server
        self._tally = tally

    def instead_of(self, reply: bytes, packet: bytes, client: Client) -> bytes | None:
        """Give what may go out all the same, None for silence.

        Whoever shows a cookie of ours is where he says he is, and gets his reply. Of
        the others every other one is told to come by TCP.
        """
        server = self._server()
        if packet[11] and _is_known(packet, client, server):
            return reply
        shorter = self._slip(packet, client, server) if self.budget.slips() else None
        if self._tally is not None:
            self._tally.count_over_budget(slipped=shorter is not None)
        return shorter

    def _slip(self, packet: bytes, client: Client, server: Server) -> bytes | None:
        """Write a reply that has nothing but TC, and the cookie where one is asked for."""
        empty = respond(packet, client, lambda *_: _NOTHING, server)
        if empty is None or 2 * len(empty) > 3 * len(packet):
            return None
        return empty[:2] + bytes((empty[2] | _TC,)) + empty[3:]


def _is_known(packet: bytes, client: Client, server: Server) -> bool:
    query = parse_query(packet)
    if not isinstance(query, Query) or query.edns is None or not server.secrets:
        return False
    cookie = query.edns.option(OptionCode.COOKIE)
    if cookie is None:
        return False
    read = read_cookie(cookie, client.address, server.secrets, server.now)
    return read.standing is Standing.VALID
