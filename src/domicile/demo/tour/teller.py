"""How the tour is told: plain words, drawings, and marks for what was checked.

Colour is for screens only; where no box can be drawn, ASCII stands in.
"""

import re
import textwrap
from collections.abc import Iterable, Sequence
from threading import Event

from rich.console import Console

_WIDTH = 80
_INDENT = "  "
_UNBROKEN = "\N{NO-BREAK SPACE}"
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:s|MiB)\b)")
_ASCII = str.maketrans(
    {"─": "-", "└": "`", "✓": "+", "·": ".", "→": ">", "…": "~", "“": '"', "”": '"'}
)


class Teller:
    """Writes the story to where its readers are, until the demo ends."""

    def __init__(self, console: Console, ending: Event) -> None:
        self._console = console
        self._ending = ending
        self._has_boxes = console.encoding.startswith("utf")

    def title(self, text: str) -> None:
        rule = "─" * max(0, _WIDTH - len(text) - 4)
        self._write("")
        self._write(f"── {text} {rule}", "bold cyan")

    def say(self, text: str) -> None:
        """Tell it in plain words, in lines that are not too long."""
        for line in _wrap(text, _WIDTH - 2):
            self._write(line)

    def note(self, line: str) -> None:
        """Tell of something on the way."""
        self._write(f"{_INDENT}· {line}", "dim")

    def checked(self, text: str) -> None:
        """Tell what has been seen to be so."""
        mark = f"{_INDENT}✓ "
        for line in _wrap(text, _WIDTH - len(mark)):
            self._write(f"{mark}{line}", "green")
            mark = " " * len(mark)

    def draw(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._write(f"{_INDENT}{_INDENT}{line}", "yellow")

    def table(self, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Draw columns: names at the left, numbers at the right."""
        cells = [list(head), *([str(cell) for cell in row] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        self.draw(
            "  ".join(
                cell.rjust(width) if number else cell.ljust(width)
                for number, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in cells
        )

    def _write(self, line: str, style: str = "") -> None:
        if self._ending.is_set():
            return
        self._console.print(
            line if self._has_boxes else self._without_boxes(line),
            style=style or None,
            markup=False,
            emoji=False,
            highlight=False,
            soft_wrap=True,
        )

    def _without_boxes(self, line: str) -> str:
        """Say with what the encoding has, also what services and apps have said."""
        encoding = self._console.encoding
        return line.translate(_ASCII).encode(encoding, "replace").decode(encoding)


def _wrap(text: str, width: int) -> list[str]:
    """Wrap it, but never between a number and its unit."""
    joined = _BEFORE_UNIT.sub(_UNBROKEN, text)
    return [
        line.replace(_UNBROKEN, " ")
        for line in textwrap.wrap(joined, width, break_on_hyphens=False)
    ]
