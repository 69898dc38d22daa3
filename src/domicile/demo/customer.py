"""A customer's DNS: a small name server, by UDP on loopback, that says what it is told.

It stands for the world's. The tour's asks the world nothing; the demo's answers from a
file for names under `.example`, which the world does not have (RFC 2606), and passes on
what is asked of any other.
"""

import socket
from contextlib import suppress
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset

from domicile.config import Address
from domicile.runtime.durable import write_durably

_LARGEST = 4096
_TTL = 60
_FORWARD_SECONDS = 2.0

ANYWHERE = Address("127.0.0.1", 0)

_OF_CUSTOMERS = dns.name.from_text("example")
_FIRST_LINES = """\
# The DNS of the demo's customers: a record a line, of a name under .example.
# www.ada.example CNAME <the app's id>.apps.test
"""

Records = dict[str, dict[str, list[str]]]
"""Of each host, the values of each type."""


class CustomerDns:
    """Answers from what was set, in a thread of its own; other names are NXDOMAIN."""

    def __init__(self, address: Address = ANYWHERE) -> None:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._thread = Thread(target=self._serve, name="customer's DNS", daemon=True)
        self._records: Records = {}
        self.address = str(Address(*self._socket.getsockname()[:2]))

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
        self._records.pop(host, None)
        for each in records:
            _add(self._records, host, each)

    def clear(self) -> None:
        self._records.clear()

    def answer(self, query: dns.message.Message) -> dns.message.Message | None:
        """Answer a question; None for silence."""
        return self.answer_from(self._records, query)

    @staticmethod
    def answer_from(
        records: Records, query: dns.message.Message
    ) -> dns.message.Message:
        (question,) = query.question
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        known = records.get(question.name.to_text(omit_final_dot=True).lower())
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


class ZoneFile(CustomerDns):
    """Answers for names under `.example` from a file, as it is when somebody asks."""

    def __init__(self, address: Address, file: Path) -> None:
        super().__init__(address)
        self._file = file
        if not file.exists():
            write_durably(file, _FIRST_LINES.encode())

    def answer(self, query: dns.message.Message) -> dns.message.Message | None:
        (question,) = query.question
        if question.name.is_subdomain(_OF_CUSTOMERS):
            return self.answer_from(read_zone(self._file), query)
        try:
            (resolver, *_) = dns.resolver.get_default_resolver().nameservers
            return dns.query.udp(query, str(resolver), timeout=_FORWARD_SECONDS)
        except (dns.exception.DNSException, OSError):
            return None


def read_zone(file: Path) -> Records:
    """Read lines such as `www.ada.example CNAME a.apps.test`; what is none is no line."""
    records: Records = {}
    with suppress(OSError):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            host, *record = line.partition("#")[0].split()[:3] or [""]
            if len(record) == 2:
                _add(records, host.lower().removesuffix("."), " ".join(record))
    return records


def _add(records: Records, host: str, record: str) -> None:
    kind, _, value = record.partition(" ")
    text = f"{value.removesuffix('.')}." if kind == "CNAME" else value
    records.setdefault(host, {}).setdefault(kind, []).append(text)
