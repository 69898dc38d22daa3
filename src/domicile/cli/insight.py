"""The verbs for looking: a host explained, how everything is, who follows."""

from typing import Annotated, Any

import typer

from domicile.cli.session import AsJson, Data, api, show, show_rows, warn
from domicile.client.api import Json

follower = typer.Typer(help="Who follows the directory.", no_args_is_help=True)

Host = Annotated[str, typer.Argument(metavar="HOST")]

_SAYS = ("who", "serial", "generation", "behind", "says")
_CLUSTER = ("name", "addresses", "apps", "followed")
_FOLLOWER = ("name", "serial", "lag", "silent", "behind", "trouble")
_MOVE = ("app", "source", "target", "generation", "step", "seconds")


def explain(host: Host, data: Data = None, as_json: AsJson = False) -> None:
    """Say what directory, name servers, managers and proxies make of a host."""
    with api(data) as opened:
        found = opened.get("/explain", host=host)
    if as_json:
        show(found, as_json=True)
        return
    for move in found["moves"]:
        warn(f"moving from {move['source']} to {move['target']}: {move['step']}")
    show_rows([_row(each) for each in found["statements"]], _SAYS, as_json=False)


def status(data: Data = None, as_json: AsJson = False) -> None:
    """Show what is wrong, and then clusters, followers, apps and open moves."""
    with api(data) as opened:
        found = opened.get("/status")
    if as_json:
        show(found, as_json=True)
        return
    for problem in found["problems"]:
        warn(problem)
    show_rows(found["clusters"], _CLUSTER, as_json=False)
    show_rows([_row(each) for each in found["followers"]], _FOLLOWER, as_json=False)
    states = [f"{count} {state}" for state, count in sorted(found["apps"].items())]
    print(f"apps: {', '.join(states) or 'none'}; serial {found['serial']}")
    if found["moves"]:
        show_rows([_row(each) for each in found["moves"]], _MOVE, as_json=False)


@follower.command("list")
def list_followers(data: Data = None, as_json: AsJson = False) -> None:
    """List who follows the directory, and what is wrong with each by its own word."""
    with api(data) as opened:
        rows = opened.get("/status")["followers"]
    show_rows(rows if as_json else [_row(each) for each in rows], _FOLLOWER, as_json)


@follower.command("accept")
def accept(
    names: Annotated[list[str], typer.Argument(metavar="NAME...")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let followers take in what they hold back because so many names would go.

    Look first whether the directory says what it should. A cluster's manager passes it
    on to its proxies.
    """
    with api(data) as opened:
        show(opened.post("/followers/accept", {"followers": names}), as_json)


def _row(found: Json) -> Json:
    return {key: _cell(value) for key, value in found.items()}


def _cell(value: Any) -> Any:
    """Show nothing where there is nothing, and no more of a number than is read."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else ""
    return f"{value:.1f}" if isinstance(value, float) else value
