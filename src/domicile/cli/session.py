"""What every verb has in common: who it talks to, and how it shows what it got."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from domicile.cli.progress import Progress, harmless, harmless_json
from domicile.client.access import data_folder, find_access
from domicile.client.api import Api, Json, Refused
from domicile.client.suggestion import nearest
from domicile.errors import DomicileError

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

_NOT_FOUND = "urn:domicile:NotFound"

# What a move waits for at each of its steps.
_STEPS = {
    "planned": "{target} is told to start it",
    "preparing": "{target} fetches it, starts it and tells its proxies",
    "settling": "{source} drains and stops it",
    "undoing": "it is undone: {source} goes on with it",
    "clearing": "{target} is told to leave it",
}

progress = Progress()
# What is not read on a screen is not cut to its width.
_output = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDEST)


class Mistyped(DomicileError):
    """Nothing has that name, and something has nearly that name."""


@contextmanager
def api(data: Path | None, *named: tuple[str, str]) -> Iterator[Api]:
    """Open the API that this command line speaks with.

    `named` are the names that were typed, with their kinds; raises Mistyped where the
    directory does not find what is nearly there.
    """
    opened = Api(find_access(data_folder(data)), on_slow=say)
    progress.doing("asking the directory")
    try:
        yield opened
    except Refused as refusal:
        if refusal.kind == _NOT_FOUND:
            _suggest(opened, named, refusal)
        raise
    finally:
        progress.end()
        opened.close()


def _suggest(
    opened: Api, named: Sequence[tuple[str, str]], refusal: DomicileError
) -> None:
    for kind, name in named:
        if name and (near := nearest(opened, kind, name)):
            raise Mistyped(f"no {kind} {name!r}: did you mean {near}?") from refusal


def say(line: str) -> None:
    """Show a line of progress; who does not read it does not stop us."""
    progress.say(line)


def warn(line: str) -> None:
    """Print a line that matters more than the others: in red, where there is colour."""
    progress.end()
    _output.print(harmless(line), style="bold red", soft_wrap=True, markup=False)


def show(record: Json, as_json: bool) -> None:
    """Print one record: as JSON, or a line per field."""
    progress.end()
    if as_json:
        print(harmless_json(msgspec.json.encode(record).decode()))
        return
    width = max((len(key) for key in record), default=0)
    for key, value in record.items():
        print(f"{key:<{width}}  {_text(value)}")


def show_rows(
    rows: list[Json], columns: Sequence[str], as_json: bool, *, one_line: bool = False
) -> None:
    """Print a list: as `{"rows": […]}`, or a table of these columns.

    With `one_line` a row that is too wide for the screen is cut and not folded.
    """
    if as_json:
        show({"rows": rows}, as_json=True)
        return
    progress.end()
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=one_line, overflow="ellipsis")
    for row in rows:
        table.add_row(*(_text(row.get(column, "")) for column in columns))
    _output.print(table)


def say_step(move: Json) -> None:
    """Show how far a move is, where progress goes; a deployment has no source."""
    generation = f" (generation {move['generation']})" if move["source"] else ""
    say(f"{move['step']}{generation}")
    if doing := _STEPS.get(move["step"]):
        progress.doing(doing.format(**move))


def _text(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return harmless(text)
