"""Whether LMDB's data file is as long as its own meta pages say.

LMDB maps the file and trusts it: a page beyond the end is no error but a SIGBUS, and
the process is gone. So the length is looked at first.
"""

from pathlib import Path

from domicile.replica.faults import DamagedReplica

_MAGIC = 0xBEEFC0DE
# In a meta page: page header 16, magic 4, version 4, address 8, map size 8; then two
# trees of 48 bytes, of which the first begins with the page size; then the last page.
_MAGIC_AT = 16
_PAGE_SIZE_AT = 40
_LAST_PAGE_AT = 136
_META_SIZE = 152


def check_size(path: Path) -> None:
    """Refuse a data file that is shorter than its pages; raises DamagedReplica.

    A file that is not there is fine: it will be made.
    """
    try:
        with path.open("rb") as file:
            first = _read_meta(path, file.read(_META_SIZE))
            file.seek(first[0])
            second = _read_meta(path, file.read(_META_SIZE))
    except FileNotFoundError:
        return
    needed = (max(first[1], second[1]) + 1) * first[0]
    size = path.stat().st_size
    if size < needed:
        raise DamagedReplica(f"{path} has {size} bytes and should have {needed}")


def _read_meta(path: Path, page: bytes) -> tuple[int, int]:
    """Give page size and last page of a meta page."""
    if len(page) < _META_SIZE or _number(page, _MAGIC_AT, 4) != _MAGIC:
        raise DamagedReplica(f"{path} does not begin with LMDB's two meta pages")
    return _number(page, _PAGE_SIZE_AT, 4), _number(page, _LAST_PAGE_AT, 8)


def _number(page: bytes, start: int, size: int) -> int:
    # LMDB writes in the byte order of the machine; so does every one we run on.
    return int.from_bytes(page[start : start + size], "little")
