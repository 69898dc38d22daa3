"""What is being waited for: one line at the bottom of the operator's terminal.

It shows once the wait has lasted a second, and is gone before anything else is printed.
Where stderr is no terminal there is no such line: only what is said for good is printed.
"""

import re
import sys
from contextlib import suppress
from typing import Final

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from domicile.clock import monotonic

_PATIENCE: Final = 1.0  # so long nobody wonders
_BAR_WIDTH: Final = 30
_UNITS: Final = ("bytes", "kB", "MB", "GB")

# All that moves a cursor or sets a terminal (C0, DEL, C1), but line feed and tab.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def harmless(text: str) -> str:
    """Escape what would be a command to a terminal: others may have written it."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def harmless_json(text: str) -> str:
    """Escape in JSON what JSON need not escape and some terminals obey (C1, DEL)."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def bytes_of(count: int) -> str:
    """Say a number of bytes as people read it."""
    size, unit = float(count), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{count} {_UNITS[0]}"


class Progress:
    """The line, and what is said for good above it."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._live: Live | None = None
        self._spinner = Spinner("dots")
        self._since = 0.0
        self._what = ""
        self._sent: tuple[int, int] | None = None

    def doing(self, what: str) -> None:
        """Say what takes its time from now on."""
        self._what, self._sent = harmless(what), None
        self._since = monotonic()
        if self._console.is_terminal and self._live is None:
            self._live = Live(
                get_renderable=self._render,
                console=self._console,
                transient=True,
                refresh_per_second=8,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def sent(self, count: int, size: int) -> None:
        """Show how much of it has been sent."""
        self._sent = count, size

    def say(self, line: str) -> None:
        """Say a line for good; who does not read it does not stop us."""
        with suppress(OSError):
            if self._live is not None:
                self._console.print(Text(harmless(line)), soft_wrap=True)
            else:
                print(harmless(line), file=sys.stderr, flush=True)

    def end(self) -> None:
        """Take the line away."""
        if self._live is not None:
            live, self._live = self._live, None
            live.stop()

    def _render(self) -> RenderableType:
        seconds = monotonic() - self._since
        if seconds < _PATIENCE:
            return Text("")
        row = Table.grid(padding=(0, 1))
        cells: list[RenderableType] = [self._spinner, Text(self._what)]
        if self._sent is not None:
            count, size = self._sent
            cells.append(ProgressBar(size, count, width=_BAR_WIDTH))
            cells.append(Text(f"{bytes_of(count)} of {bytes_of(size)}"))
        row.add_row(*cells, Text(f"{seconds:.0f} s", style="dim"))
        return row
