"""The command `domicile`: services are started here, verbs ask the directory's API."""

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from domicile.cli import apps, bench, domains, insight, keys, session, verbs, zones
from domicile.cli.examples import examples
from domicile.cli.progress import harmless
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
    (keys.key, "key"),
    (verbs.move, "move"),
    (verbs.authority, "authority"),
    (zones.zone, "zone"),
    (insight.follower, "follower"),
    (bench.bench, "bench"),
):
    app.add_typer(_group, name=_name)
app.command(epilog=examples("domicile explain hello.ada.apps.test"))(insight.explain)
app.command(
    epilog=examples("domicile status", "domicile status --json | jq .problems")
)(insight.status)

ConfigFile = Annotated[
    Path,
    typer.Option("--config", metavar="FILE", help="The service's TOML file."),
]
ReadyFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Written when all answers.")
]


@app.callback()
def domicile() -> None:
    """Hosting across many clusters behind one set of names."""


@app.command(epilog=examples("domicile directory --config directory.toml"))
def directory(config: ConfigFile) -> None:
    """Run the directory service: the global authority and its HTTP API."""
    _service("directory")(config)


@app.command(epilog=examples("domicile nameserver --config nameserver.toml"))
def nameserver(config: ConfigFile) -> None:
    """Run a name server: answers DNS queries from its replica of the directory."""
    _service("nameserver")(config)


@app.command(epilog=examples("domicile manager --config manager.toml"))
def manager(config: ConfigFile) -> None:
    """Run a cluster's manager: starts apps, finds their ports, reports."""
    _service("manager")(config)


@app.command(epilog=examples("domicile proxy --config proxy.toml"))
def proxy(config: ConfigFile) -> None:
    """Run a proxy: routes requests by Host to apps, or to the cluster they moved to."""
    _service("proxy")(config)


@app.command(
    epilog=examples(
        "domicile up --config examples/one.toml",
        "domicile up --config /etc/domicile/one.toml --ready-file /run/domicile.ready",
    )
)
def up(
    config: Annotated[
        Path, typer.Option("--config", metavar="FILE", help="The host's TOML file.")
    ],
    ready_file: ReadyFile = None,
) -> None:
    """Run all the services of one host until Ctrl-C, or SIGTERM.

    Verbs find what runs by its data folder: --data, or DOMICILE_DATA.
    """
    # Only here: no other verb needs what this one does.
    from domicile.host.main import run  # noqa: PLC0415

    run(config, ready_file, session.say)


@app.command(
    epilog=examples(
        "domicile demo",
        "domicile demo --data /tmp/demo --config examples/demo.toml",
        "domicile demo --tour",
    )
)
def demo(
    data: session.Data = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Other addresses, as TOML.")
    ] = None,
    ready_file: ReadyFile = None,
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
        sys.exit(f"domicile: {harmless(str(error))}")
