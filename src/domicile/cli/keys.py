"""The verbs about keys, by which others update challenges, or transfer zones."""

from typing import Annotated

import typer

from domicile.cli.completion import completes
from domicile.cli.examples import examples
from domicile.cli.session import AsJson, Data, api, show, show_rows
from domicile.client.api import Json
from domicile.client.paths import path_to

key = typer.Typer(help="Keys of dynamic updates and transfers.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME")]
KeyName = Annotated[
    str, typer.Argument(metavar="NAME", autocompletion=completes("key"))
]

_COLUMNS = ("name", "algorithm", "names", "transfers")
_DNS = "53"


@key.command(
    "add",
    epilog=examples(
        "domicile key add ada --for hello.ada.apps.test --for ada.apps.test",
        "domicile key add second --transfer apps.test",
    ),
)
def add_key(
    name: Name,
    names: Annotated[
        list[str] | None,
        typer.Option("--for", metavar="NAME", help="May update its challenges."),
    ] = None,
    transfer: Annotated[
        list[str] | None,
        typer.Option(metavar="ZONE", help="May transfer the zone."),
    ] = None,
    algorithm: str = "hmac-sha256",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a key; its secret is shown this once, as clients want it."""
    body = {
        "name": name, "names": names or [], "transfers": transfer or [],
        "algorithm": algorithm,
    }  # fmt: skip
    with api(data) as opened:
        added = opened.post("/keys", body)
    show(added, as_json)
    if not as_json and added["names"]:
        print(_for_clients(added))


@key.command("list", epilog=examples("domicile key list"))
def list_keys(data: Data = None, as_json: AsJson = False) -> None:
    """List the keys, and for what they are."""
    with api(data) as opened:
        show_rows(opened.get("/keys")["rows"], _COLUMNS, as_json)


@key.command("remove", epilog=examples("domicile key remove ada"))
def remove_key(name: KeyName, data: Data = None, as_json: AsJson = False) -> None:
    """Remove a key: nothing is taken any more that it signs."""
    with api(data, ("key", name)) as opened:
        show(opened.post(path_to("key", name, "remove"), {}), as_json)


def _for_clients(added: Json) -> str:
    """Write the key as nsupdate, certbot and lego read it."""
    name, algorithm, secret = added["name"], added["algorithm"], added["secret"]
    server = next(iter(added["servers"]), "SERVER")
    # lego takes host and port in one, as a URL does.
    place = f"[{server}]:{_DNS}" if ":" in server else f"{server}:{_DNS}"
    return f"""
nsupdate -y {algorithm}:{name}:{secret}

# certbot --dns-rfc2136-credentials FILE
dns_rfc2136_server = {server}
dns_rfc2136_port = {_DNS}
dns_rfc2136_name = {name}
dns_rfc2136_secret = {secret}
dns_rfc2136_algorithm = {algorithm.upper()}

# lego --dns rfc2136
RFC2136_NAMESERVER={place}
RFC2136_TSIG_KEY={name}.
RFC2136_TSIG_ALGORITHM={algorithm}.
RFC2136_TSIG_SECRET={secret}"""
