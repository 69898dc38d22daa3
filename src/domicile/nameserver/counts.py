"""What a name server counts of its queries: by transport, by how they were answered."""

from domicile.dns.client import Transport
from domicile.dns.rdata import Rcode
from domicile.service.counters import Counters, Family, Row

_QUERIES = "domicile_nameserver_queries"
_ANSWERS = "domicile_nameserver_answers"
_TRANSFERS = "domicile_nameserver_transfers"
_OVER_BUDGET = "domicile_nameserver_over_budget"
_LOST = "domicile_nameserver_datagrams_dropped"

_RCODES = {rcode.value: rcode.name.lower() for rcode in Rcode if rcode < 16}
_TRANSPORTS = [each.value for each in Transport]
_OTHER, _NONE, _TRUNCATED = "other", "none", "truncated"
_TRANSFERRED = ("whole", "differences", "current", "refused", "failed")
_SLIPPED, _DROPPED = "slipped", "dropped"

FAMILIES = (
    Family(_QUERIES, "Messages taken in.", "transport", tuple(_TRANSPORTS)),
    Family(
        _ANSWERS,
        "How they were answered; what is truncated counts as that alone.",
        "rcode",
        (*_RCODES.values(), _OTHER, _NONE, _TRUNCATED),
    ),
    Family(
        _OVER_BUDGET,
        "Replies over UDP that were not sent, for their network had no budget left.",
        "outcome",
        (_SLIPPED, _DROPPED),
    ),
    Family(
        _TRANSFERS,
        "What secondaries asked for; `current`: they have the newest.",
        "outcome",
        _TRANSFERRED,
    ),
    Family(_LOST, "Queries over UDP that came faster than they were taken in."),
)


class Tally:
    """Counts for one worker."""

    __slots__ = (
        "_dropped", "_noerror", "_none", "_nxdomain", "_of_rcode", "_over_budget",
        "_row", "_transports", "_truncated", "_udp",
    )  # fmt: skip

    def __init__(self, counters: Counters, row: Row) -> None:
        self._row = row
        self._transports = {
            each: counters.place(_QUERIES, each.value) for each in Transport
        }
        self._of_rcode = [
            counters.place(_ANSWERS, _RCODES.get(rcode, _OTHER)) for rcode in range(16)
        ]
        self._udp = self._transports[Transport.UDP]
        self._noerror = self._of_rcode[Rcode.NOERROR]
        self._nxdomain = self._of_rcode[Rcode.NXDOMAIN]
        self._none = counters.place(_ANSWERS, _NONE)
        self._truncated = counters.place(_ANSWERS, _TRUNCATED)
        self._over_budget = {
            slipped: counters.place(_OVER_BUDGET, _SLIPPED if slipped else _DROPPED)
            for slipped in (True, False)
        }
        self._dropped = counters.place(_LOST)

    def count(self, reply: bytes | None, transport: Transport) -> None:
        """Count one query by the reply that it got, None for silence."""
        self._row.add(self._transports[transport])
        if reply is None:
            self._row.add(self._none)
        elif reply[2] & 0x02:
            self._row.add(self._truncated)
        else:
            # Of an extended rcode these are the lower four bits (RFC 6891 6.1.3).
            self._row.add(self._of_rcode[reply[3] & 0x0F])

    def count_remembered(self, count: int, missing: int) -> None:
        """Count queries over UDP that got what was known; `missing` of them a no."""
        self._row.add(self._udp, count)
        self._row.add(self._noerror, count - missing)
        self._row.add(self._nxdomain, missing)

    def count_over_budget(self, *, slipped: bool) -> None:
        """Count a reply that was replaced by a short one, or by nothing."""
        self._row.add(self._over_budget[slipped])

    def note_dropped(self, count: int) -> None:
        """Note what the worker's sockets have dropped; its successor has them, too."""
        self._row.set(self._dropped, count)


class TransferTally:
    """Counts for the process of transfers."""

    def __init__(self, counters: Counters, row: Row) -> None:
        self._row = row
        self._places = {each: counters.place(_TRANSFERS, each) for each in _TRANSFERRED}

    def count(self, outcome: str) -> None:
        self._row.add(self._places[outcome])
