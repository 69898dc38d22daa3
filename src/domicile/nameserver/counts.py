"""What a name server counts of its queries: by transport, by how they were answered."""

from domicile.dns.client import Transport
from domicile.dns.rdata import Rcode
from domicile.service.counters import Counters, Family, Row

_QUERIES = "domicile_nameserver_queries"
_ANSWERS = "domicile_nameserver_answers"

_RCODES = {rcode.value: rcode.name.lower() for rcode in Rcode if rcode < 16}
_TRANSPORTS = [each.value for each in Transport]
_OTHER, _NONE, _TRUNCATED = "other", "none", "truncated"

FAMILIES = (
    Family(_QUERIES, "Messages taken in.", "transport", tuple(_TRANSPORTS)),
    Family(
        _ANSWERS,
        "How they were answered; what is truncated counts as that alone.",
        "rcode",
        (*_RCODES.values(), _OTHER, _NONE, _TRUNCATED),
    ),
)


class Tally:
    """Counts for one worker."""

    __slots__ = ("_none", "_of_rcode", "_row", "_transports", "_truncated")

    def __init__(self, counters: Counters, row: Row) -> None:
        self._row = row
        self._transports = {
            each: counters.place(_QUERIES, each.value) for each in Transport
        }
        self._of_rcode = [
            counters.place(_ANSWERS, _RCODES.get(rcode, _OTHER)) for rcode in range(16)
        ]
        self._none = counters.place(_ANSWERS, _NONE)
        self._truncated = counters.place(_ANSWERS, _TRUNCATED)

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

    def count_remembered(self, count: int) -> None:
        """Count queries over UDP that got again what was no error."""
        self._row.add(self._transports[Transport.UDP], count)
        self._row.add(self._of_rcode[Rcode.NOERROR], count)
