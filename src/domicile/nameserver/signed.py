"""The directory's signed zones: their keys unsealed, and their answers signed.

Keys are read as of each view, and are unsealed once. Where that cannot be done, who asks
for signatures gets SERVFAIL and a reason, never an answer that a validator calls bogus.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Protocol, TypeVar

from domicile.dns.answer import Answer, Ede, ExtendedError
from domicile.dns.client import Client
from domicile.dns.keys import BadKey, Key, ds_of, read_key
from domicile.dns.message import Query
from domicile.dns.name import fold, name_from_text, offset_of_suffix
from domicile.dns.rdata import Rcode, Rdtype, RRset
from domicile.dns.secure import NotSignable, Securing, SignedZone
from domicile.dns.signatures import PER_SECOND, OverBudget, Purpose, Signatures
from domicile.dns.zones import FindZone
from domicile.model import keyroll
from domicile.model.record import Record
from domicile.model.sealing import CannotUnseal, context_of, unseal
from domicile.model.zone_records import Zone, ZoneKey
from domicile.nameserver.answers import NO_RECORDS

Kind = TypeVar("Kind", bound=Record)

_MADE_BY_SIGNING = frozenset({Rdtype.NSEC, Rdtype.RRSIG})
_NO_SEALING_KEY = (
    "its keys cannot be unsealed: sealing_key_file is not set in the settings"
)

# RFC 8078 4: "CDS 0 0 0 00" and "CDNSKEY 0 3 0 AA==" ask the parent to take the DS away.
_NO_DS = bytes(5)
_NO_KEY = bytes((0, 0, 3, 0, 0))


class Keys(Protocol):
    """Where the keys of zones are found: a view of the replica."""

    def all(self, kind: type[Kind], /) -> Iterator[Kind]: ...

    def zone(self, name: str, /) -> Zone | None: ...


class Signing:
    """Signs what one worker answers."""

    def __init__(
        self, sealing_key: bytes | None, per_second: float = PER_SECOND
    ) -> None:
        self._sealing_key = sealing_key
        self._signatures = Signatures(per_second)
        self._unsealed: dict[bytes, Key] = {}
        self.zones: Mapping[bytes, SignedZone] = {}
        self.denied = False

    def load(self, view: Keys) -> None:
        """Have the zones signed by the keys that a view has."""
        by_zone = groupby(view.all(ZoneKey), attrgetter("zone"))
        found = [self._signed_zone(view.zone(name), list(k)) for name, k in by_zone]
        self.zones = {each.apex: each for each in found if each is not None}

    @property
    def trouble(self) -> str:
        """Say why zones cannot be signed, if so."""
        return "; ".join(each.trouble for each in self.zones.values() if each.trouble)

    def sign(
        self,
        find_zone: FindZone,
        client: Client,
        now: int,
        query: Query,
        answer: Answer,
    ) -> Answer:
        """Give the answer that the client understands best.

        `denied` says afterwards whether a name was denied that is not there.
        """
        self.denied = False
        wants_it = query.edns is not None and query.edns.dnssec_ok
        if not self.zones or not (wants_it or query.rdtype in _MADE_BY_SIGNING):
            return answer
        purpose = Purpose(now, is_stream=client.is_stream)
        securing = Securing(find_zone, self.zones, self._signatures, purpose)
        try:
            return self._secure(securing, query, answer)
        except OverBudget as error:
            # Over a stream the client's address is its own, and so is its budget.
            if client.is_stream:
                return Answer.serv_fail(ExtendedError(Ede.OTHER, str(error)))
            return Answer.elsewhere()
        except NotSignable as error:
            return Answer.serv_fail(ExtendedError(Ede.RRSIGS_MISSING, str(error)))

    def refuse(self, query: Query, answer: Answer) -> Answer:
        """Give no unsigned answer of a signed zone to who may take it for a forgery."""
        wants_it = query.edns is not None and query.edns.dnssec_ok
        name = fold(query.name)
        if wants_it and any(
            offset_of_suffix(name, each) is not None for each in self.zones
        ):
            return Answer.serv_fail(NO_RECORDS)
        return answer

    def _secure(self, securing: Securing, query: Query, answer: Answer) -> Answer:
        name, edns = fold(query.name), query.edns
        plain = edns is None or not edns.dnssec_ok
        if query.rdtype in _MADE_BY_SIGNING and not (
            plain and answer.rcode is Rcode.NXDOMAIN
        ):
            answer = securing.answer_dnssec(name, query.rdtype, answer)
        if edns is None or plain:
            return answer
        secured = securing.secure(name, answer, compact_ok=edns.compact_ok)
        self.denied = secured.rcode is not answer.rcode
        return secured

    def _signed_zone(self, zone: Zone | None, keys: list[ZoneKey]) -> SignedZone | None:
        if zone is None:
            return None
        apex = name_from_text(zone.name)
        rrsets = {each.rdtype: each for each in _key_rrsets(apex, zone, keys)}
        try:
            of_keys = self._unseal(keyroll.signers_of_keys(keys))
            of_data = self._unseal(keyroll.signers_of_data(keys))
        except (CannotUnseal, BadKey) as error:
            trouble = f"zone {zone.name} is not signed: {error}"
            return SignedZone(apex, zone.longest_ttl, rrsets, trouble=trouble)
        return SignedZone(apex, zone.longest_ttl, rrsets, of_keys, of_data)

    def _unseal(self, keys: Iterable[ZoneKey]) -> list[Key]:
        return [self._unsealed_key(each) for each in keys]

    def _unsealed_key(self, key: ZoneKey) -> Key:
        found = self._unsealed.get(key.sealed)
        if found is None:
            if self._sealing_key is None:
                raise CannotUnseal(_NO_SEALING_KEY)
            pem = unseal(self._sealing_key, key.sealed, context_of(key.kind, key.key))
            found = read_key(pem, int.from_bytes(key.public[:2], "big"))
            self._unsealed[key.sealed] = found
        return found


def _key_rrsets(apex: bytes, zone: Zone, keys: list[ZoneKey]) -> Iterator[RRset]:
    """Give what the apex tells of the keys: to validators, and to the parent."""
    ttl = zone.longest_ttl
    if public := tuple(each.public for each in keyroll.published(keys)):
        yield RRset(apex, Rdtype.DNSKEY, ttl, public)
    if keyroll.is_leaving(keys):
        yield RRset(apex, Rdtype.CDS, ttl, (_NO_DS,))
        yield RRset(apex, Rdtype.CDNSKEY, ttl, (_NO_KEY,))
    elif wanted := keyroll.wanted_at_parent(keys):
        ds = tuple(ds_of(apex, each.public) for each in wanted)
        yield RRset(apex, Rdtype.CDS, ttl, ds)
        yield RRset(apex, Rdtype.CDNSKEY, ttl, tuple(each.public for each in wanted))
