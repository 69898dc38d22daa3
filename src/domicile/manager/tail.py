"""The end of an app's log, however long the log is, and what came after it."""

import os
from pathlib import Path
from typing import NamedTuple

MOST_LINES = 10_000
_MOST_BYTES = 1024 * 1024
_LONGEST_MARK = 2 * 20 + 1  # two numbers of 64 bits


class Mark(NamedTuple):
    """How far a log has been read: which file it was, and how many of its bytes."""

    file: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> "Mark | None":
        file, dash, offset = text.partition("-")
        digits = text.isascii() and file.isdigit() and offset.isdigit()
        if not dash or not digits or len(text) > _LONGEST_MARK:
            return None
        return cls(int(file), int(offset))

    def __str__(self) -> str:
        return f"{self.file}-{self.offset}"


class Excerpt(NamedTuple):
    """Lines of a log, without their ends, and the mark up to which it was read."""

    lines: list[str]
    end: Mark


def tail(log: Path, lines: int) -> Excerpt:
    """Give the last lines; at most 10,000, or a mebibyte of them."""
    with log.open("rb") as file:
        size = file.seek(0, 2)
        start = max(0, size - _MOST_BYTES)
        file.seek(start)
        data = file.read(_MOST_BYTES)
        end = Mark(os.fstat(file.fileno()).st_ino, start + len(data))
    found = _lines_of(data)
    if start:
        found = found[1:]  # it began before what was read
    count = max(0, min(lines, MOST_LINES))
    return Excerpt(found[-count:] if count else [], end)


def read_on(log: Path, after: Mark) -> Excerpt | None:
    """Give the whole lines after a mark, at most a mebibyte; None in another file.

    A line that is longer is given in parts.
    """
    with log.open("rb") as file:
        status = os.fstat(file.fileno())
        if status.st_ino != after.file or status.st_size < after.offset:
            return None
        file.seek(after.offset)
        data = file.read(_MOST_BYTES)
    whole = data.rfind(b"\n") + 1
    if not whole and len(data) == _MOST_BYTES:
        whole = _MOST_BYTES
    return Excerpt(_lines_of(data[:whole]), Mark(after.file, after.offset + whole))


def _lines_of(data: bytes) -> list[str]:
    text = data.decode(errors="replace")
    return text.removesuffix("\n").split("\n") if text else []
