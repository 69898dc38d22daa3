"""A customer's DNS: a small name server, by UDP on loopback, that says what it is told."""

import contextlib
import socket
import threading

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset


class CustomerDns:
    """Answers from `records`, by name and type, in a thread of its own.

    A name that has none of any type is NXDOMAIN; where `silent`, nobody is answered, and
    where `rcode`, everybody with that.
    """

    def __init__(self, port=0):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.address = "{}:{}".format(*self._socket.getsockname())
        self.records = {}
        self.silent = False
        self.rcode = None
        self.asked = []

    def set(self, host, *records):
        """Have the host have these records, such as `CNAME a.example`, and no others."""
        rows = [each.split() for each in records]
        self.records[host] = {
            kind: [value for other, value in rows if other == kind] for kind, _ in rows
        }

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        # An empty datagram ends it: a blocked recvfrom does not notice a close.
        with contextlib.suppress(OSError):
            self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self):
        while True:
            data, client = self._socket.recvfrom(4096)
            if not data:
                return
            if not self.silent:
                self._socket.sendto(self._answer(data), client)

    def _answer(self, data):
        query = dns.message.from_wire(data)
        question = query.question[0]
        host = question.name.to_text(omit_final_dot=True).lower()
        self.asked.append(host)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        known = self.records.get(host)
        if self.rcode is not None:
            response.set_rcode(self.rcode)
        elif known is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
        else:
            kind = question.rdtype.name
            values = [
                f"{each}." if kind == "CNAME" else each for each in known.get(kind, ())
            ]
            if values:
                found = dns.rrset.from_text(question.name, 60, "IN", kind, *values)
                response.answer.append(found)
        return response.to_wire()
