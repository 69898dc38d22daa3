"""The command `domicile`: services are started here, verbs ask the directory's API."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from domicile.cli import verbs
from domicile.errors import DomicileError

app = typer.Typer(
    name="domicile",
    help="Hosting across many clusters behind one set of names.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

for _group, _name in (
    (verbs.owner, "owner"),
    (verbs.cluster, "cluster"),
    (verbs.app, "app"),
    (verbs.move, "move"),
):
    app.add_typer(_group, name=_name)

ConfigFile = Annotated[
    Path,
    typer.Option("--config", metavar="FILE", help="The service's TOML file."),
]


@app.callback()
def domicile() -> None:
    """Hosting across many clusters behind one set of names."""


@app.command()
def directory(config: ConfigFile) -> None:
    """Run the directory service: the global authority and its HTTP API."""
    _service("directory")(config)


@app.command()
def nameserver(config: ConfigFile) -> None:
    """Run a name server: answers DNS queries from its replica of the directory."""
    _service("nameserver")(config)


def _service(name: str) -> Callable[[Path], None]:
    """Find a service's main by name, so that no verb loads what another needs."""
    main: Callable[[Path], None] = importlib.import_module(f"domicile.{name}.main").main
    return main


def main() -> None:
    """Run the command line; an error is one line and exit status 1."""
    try:
        app()
    except DomicileError as error:
        sys.exit(f"domicile: {error}")
