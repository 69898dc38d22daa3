"""The end of an app's log, however long the log is."""

from pathlib import Path

MOST_LINES = 10_000
_MOST_BYTES = 1024 * 1024


def tail(log: Path, lines: int) -> list[str]:
    """Give the last lines, without their ends; at most 10,000, or a mebibyte of them."""
    with log.open("rb") as file:
        size = file.seek(0, 2)
        start = max(0, size - _MOST_BYTES)
        file.seek(start)
        text = file.read(_MOST_BYTES).decode(errors="replace")
    found = text.removesuffix("\n").split("\n") if text else []
    if start:
        found = found[1:]  # it began before what was read
    count = max(0, min(lines, MOST_LINES))
    return found[-count:] if count else []
