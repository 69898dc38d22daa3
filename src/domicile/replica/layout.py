"""How a copy lays out what it holds: the bytes of its keys and values, no database.

    records   kind, key        -> crc32, then the record's msgpack (a placement's less its key)
    index     kind, index key  -> the key in `records`
                               or an entry: crc32, whose it is, then its msgpack
    touched   serial           -> the key in `records` that the change wrote, of the last;
                               behind it, each after a 0, the hosts that a placement left
    meta      format, serial, chain, counts, since (after it `touched` is whole),
               packed (pages that it had when it was written in order)

An entry holds what is asked for by an index key, so that nothing has to be looked up
after it. Whose it is, it says in four bytes: another record that came to have the same
index key keeps its entry where the first one goes.
"""

import zlib
from collections.abc import Iterable, Iterator

import msgspec

from domicile.model.digest import record_key
from domicile.model.record import Record
from domicile.model.records import decode, encode
from domicile.replica.faults import DamagedReplica

FORMAT = 2
CRC_SIZE = 4

# Of these there are millions, and each octet counts. No kind is called like this.
_SHORT = {
    "placement": b"\1",
    "owner": b"\2",
    "residence": b"\3",
    "endpoint": b"\4",
}
_WHOLE = {short: kind.encode() + b"\0" for kind, short in _SHORT.items()}


def place_of(kind: str, key: str) -> bytes:
    """Give the key at which a record lies, or what it is found by."""
    whole = record_key(kind, key)
    short = _SHORT.get(kind)
    return whole if short is None else short + whole[len(kind) + 1 :]


def prefix_of(kind: str) -> bytes:
    """Give what the keys of a kind begin with, and no other's."""
    return place_of(kind, "")


def key_at(place: bytes) -> bytes:
    """Give the key that a record has in every store, of where it lies in a replica."""
    whole = _WHOLE.get(place[:1])
    return place if whole is None else whole + place[1:]


def kind_at(place: bytes) -> str:
    """Give the kind of what lies there."""
    return key_at(place).partition(b"\0")[0].decode()


def stored(place: bytes, value: bytes) -> bytes:
    """Give what is stored for a record."""
    return _crc(value) + _without_key(place, value)


def checked(place: bytes, found: bytes) -> bytes:
    """Give the record of what was stored for a key; raises DamagedReplica."""
    record = _with_key(place, found[CRC_SIZE:])
    if _crc(record) != found[:CRC_SIZE]:
        raise DamagedReplica(f"the replica's record {place!r} is not what was written")
    return record


def checked_entry(place: bytes, found: bytes) -> bytes:
    """Give what an entry says; raises DamagedReplica."""
    if _crc(place + found[CRC_SIZE:]) != found[:CRC_SIZE]:
        raise DamagedReplica(f"the replica's entry {place!r} is not what was written")
    return found[2 * CRC_SIZE :]


def index_of(place: bytes, kind: str, record: Record | None) -> dict[bytes, bytes]:
    """Give what a record has in the index; one that cannot be read has nothing."""
    if record is None:
        return {}
    return dict(_index_of(place, kind, record))


def _index_of(place: bytes, kind: str, record: Record) -> Iterator[tuple[bytes, bytes]]:
    for key in record.index_keys:
        yield place_of(kind, key), place
    for key, entry in record.entries.items():
        found_at = place_of(kind, key)
        rest = _crc(place) + encode(entry)
        yield found_at, _crc(found_at + rest) + rest


def touched(place: bytes, left: Iterable[bytes]) -> bytes:
    """Give what is noted of a change, and of what leads to its record no more.

    Whoever knows hosts and where they live could not tell who had one, from the rest.
    """
    if not place.startswith(_PLACEMENT):
        return place
    return b"\0".join([place, *left])


def place_touched(noted: bytes) -> bytes:
    """Give the key in `records` that a change wrote."""
    return noted.partition(b"\0")[0] if noted.startswith(_PLACEMENT) else noted


def hosts_left(noted: bytes) -> list[bytes]:
    """Give where a placement is not found any more, of what is noted of its change."""
    return noted.split(b"\0")[1:] if noted.startswith(_PLACEMENT) else []


def is_of(found: bytes | None, ours: bytes, place: bytes) -> bool:
    """Whether what the index has is a record's own still, and not another's.

    `ours` is what it was given by the record at `place`.
    """
    if found is None or ours == place:
        return found == ours
    return found[CRC_SIZE : 2 * CRC_SIZE] == ours[CRC_SIZE : 2 * CRC_SIZE]


def read(kind: str, value: bytes) -> Record | None:
    """Read a record; None where this version does not understand it."""
    try:
        return decode(kind, value)
    except msgspec.DecodeError:
        return None


def is_readable(key: bytes, value: bytes) -> bool:
    """Whether this version understands a record, by its key in every store."""
    return read(key.partition(b"\0")[0].decode(), value) is not None


# The first octet of an array of up to 15 in msgpack, of a text of up to 31, and of one
# whose key was left out: there it is a small number, which no record is.
_ARRAY = 0x90
_TEXT = 0xA0
_LESS_KEY = 0x10
_LONGEST = 31
_PLACEMENT = _SHORT["placement"]


def _without_key(place: bytes, value: bytes) -> bytes:
    """Leave out a placement's key, which begins it and is where it lies."""
    count = value[0] - _ARRAY if value else -1
    if count in range(16) and value.startswith(_key_in(place), 1):
        return bytes((_LESS_KEY + count,)) + value[len(place) + 1 :]
    return value


def _with_key(place: bytes, value: bytes) -> bytes:
    if place.startswith(_PLACEMENT) and value and value[0] & 0xF0 == _LESS_KEY:
        return bytes((value[0] - _LESS_KEY + _ARRAY,)) + _key_in(place) + value[1:]
    return value


def _key_in(place: bytes) -> bytes:
    """Give how a placement writes its own key; of other kinds, what begins none."""
    length = len(place) - 1
    if not place.startswith(_PLACEMENT) or length > _LONGEST:
        return b"\xc1"
    return bytes((_TEXT + length,)) + place[1:]


def _crc(octets: bytes) -> bytes:
    return zlib.crc32(octets).to_bytes(CRC_SIZE, "big")
