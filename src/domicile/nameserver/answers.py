"""What a name server says of a name: out of the directory's records, and of its files."""

from collections.abc import Mapping
from types import MappingProxyType

from domicile.dns import zones
from domicile.dns.answer import Answer, Ede, ExtendedError
from domicile.dns.name import labels_of
from domicile.dns.rdata import Rcode, RRset
from domicile.dns.secure import SignedZone
from domicile.dns.zone import Nodes
from domicile.dns.zonefile import StaticZone
from domicile.dns.zones import FindZone
from domicile.nameserver.live import (
    Beside,
    LiveZone,
    Moment,
    Names,
    ServedView,
    text_labels,
)

_NONE: Mapping[bytes, SignedZone] = MappingProxyType({})
_NO_KEYS: Mapping[int, RRset] = MappingProxyType({})
_NOT_READY = ExtendedError(Ede.NOT_READY, "no records have been received yet")
NO_RECORDS = ExtendedError(Ede.NOT_READY, "the records cannot be read at present")


def answer(
    view: ServedView,
    files: Mapping[bytes, StaticZone],
    moment: Moment,
    name: bytes,
    rdtype: int,
) -> Answer:
    """Answer for a name, folded, and a type that is no meta type.

    `files` are the zones of master files, by their apexes; `moment` is told whether the
    answer may be given again later.
    """
    return answer_from(view, zones_of(view, files, moment), name, rdtype)


def zones_of(
    view: ServedView,
    files: Mapping[bytes, StaticZone],
    moment: Moment,
    signed: Mapping[bytes, SignedZone] = _NONE,
) -> FindZone:
    """Give what finds the zone of a name; `files` and `signed` are by apex."""

    def find_zone(name: bytes) -> Nodes | None:
        labels = text_labels(labels_of(name))
        apex = name
        for depth in range(len(labels) + 1):
            file = files.get(apex)
            zone = view.zone(".".join(labels[depth:])) if depth < len(labels) else None
            if zone is not None:
                names = Names(apex, name, labels[:depth])
                keys = signed[apex].rrsets if apex in signed else _NO_KEYS
                return LiveZone(view, zone, names, moment, Beside(file, keys))
            if file is not None:
                return file
            apex = apex[apex[0] + 1 :]
        return None

    return find_zone


def answer_from(
    view: ServedView, find_zone: FindZone, name: bytes, rdtype: int
) -> Answer:
    """Answer out of the zones that `zones_of` finds in the view."""
    if view.behind and not view.serial:
        without = Answer.refused(_NOT_READY)
        return _answer_of_files(find_zone, name, rdtype, without)
    found = zones.answer(find_zone, name, rdtype)
    return _doubted(view, found) if view.behind else found


def _doubted(view: ServedView, found: Answer) -> Answer:
    """Say that newer records may be missing."""
    if found.rcode is Rcode.REFUSED:
        return found
    code = Ede.STALE_ANSWER
    if found.rcode is Rcode.NXDOMAIN:
        code = Ede.STALE_NXDOMAIN
    text = f"the directory is not heard, this is as of its serial {view.serial}"
    return found._replace(errors=(ExtendedError(code, text),))


def answer_without_records(
    files: Mapping[bytes, StaticZone], name: bytes, rdtype: int
) -> Answer:
    """Answer where no records can be read: what a file has at a name, and no more."""

    def find_zone(name: bytes) -> Nodes | None:
        while (found := files.get(name)) is None and len(name) > 1:
            name = name[name[0] + 1 :]
        return found

    return _answer_of_files(find_zone, name, rdtype, Answer.serv_fail(NO_RECORDS))


def _answer_of_files(
    find_zone: FindZone, name: bytes, rdtype: int, otherwise: Answer
) -> Answer:
    """Answer by what a file has at a name, where nothing is known of the directory's.

    Any other name may be an app's (promise 5: never a confident no).
    """
    zone = find_zone(name)
    if zone is None or not zone.node(name):
        return otherwise
    found = zones.answer(find_zone, name, rdtype)
    # At the apex the directory may have more.
    return otherwise if name == zone.apex and not found.answer else found
