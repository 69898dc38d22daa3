"""What is said to one question. Authority and negative TTLs are decided here alone."""

from __future__ import annotations

from typing import NamedTuple

from domicile.dns.rdata import Rcode, RRset


class Answer(NamedTuple):
    """An outcome, before it is written for anyone in particular."""

    rcode: Rcode
    authoritative: bool = False
    answer: tuple[RRset, ...] = ()
    authority: tuple[RRset, ...] = ()
    additional: tuple[RRset, ...] = ()

    @classmethod
    def data(cls, *rrsets: RRset, additional: tuple[RRset, ...] = ()) -> Answer:
        return cls(
            Rcode.NOERROR, authoritative=True, answer=rrsets, additional=additional
        )

    @classmethod
    def no_data(cls, soa: RRset) -> Answer:
        """The name exists, records of that type do not."""
        return cls(Rcode.NOERROR, authoritative=True, authority=(_negative(soa),))

    @classmethod
    def nx_domain(cls, soa: RRset) -> Answer:
        """Nothing exists at the name nor below it (RFC 8020)."""
        return cls(Rcode.NXDOMAIN, authoritative=True, authority=(_negative(soa),))

    @classmethod
    def refused(cls) -> Answer:
        """The name is in no zone of ours."""
        return cls(Rcode.REFUSED)

    @classmethod
    def serv_fail(cls) -> Answer:
        return cls(Rcode.SERVFAIL)

    @property
    def is_no_data(self) -> bool:
        return self.rcode is Rcode.NOERROR and not self.answer


def _negative(soa: RRset) -> RRset:
    # RFC 2308 3: "The TTL of this record is set from the minimum of the MINIMUM field
    # of the SOA record and the TTL of the SOA itself". MINIMUM is its last four octets.
    minimum = int.from_bytes(soa.rdatas[0][-4:], "big")
    return soa._replace(ttl=min(soa.ttl, minimum))
