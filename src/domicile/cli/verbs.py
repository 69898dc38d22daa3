"""The verbs about owners, clusters, moves and the links' authority."""

from typing import Annotated, Any

import typer

from domicile.cli.completion import completes
from domicile.cli.examples import examples
from domicile.cli.session import AsJson, Data, api, say, show, show_rows
from domicile.client.api import Json
from domicile.client.paths import path_to
from domicile.client.suggestion import nearest

owner = typer.Typer(help="People and teams.", no_args_is_help=True)
cluster = typer.Typer(help="Failure domains.", no_args_is_help=True)
authority = typer.Typer(help="Whom the links trust.", no_args_is_help=True)
move = typer.Typer(help="Moves of apps between clusters.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME")]
OwnerName = Annotated[
    str, typer.Argument(metavar="NAME", autocompletion=completes("owner"))
]
ClusterName = Annotated[
    str, typer.Argument(metavar="NAME", autocompletion=completes("cluster"))
]
Many = Annotated[list[str] | None, typer.Option(help="May be given several times.")]

_CLUSTER = ("name", "addresses", "withdrawn", "lost", "links", "prefers")
_MOVE = ("id", "app", "source", "target", "generation", "step", "at", "error")


@owner.command(
    "add",
    epilog=examples("domicile owner add ada", "domicile owner add bob --plan pro"),
)
def add_owner(
    name: Name,
    plan: Annotated[str, typer.Option(autocompletion=completes("plan"))] = "free",
    zone: str = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add an owner; its token is shown this once."""
    with api(data) as opened:
        if near := nearest(opened, "plan", plan):
            say(f"no cluster prefers plan {plan!r}, and no owner has it: is it {near}?")
        body = {"name": name, "plan": plan, "zone": zone}
        show(_flat(opened.post("/owners", body)), as_json)


@owner.command("list", epilog=examples("domicile owner list"))
def list_owners(data: Data = None, as_json: AsJson = False) -> None:
    """List the owners."""
    with api(data) as opened:
        rows = opened.get("/owners")["rows"]
        show_rows(rows, ("name", "plan", "zone"), as_json)


@owner.command("show", epilog=examples("domicile owner show ada"))
def show_owner(name: OwnerName, data: Data = None, as_json: AsJson = False) -> None:
    """Show an owner."""
    with api(data, ("owner", name)) as opened:
        show(opened.get(path_to("owner", name)), as_json)


@cluster.command(
    "add",
    epilog=examples(
        "domicile cluster add cedar --address 192.0.2.1 --link 192.0.2.1:8444",
        "domicile cluster add dogwood --address 192.0.2.2 --prefer pro > dogwood.json",
        "domicile cluster add elm --address 192.0.2.3 --alpn h2 --alpn http/1.1",
    ),
)
def add_cluster(
    name: Name,
    address: Many = None,
    link: Many = None,
    prefer: Many = None,
    accept: Many = None,
    capacity: int = 0,
    alpn: Many = None,
    port: Annotated[
        int, typer.Option(help="Of its proxies, at which it is probed.")
    ] = 80,
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
        "alpn": alpn or [],
        "port": port,
    }
    with api(data) as opened:
        show(opened.post("/clusters", body), as_json=True)


@cluster.command("list", epilog=examples("domicile cluster list"))
def list_clusters(data: Data = None, as_json: AsJson = False) -> None:
    """List the clusters."""
    with api(data) as opened:
        rows = opened.get("/clusters")["rows"]
        show_rows(rows, _CLUSTER, as_json)


@cluster.command("show", epilog=examples("domicile cluster show amber"))
def show_cluster(name: ClusterName, data: Data = None, as_json: AsJson = False) -> None:
    """Show a cluster, and which of its addresses are ill: since when, and who says so."""
    with api(data, ("cluster", name)) as opened:
        found = opened.get(path_to("cluster", name))
    if as_json:
        show(found, as_json=True)
        return
    ailing = found.pop("ailing", [])
    show(found, as_json=False)
    if ailing:
        show_rows(ailing, ("address", "withdrawn", "since", "said"), as_json=False)


@cluster.command(
    "lost",
    epilog=examples(
        "domicile cluster lost amber",
        "domicile cluster lost amber --fallback 192.0.2.80",
    ),
)
def lose_cluster(
    name: ClusterName,
    fallback: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS", help="Of a page that says so [the directory's]."
        ),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Declare a cluster lost: its apps' names lead to a page, and no app goes there.

    Its apps can be moved elsewhere, and nobody waits for it. Without a page all names
    lead where they led before.
    """
    with api(data, ("cluster", name)) as opened:
        path = path_to("cluster", name, "lost")
        show(opened.post(path, {"fallback": fallback or []}), as_json)


@cluster.command("found", epilog=examples("domicile cluster found amber"))
def find_cluster(name: ClusterName, data: Data = None, as_json: AsJson = False) -> None:
    """Declare that a cluster which was lost is back: all is as it was before."""
    with api(data, ("cluster", name)) as opened:
        show(opened.post(path_to("cluster", name, "found"), {}), as_json)


@move.command("list", epilog=examples("domicile move list"))
def list_moves(data: Data = None, as_json: AsJson = False) -> None:
    """List the moves, oldest first."""
    with api(data) as opened:
        show_rows(opened.get("/moves")["rows"], _MOVE, as_json)


@move.command(
    "show", epilog=examples("domicile move show 0123456789abcdef0123456789abcdef")
)
def show_move(
    move_id: Annotated[
        str, typer.Argument(metavar="ID", autocompletion=completes("move"))
    ],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show a move."""
    with api(data) as opened:
        show(opened.get(path_to("move", move_id)), as_json)


@move.command("withdraw", epilog=examples("domicile move withdraw hello.ada"))
def withdraw_move(
    name: Annotated[
        str, typer.Argument(metavar="APP.OWNER|ID", autocompletion=completes("app"))
    ],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw the move that is scheduled for an app (`domicile app move --at`)."""
    with api(data, ("app", name)) as opened:
        path = path_to("app", name, "moves", "withdraw")
        show(opened.post(path, {}), as_json)


@authority.command("show", epilog=examples("domicile authority show"))
def show_authority(data: Data = None, as_json: AsJson = False) -> None:
    """Show the links' private CA: its epoch, and the certificates that are trusted."""
    with api(data) as opened:
        _show_authority(opened.get("/link-authority"), as_json)


@authority.command(
    "rotate",
    epilog=examples("domicile authority rotate", "domicile authority rotate --now"),
)
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
