"""A customer's DNS: a small name server, by UDP on loopback, that says what it is told.

It stands for the world's, which the demo asks nothing.
"""

import socket
from collections import defaultdict
from contextlib import suppress
from threading import Thread
from types import TracebackType
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from domicile.config import Address

_LARGEST = 4096
_TTL = 60


class CustomerDns:
    """Answers from what was set, in a thread of its own; other names are NXDOMAIN."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = Thread(target=self._serve, name="customer's DNS", daemon=True)
        self._records: dict[str, dict[str, list[str]]] = {}
        self.address = str(Address(*self._socket.getsockname()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # An empty datagram ends it: who waits for one does not notice a close.
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def set(self, host: str, *records: str) -> None:
        """Have the host have these records, `CNAME a.example`, and no others."""
        kinds = defaultdict(list)
        for each in records:
            kind, _, value = each.partition(" ")
            kinds[kind].append(f"{value}." if kind == "CNAME" else value)
        self._records[host] = dict(kinds)

    def clear(self) -> None:
        self._records.clear()

    def answer(self, query: dns.message.Message) -> dns.message.Message | None:
        """Answer a question; None for silence."""
        (question,) = query.question
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        known = self._records.get(question.name.to_text(omit_final_dot=True).lower())
        if known is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
            return response
        kind = dns.rdatatype.to_text(question.rdtype)
        if values := known.get(kind):
            found = dns.rrset.from_text(question.name, _TTL, "IN", kind, *values)
            response.answer.append(found)
        return response

    def _serve(self) -> None:
        while True:
            data, client = self._socket.recvfrom(_LARGEST)
            if not data:
                return
            # What is no question gets no answer.
            with suppress(dns.exception.DNSException, ValueError):
                response = self.answer(dns.message.from_wire(data))
                if response is not None:
                    self._socket.sendto(response.to_wire(), client)
