"""What DNSSEC adds to an answer (RFC 4035 3.1): signatures, and what proves a no.

    answer of dns.zones ──> each RRset, and its RRSIG by the keys of its own zone
                            a no: NSEC of the last name, and its RRSIG (RFC 9824)
                            a referral: DS, or NSEC that there is none

An answer out of a wildcard is signed as if the name existed, so it needs no proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from domicile.dns.answer import Answer
from domicile.dns.keys import Key
from domicile.dns.rdata import Rcode, Rdtype, RRset
from domicile.dns.signatures import Purpose, Signatures
from domicile.dns.signing import denial
from domicile.dns.zone import types_at
from domicile.dns.zones import FindZone
from domicile.errors import DomicileError

_OF_KEYS = frozenset({Rdtype.DNSKEY, Rdtype.CDS, Rdtype.CDNSKEY})


class NotSignable(DomicileError):
    """The keys of a zone that is signed cannot be used here."""


class SignedZone(NamedTuple):
    """A zone's keys; `rrsets` are what its apex tells of them, by type.

    No signed set lasts longer than `longest_ttl`. With a `trouble` nothing is signed.
    """

    apex: bytes
    longest_ttl: int
    rrsets: Mapping[int, RRset] = {}
    of_keys: Sequence[Key] = ()
    of_data: Sequence[Key] = ()
    trouble: str = ""

    def capped(self, rrset: RRset) -> RRset:
        if rrset.ttl <= self.longest_ttl:
            return rrset
        return rrset._replace(ttl=self.longest_ttl)


class Securing(NamedTuple):
    """Secures answers out of zones, of which some are signed."""

    find_zone: FindZone
    signed: Mapping[bytes, SignedZone]
    signatures: Signatures
    purpose: Purpose

    def secure(self, name: bytes, answer: Answer, *, compact_ok: bool) -> Answer:
        """Give the answer for a folded name to who understands DNSSEC.

        `compact_ok` says whether it also understands that a name does not exist by
        the rcode beside the proof. Raises OverBudget, NotSignable.
        """
        answers = tuple(self._signed_answers(answer.answer))
        rcode, authority = answer.rcode, answer.authority
        if authority and authority[0].rdtype == Rdtype.SOA:
            last = _last_of_chain(name, answer.answer)
            authority = self._negative(last, answer)
            is_missing = len(authority) > 1 and rcode is Rcode.NXDOMAIN
            # RFC 9824 5.1: the rcode NXDOMAIN is for those who set CO.
            rcode = Rcode.NOERROR if is_missing and not compact_ok else rcode
        elif authority and authority[0].rdtype == Rdtype.NS:
            authority = self._referral(authority[0])
        if len(answers) + len(authority) == len(answer.answer + answer.authority):
            return answer
        return answer._replace(
            rcode=rcode,
            answer=answers,
            authority=authority,
            # Addresses that are not needed would want signatures, too.
            additional=answer.additional if answer.needs_additional else (),
        )

    def answer_dnssec(self, name: bytes, rdtype: int, answer: Answer) -> Answer:
        """Answer for a type that only signing makes: NSEC, RRSIG; or leave the answer.

        Any other answer than yes would have a proof that says the contrary: each name
        has these types, by their own word, and be it a name that is not there.
        """
        soa = answer.authority[0] if answer.authority else None
        zone = self.signed.get(soa.name) if soa else None
        if soa is None or zone is None or soa.rdtype != Rdtype.SOA:
            return answer
        last = _last_of_chain(name, answer.answer)
        proof, purpose = self._proof(zone, last, answer)
        if rdtype == Rdtype.NSEC:
            return Answer.data(*answer.answer, proof)
        # RFC 8482 7: of all the signatures that a name has, "a single RRSIG RRset".
        return Answer.data(*answer.answer, self._signatures(zone, proof, purpose))

    def _signed_answers(self, rrsets: Sequence[RRset]) -> Iterator[RRset]:
        dnames = [each.name for each in rrsets if each.rdtype == Rdtype.DNAME]
        for rrset in rrsets:
            # RFC 6672 5.3.1: the CNAME that a DNAME makes is not signed, the DNAME is.
            made = rrset.rdtype == Rdtype.CNAME and any(
                rrset.name.endswith(each) and rrset.name != each for each in dnames
            )
            zone = None if rrset.rdtype == Rdtype.RRSIG else self._zone_of(rrset)
            if zone is None:
                yield rrset
            elif made:
                yield zone.capped(rrset)
            else:
                yield from self._signed(zone, rrset, self.purpose)

    def _zone_of(self, rrset: RRset) -> SignedZone | None:
        # RFC 4034 5: the DS record "appears only on the upper (parental) side".
        at_parent = rrset.rdtype == Rdtype.DS and len(rrset.name) > 1
        name = rrset.name[rrset.name[0] + 1 :] if at_parent else rrset.name
        nodes = self.find_zone(name)
        return None if nodes is None else self.signed.get(nodes.apex)

    def _negative(self, last: bytes, answer: Answer) -> tuple[RRset, ...]:
        soa = answer.authority[0]
        zone = self.signed.get(soa.name)
        if zone is None:
            return answer.authority
        proof, purpose = self._proof(zone, last, answer)
        signed_soa = self._signed(zone, soa, self.purpose)
        return (*signed_soa, *self._signed(zone, proof, purpose))

    def _proof(
        self, zone: SignedZone, last: bytes, answer: Answer
    ) -> tuple[RRset, Purpose]:
        """Give the NSEC of a no, and what its signature is for."""
        ttl = answer.authority[0].ttl
        if answer.rcode is not Rcode.NXDOMAIN:
            return self._denial(zone, last, ttl), self.purpose
        proof = denial(last, (Rdtype.NXNAME,), min(ttl, zone.longest_ttl))
        return proof, self.purpose._replace(is_missing=True)

    def _referral(self, servers: RRset) -> tuple[RRset, ...]:
        cut = servers.name
        nodes = self.find_zone(cut)
        zone = None if nodes is None else self.signed.get(nodes.apex)
        if nodes is None or zone is None:
            return (servers,)
        node = nodes.node(cut)
        ds = node.get(Rdtype.DS) if node else None
        if ds:
            return (servers, *self._signed(zone, ds, self.purpose))
        proof = self._denial(zone, cut, _negative_ttl(nodes.soa))
        return (servers, *self._signed(zone, proof, self.purpose))

    def _denial(self, zone: SignedZone, name: bytes, ttl: int) -> RRset:
        """Say what a name has that is there."""
        nodes = self.find_zone(zone.apex)
        assert nodes is not None, "it was found before"
        types = types_at(nodes, name)
        cut = Rdtype.NS in types and name != zone.apex
        # RFC 9077 3: "The TTL of the NSEC RR … MUST be the lesser of the MINIMUM field
        # of the SOA record and the TTL of the SOA itself": that of the SOA given here.
        return denial(name, types, min(ttl, zone.longest_ttl), cut=cut)

    def _signed(
        self, zone: SignedZone, rrset: RRset, purpose: Purpose
    ) -> tuple[RRset, RRset]:
        capped = zone.capped(rrset)
        return capped, self._signatures(zone, capped, purpose)

    def _signatures(self, zone: SignedZone, rrset: RRset, purpose: Purpose) -> RRset:
        if zone.trouble:
            raise NotSignable(zone.trouble)
        keys = zone.of_keys if rrset.rdtype in _OF_KEYS else zone.of_data
        rdatas = (self.signatures.get(zone.apex, key, rrset, purpose) for key in keys)
        return RRset(rrset.name, Rdtype.RRSIG, rrset.ttl, tuple(rdatas))


def _last_of_chain(name: bytes, chain: Sequence[RRset]) -> bytes:
    aliases = [each for each in chain if each.rdtype == Rdtype.CNAME]
    return aliases[-1].rdatas[0].lower() if aliases else name


def _negative_ttl(soa: RRset) -> int:
    return min(soa.ttl, int.from_bytes(soa.rdatas[0][-4:], "big"))
