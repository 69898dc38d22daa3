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
    needs_additional: bool = False

    @classmethod
    def data(cls, *rrsets: RRset, additional: tuple[RRset, ...] = ()) -> Answer:
        return cls(
            Rcode.NOERROR, authoritative=True, answer=rrsets, additional=additional
        )

    @classmethod
    def no_data(cls, soa: RRset, chain: tuple[RRset, ...] = ()) -> Answer:
        """The name exists, records of that type do not; `chain` has led there."""
        return cls(
            Rcode.NOERROR, authoritative=True, answer=chain, authority=(_negative(soa),)
        )

    @classmethod
    def nx_domain(cls, soa: RRset, chain: tuple[RRset, ...] = ()) -> Answer:
        """Nothing exists at the name nor below it (RFC 8020)."""
        # RFC 6604 3: the rcode is that of the last name of a chain.
        return cls(
            Rcode.NXDOMAIN,
            authoritative=True,
            answer=chain,
            authority=(_negative(soa),),
        )

    @classmethod
    def referral(
        cls, servers: RRset, glue: tuple[RRset, ...], chain: tuple[RRset, ...] = ()
    ) -> Answer:
        """The name is another's: ask these. RFC 1035 4.1.1: AA is of the first name."""
        return cls(
            Rcode.NOERROR,
            authoritative=bool(chain),
            answer=chain,
            authority=(servers,),
            additional=glue,
            # RFC 9471 3.1: glue that does not fit "MUST" leave TC.
            needs_additional=True,
        )

    @classmethod
    def unfinished(cls, chain: tuple[RRset, ...]) -> Answer:
        """The chain goes on where we have no word, or in a circle."""
        return cls(Rcode.NOERROR, authoritative=True, answer=chain)

    @classmethod
    def yx_domain(cls, chain: tuple[RRset, ...]) -> Answer:
        """The chain leads to what would be too long for a name (RFC 6672 2.2)."""
        return cls(Rcode.YXDOMAIN, authoritative=True, answer=chain)

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
