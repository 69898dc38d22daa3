"""The verbs: each asks the directory's API and shows what it says."""

from pathlib import Path
from typing import Annotated, Any

import typer

from domicile.cli.session import AsJson, Data, api, progress, say_step, show, show_rows
from domicile.errors import DomicileError

owner = typer.Typer(help="People and teams.", no_args_is_help=True)
cluster = typer.Typer(help="Failure domains.", no_args_is_help=True)
app = typer.Typer(help="Apps, named hello.ada or by id.", no_args_is_help=True)
move = typer.Typer(help="Moves of apps between clusters.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME")]
AppName = Annotated[str, typer.Argument(metavar="APP.OWNER|ID")]
Many = Annotated[list[str] | None, typer.Option(help="May be given several times.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Return once it is planned.")]

_APP = ("name", "owner", "cluster", "generation", "state", "id")
_MOVE = ("id", "app", "source", "target", "generation", "step", "error")


class BadArgument(DomicileError):
    """The command line has a value that cannot be used."""


@owner.command("add")
def add_owner(
    name: Name,
    plan: str = "free",
    zone: str = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add an owner; its token is shown this once."""
    with api(data) as opened:
        body = {"name": name, "plan": plan, "zone": zone}
        show(_flat(opened.post("/owners", body)), as_json)


@owner.command("list")
def list_owners(data: Data = None, as_json: AsJson = False) -> None:
    """List the owners."""
    with api(data) as opened:
        rows = opened.get("/owners")["rows"]
        show_rows(rows, ("name", "plan", "zone"), as_json)


@owner.command("show")
def show_owner(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """Show an owner."""
    with api(data) as opened:
        show(opened.get(f"/owners/{name}"), as_json)


@cluster.command("add")
def add_cluster(
    name: Name,
    address: Many = None,
    link: Many = None,
    prefer: Many = None,
    accept: Many = None,
    capacity: int = 0,
    data: Data = None,
) -> None:
    """Add a cluster; prints the join file (JSON) for its services."""
    body: dict[str, Any] = {
        "name": name,
        "addresses": address or [],
        "links": link or [],
        "prefers": prefer or [],
        "accepts": accept or [],
        "capacity": capacity,
    }
    with api(data) as opened:
        show(opened.post("/clusters", body), as_json=True)


@cluster.command("list")
def list_clusters(data: Data = None, as_json: AsJson = False) -> None:
    """List the clusters."""
    with api(data) as opened:
        rows = opened.get("/clusters")["rows"]
        show_rows(rows, ("name", "addresses", "links", "prefers"), as_json)


@cluster.command("show")
def show_cluster(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """Show a cluster."""
    with api(data) as opened:
        show(opened.get(f"/clusters/{name}"), as_json)


@app.command("deploy")
def deploy_app(
    name: Annotated[str, typer.Argument(metavar="APP.OWNER")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER")],
    command: Annotated[str, typer.Option(help="How sh shall start it.")],
    env: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE")] = None,
    to: Annotated[str, typer.Option(metavar="CLUSTER", help="Overrides plans.")] = "",
    no_wait: NoWait = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Deploy a folder as a new app, and wait until it serves."""
    label, dot, owner_name = name.partition(".")
    if not dot:
        raise BadArgument(f"{name!r} is not <app>.<owner>, such as hello.ada")
    body = {
        "owner": owner_name,
        "name": label,
        "command": command,
        "environment": dict(_variable(each) for each in env or []),
        "to": to,
    }
    with api(data) as opened:
        planned = opened.deploy(body, folder)
        progress.print(f"{name} goes to {planned['target']}")
        if not no_wait:
            opened.wait_for(planned, say_step)
        show(opened.get(f"/apps/{planned['app']}"), as_json)


@app.command("list")
def list_apps(data: Data = None, as_json: AsJson = False) -> None:
    """List the apps."""
    with api(data) as opened:
        show_rows(opened.get("/apps")["rows"], _APP, as_json)


@app.command("show")
def show_app(name: AppName, data: Data = None, as_json: AsJson = False) -> None:
    """Show an app: where it lives, and the hosts it answers to."""
    with api(data) as opened:
        show(opened.get(f"/apps/{name}"), as_json)


@app.command("move")
def move_app(
    name: AppName,
    to: Annotated[str, typer.Option(metavar="CLUSTER")],
    no_wait: NoWait = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Move an app to another cluster; returns when the source has stopped it.

    A move of the app that has not ended yet is waited for.
    """
    with api(data) as opened:
        path = f"/apps/{name}/moves"
        planned = opened.post_after_moves(path, {"to": to}, progress.print)
        ended = planned if no_wait else opened.wait_for(planned, say_step)
        show(ended, as_json)


@move.command("list")
def list_moves(data: Data = None, as_json: AsJson = False) -> None:
    """List the moves, oldest first."""
    with api(data) as opened:
        show_rows(opened.get("/moves")["rows"], _MOVE, as_json)


@move.command("show")
def show_move(
    move_id: Annotated[str, typer.Argument(metavar="ID")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show a move."""
    with api(data) as opened:
        show(opened.get(f"/moves/{move_id}"), as_json)


def _flat(added: dict[str, Any]) -> dict[str, Any]:
    return {**added["owner"], "token": added["token"]}


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise BadArgument(f"--env {text!r} is not NAME=VALUE")
    return name, value
