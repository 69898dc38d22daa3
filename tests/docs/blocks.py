"""The commands that the papers show: what is in their blocks of `sh`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HERE_DOCUMENT = re.compile(r"<<-?'?(\w+)'?")


class Line(NamedTuple):
    """A command, and a part of what it says."""

    command: str
    says: str


def pages() -> list[str]:
    """Give every page whose commands are for people to type, as a path from the root."""
    docs = sorted((ROOT / "docs").rglob("*.md"))
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *docs]
    return [str(page.relative_to(ROOT)) for page in found]


def all_blocks(page: str) -> list[tuple[str, str]]:
    """Give the blocks of a page in its order, each behind its language."""
    return _BLOCK.findall((ROOT / page).read_text())


def blocks(page: str, language: str = "sh") -> list[str]:
    return [block for kind, block in all_blocks(page) if kind == language]


def lines(page: str) -> Iterator[Line]:
    """Give each command of a page whole: with its here-document, or over several lines."""
    for block in blocks(page):
        rest = iter(block.splitlines())
        for line in rest:
            command, _, says = line.partition("#>")
            if not command.strip() or command.startswith("#"):
                continue
            whole = [command.rstrip()]
            if end := _HERE_DOCUMENT.search(command):
                while whole[-1] != end[1]:
                    whole.append(next(rest))
            while whole[-1].endswith(("|", "\\")):
                whole.append(next(rest))
            yield Line("\n".join(whole), says.strip())
