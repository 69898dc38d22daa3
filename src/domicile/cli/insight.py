"""The verbs for looking: a host explained, how everything is, who follows."""

from typing import Annotated

import typer

from domicile.cli.completion import completes
from domicile.cli.examples import examples
from domicile.cli.overview import row_of, show_overview
from domicile.cli.session import AsJson, Data, api, show, show_rows, warn

follower = typer.Typer(help="Who follows the directory.", no_args_is_help=True)

Host = Annotated[str, typer.Argument(metavar="HOST")]

_SAYS = ("who", "serial", "generation", "behind", "says")
_FOLLOWER = ("name", "serial", "lag", "silent", "behind", "trouble")
WRONG = 3
"""The exit status where something is wrong: 1 is that we could not ask, 2 a misuse."""


def explain(host: Host, data: Data = None, as_json: AsJson = False) -> None:
    """Say what directory, name servers, managers and proxies make of a host."""
    with api(data) as opened:
        found = opened.get("/explain", host=host)
    if as_json:
        show(found, as_json=True)
        return
    for move in found["moves"]:
        warn(f"moving from {move['source']} to {move['target']}: {move['step']}")
    show_rows([row_of(each) for each in found["statements"]], _SAYS, as_json=False)


def status(data: Data = None, as_json: AsJson = False) -> None:
    """Show on one screen what is wrong, clusters, followers, apps and open moves.

    The exit status is 0 if nothing is wrong, 3 if something is, and 1 if the directory
    cannot be asked.
    """
    with api(data) as opened:
        found = opened.get("/status")
    if as_json:
        show(found, as_json=True)
    else:
        show_overview(found)
    if found["problems"]:
        raise typer.Exit(WRONG)


@follower.command("list", epilog=examples("domicile follower list"))
def list_followers(data: Data = None, as_json: AsJson = False) -> None:
    """List who follows the directory, and what is wrong with each by its own word."""
    with api(data) as opened:
        rows = opened.get("/status")["followers"]
    show_rows(rows if as_json else [row_of(each) for each in rows], _FOLLOWER, as_json)


@follower.command(
    "accept", epilog=examples("domicile follower accept nameserver/ns1/ns1")
)
def accept(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", autocompletion=completes("follower")),
    ],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let followers take in what they hold back because so many names would go.

    Look first whether the directory says what it should. A cluster's manager passes it
    on to its proxies.
    """
    with api(data, *(("follower", each) for each in names)) as opened:
        show(opened.post("/followers/accept", {"followers": names}), as_json)
