"""What every verb has in common: who it talks to, and how it shows what it got."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from domicile.client.access import data_folder, find_access
from domicile.client.api import Api, Json

Data = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="The data folder [DOMICILE_DATA; ./domicile-data]"
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object and nothing else.")
]

_WIDEST = 400

progress = Console(stderr=True, highlight=False)
# What is not read on a screen is not cut to its width.
_output = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDEST)


@contextmanager
def api(data: Path | None) -> Iterator[Api]:
    """Open the API that this command line speaks with."""
    opened = Api(find_access(data_folder(data)), on_slow=say)
    try:
        yield opened
    finally:
        opened.close()


def examples(*lines: str) -> str:
    """Give the end of a verb's help, which is not wrapped."""
    return "\n  ".join(("\b\nExamples:", *lines))


def say(line: str) -> None:
    """Show a line of progress as it is; who does not read it does not stop us."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def warn(line: str) -> None:
    """Print a line that matters more than the others: in red, where there is colour."""
    _output.print(line, style="bold red", soft_wrap=True, markup=False)


def show(record: Json, as_json: bool) -> None:
    """Print one record: as JSON, or a line per field."""
    if as_json:
        print(msgspec.json.encode(record).decode())
        return
    width = max((len(key) for key in record), default=0)
    for key, value in record.items():
        print(f"{key:<{width}}  {_text(value)}")


def show_rows(rows: list[Json], columns: Sequence[str], as_json: bool) -> None:
    """Print a list: as `{"rows": […]}`, or a table of these columns."""
    if as_json:
        show({"rows": rows}, as_json=True)
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(_text(row.get(column, "")) for column in columns))
    _output.print(table)


def say_step(move: Json) -> None:
    """Show how far a move is, where progress goes."""
    progress.print(f"{move['step']} (generation {move['generation']})")


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
