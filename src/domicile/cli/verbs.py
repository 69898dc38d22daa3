"""The verbs about owners, clusters, moves and the links' authority."""

from typing import Annotated, Any

import typer

from domicile.cli.session import AsJson, Data, api, show, show_rows
from domicile.client.api import Json
from domicile.client.paths import path_to

owner = typer.Typer(help="People and teams.", no_args_is_help=True)
cluster = typer.Typer(help="Failure domains.", no_args_is_help=True)
authority = typer.Typer(help="Whom the links trust.", no_args_is_help=True)
move = typer.Typer(help="Moves of apps between clusters.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME")]
Many = Annotated[list[str] | None, typer.Option(help="May be given several times.")]

_MOVE = ("id", "app", "source", "target", "generation", "step", "error")


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
        show(opened.get(path_to("owner", name)), as_json)


@cluster.command("add")
def add_cluster(
    name: Name,
    address: Many = None,
    link: Many = None,
    prefer: Many = None,
    accept: Many = None,
    capacity: int = 0,
    data: Data = None,
    _json: AsJson = False,
) -> None:
    """Add a cluster; prints the join file for its services, which is JSON anyway."""
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
        show(opened.get(path_to("cluster", name)), as_json)


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
        show(opened.get(path_to("move", move_id)), as_json)


@authority.command("show")
def show_authority(data: Data = None, as_json: AsJson = False) -> None:
    """Show the links' private CA: its epoch, and the certificates that are trusted."""
    with api(data) as opened:
        _show_authority(opened.get("/link-authority"), as_json)


@authority.command("rotate")
def rotate_authority(
    now: Annotated[
        bool, typer.Option(help="Do not wait for clusters that are away.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a new CA for the links, which signs as soon as every cluster trusts it.

    Every proxy then gets a new certificate by itself.
    """
    path = f"/link-authority/rotate?now={str(now).lower()}"
    with api(data) as opened:
        _show_authority(opened.post(path, {}), as_json)


def _show_authority(found: Json, as_json: bool) -> None:
    if as_json:
        show(found, as_json=True)
        return
    print(f"epoch {found['epoch']}")
    if found["pending"]:
        print(f"epoch {found['pending']} signs as soon as every cluster trusts it")
    show_rows(found["trusted"], ("subject", "sha256", "until"), as_json=False)


def _flat(added: dict[str, Any]) -> dict[str, Any]:
    return {**added["owner"], "token": added["token"]}
