"""Serials of zones: numbers of 32 bits that only go forward, round and round (RFC 1982)."""

from typing import Final

SERIALS: Final = 2**32
_HALF: Final = 2**31


def is_newer(one: int, other: int) -> bool:
    """Whether a serial comes after another."""
    # RFC 1982 3.2: of two that are 2^31 apart neither does.
    return 0 < (one - other) % SERIALS < _HALF


def next_serial(last: int | None, wanted: int, step: int) -> int:
    """Give a serial after the last: the wanted one, or so many steps beyond as it takes.

    Where what is counted begins anew, as in a directory that was restored, the serials
    go on a step further, and all who count it are at the same one again.
    """
    wanted %= SERIALS
    if last is None or is_newer(wanted, last):
        return wanted
    return (wanted + ((last - wanted) % SERIALS // step + 1) * step) % SERIALS
