"""The command `domicile`: services are started here, verbs ask the directory's API."""

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from domicile.cli import apps, bench, domains, insight, session, verbs
from domicile.client.access import data_folder
from domicile.config import load
from domicile.errors import DomicileError
from domicile.service import lifeline

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
    (apps.app, "app"),
    (domains.domain, "domain"),
    (verbs.move, "move"),
    (verbs.authority, "authority"),
    (insight.follower, "follower"),
    (bench.bench, "bench"),
):
    app.add_typer(_group, name=_name)
app.command()(insight.explain)
app.command()(insight.status)

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


@app.command()
def manager(config: ConfigFile) -> None:
    """Run a cluster's manager: starts apps, finds their ports, reports."""
    _service("manager")(config)


@app.command()
def proxy(config: ConfigFile) -> None:
    """Run a proxy: routes requests by Host to apps, or to the cluster they moved to."""
    _service("proxy")(config)


@app.command()
def demo(
    data: session.Data = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Other addresses, as TOML.")
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Written when all answers.")
    ] = None,
    tour: Annotated[
        bool,
        typer.Option("--tour", help="Tell the whole story, check it, and end."),
    ] = False,
    end_with_parent: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run everything on this machine, with sample apps, until Ctrl-C.

    The tour has ports of its own, and its folder goes with it unless it is named.
    """
    parent = os.getppid() if end_with_parent else None
    # Only here: no other verb needs what the demo does.
    if tour:
        from domicile.demo.tour.main import take_tour  # noqa: PLC0415

        take_tour(data, config, ready_file, parent)
        return
    from domicile.demo.main import Demo  # noqa: PLC0415
    from domicile.demo.plan import Plan  # noqa: PLC0415

    plan = load(config, Plan) if config else Plan()
    Demo(plan, data_folder(data), session.say).run(ready_file, parent)


def _service(name: str) -> Callable[[Path], None]:
    """Find a service's main by name, so that no verb loads what another needs."""
    lifeline.call_process(name)
    main: Callable[[Path], None] = importlib.import_module(f"domicile.{name}.main").main
    return main


def main() -> None:
    """Run the command line; an error is one line and exit status 1."""
    try:
        app()
    except DomicileError as error:
        sys.exit(f"domicile: {error}")
