"""What is said to one question. Authority and negative TTLs are decided here alone."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from domicile.dns.rdata import Rcode, RRset


class Ede(IntEnum):
    """Why an answer is as it is (RFC 8914 5.2)."""

    OTHER = 0
    RRSIGS_MISSING = 10
    STALE_ANSWER = 3
    NOT_READY = 14
    PROHIBITED = 18
    STALE_NXDOMAIN = 19
    NOT_AUTHORITATIVE = 20
    NOT_SUPPORTED = 21
    NETWORK_ERROR = 23
    INVALID_DATA = 24
    INVALID_QUERY_TYPE = 30


class ExtendedError(NamedTuple):
    """A reason for people to read, beside the rcode."""

    code: Ede
    text: str = ""


_NOT_OURS = ExtendedError(Ede.NOT_AUTHORITATIVE, "the name is in no zone served here")


class Answer(NamedTuple):
    """An outcome, before it is written for anyone in particular."""

    rcode: Rcode
    authoritative: bool = False
    answer: tuple[RRset, ...] = ()
    authority: tuple[RRset, ...] = ()
    additional: tuple[RRset, ...] = ()
    needs_additional: bool = False
    errors: tuple[ExtendedError, ...] = ()
    is_truncated: bool = False

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
    def refused(cls, *errors: ExtendedError) -> Answer:
        """It is nothing that we answer; by itself, because the name is in no zone of ours."""
        return cls(Rcode.REFUSED, errors=errors or (_NOT_OURS,))

    @classmethod
    def serv_fail(cls, *errors: ExtendedError) -> Answer:
        return cls(Rcode.SERVFAIL, errors=errors)

    @classmethod
    def elsewhere(cls) -> Answer:
        """Over UDP nothing is said at present: TC sends the client to a stream."""
        return cls(Rcode.NOERROR, is_truncated=True)

    @property
    def is_no_data(self) -> bool:
        return self.rcode is Rcode.NOERROR and not self.answer


def _negative(soa: RRset) -> RRset:
    # RFC 2308 3: "The TTL of this record is set from the minimum of the MINIMUM field
    # of the SOA record and the TTL of the SOA itself". MINIMUM is its last four octets.
    minimum = int.from_bytes(soa.rdatas[0][-4:], "big")
    return soa._replace(ttl=min(soa.ttl, minimum))
