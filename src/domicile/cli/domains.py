"""The verbs about domains."""

from typing import Annotated

import typer

from domicile.cli.completion import completes
from domicile.cli.examples import examples
from domicile.cli.session import AsJson, Data, api, say, show, show_rows
from domicile.client.paths import path_to

domain = typer.Typer(help="Host names of owners' own.", no_args_is_help=True)

NewHost = Annotated[str, typer.Argument(metavar="HOST")]
Host = Annotated[
    str, typer.Argument(metavar="HOST", autocompletion=completes("domain"))
]
AppName = Annotated[
    str, typer.Argument(metavar="APP.OWNER|ID", autocompletion=completes("app"))
]

_COLUMNS = ("host", "app", "active", "wanted")


@domain.command(
    "link", epilog=examples("domicile domain link www.ada.example hello.ada")
)
def link_domain(
    host: NewHost,
    app: AppName,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Link a host name to an app; prints the record to set for it."""
    with api(data, ("app", app)) as opened:
        linked = opened.post("/domains", {"host": host, "app": app})
    show(linked, as_json)
    if not linked["active"]:
        say(
            f"set {linked['wanted']} for {host} where its DNS is kept, then: "
            f"domicile domain check {host}"
        )


@domain.command("check", epilog=examples("domicile domain check www.ada.example"))
def check_domain(host: Host, data: Data = None, as_json: AsJson = False) -> None:
    """Look up the record of a domain; once it is seen, the domain leads to its app."""
    with api(data, ("domain", host)) as opened:
        path = path_to("domain", host, "check")
        show(opened.post_after_moves(path, {}, say), as_json)


@domain.command("list", epilog=examples("domicile domain list"))
def list_domains(data: Data = None, as_json: AsJson = False) -> None:
    """List the domains, with the record that each wants."""
    with api(data) as opened:
        show_rows(opened.get("/domains")["rows"], _COLUMNS, as_json)


@domain.command("unlink", epilog=examples("domicile domain unlink www.ada.example"))
def unlink_domain(host: Host, data: Data = None, as_json: AsJson = False) -> None:
    """Unlink a domain: it leads nowhere, and may be linked again."""
    with api(data, ("domain", host)) as opened:
        path = path_to("domain", host, "unlink")
        show(opened.post_after_moves(path, {}, say), as_json)
