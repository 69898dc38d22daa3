"""The verbs about zones and the keys that sign them."""

from typing import Annotated

import typer

from domicile.cli.completion import completes
from domicile.cli.examples import examples
from domicile.cli.session import AsJson, Data, api, say, show, show_rows, warn
from domicile.client.api import Json
from domicile.client.paths import path_to

zone = typer.Typer(help="Zones, and the keys that sign them.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="ZONE", autocompletion=completes("zone"))]
Algorithm = Annotated[
    str, typer.Option(metavar="NAME", help="ecdsap256sha256 or ed25519.")
]

_ROW = ("name", "signing", "parent", "keys")
_KEY = ("tag", "role", "algorithm", "state", "since", "waits_for", "until")


@zone.command("list", epilog=examples("domicile zone list"))
def list_zones(data: Data = None, as_json: AsJson = False) -> None:
    """List the zones, and how each is signed."""
    with api(data) as opened:
        show_rows(opened.get("/zones")["rows"], _ROW, as_json)


@zone.command(
    "show",
    epilog=examples(
        "domicile zone show apps.test",
        "domicile zone show apps.test --json | jq -r '.ds[]'",
    ),
)
def show_zone(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """Show the keys of a zone, what they wait for, and the DS for the parent zone."""
    with api(data, ("zone", name)) as opened:
        _show(opened.get(path_to("zone", name)), as_json)


@zone.command(
    "sign",
    epilog=examples(
        "domicile zone sign apps.test",
        "domicile zone sign apps.test --split --algorithm ed25519",
    ),
)
def sign_zone(
    name: Name,
    algorithm: Algorithm = "",
    split: Annotated[
        bool, typer.Option(help="A KSK and a ZSK, in place of one key for all.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Sign a zone; one that was to go insecure stays signed."""
    _post(name, "sign", {"algorithm": algorithm, "split": split}, data, as_json)


@zone.command(
    "roll",
    epilog=examples(
        "domicile zone roll apps.test",
        "domicile zone roll apps.test --role zsk",
        "domicile zone roll apps.test --algorithm ed25519",
    ),
)
def roll_zone(
    name: Name,
    role: Annotated[
        str, typer.Option(metavar="ROLE", help="Only the ksk, or the zsk.")
    ] = "",
    algorithm: Algorithm = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Have new keys take the place of a zone's, without a moment that is bogus."""
    _post(name, "roll", {"role": role, "algorithm": algorithm}, data, as_json)


@zone.command(
    "insecure",
    epilog=examples(
        "domicile zone insecure apps.test", "domicile zone insecure apps.test --now"
    ),
)
def leave_zone(
    name: Name,
    now: Annotated[
        bool, typer.Option(help="Do not wait: bogus until the DS has gone everywhere.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Sign a zone no longer, once the parent zone's DS has gone everywhere."""
    _post(name, "insecure", {"now": now}, data, as_json)
    if now:
        (say if as_json else warn)(
            f"validators call {name} bogus for as long as they have its DS record: "
            "have the parent zone take it away at once"
        )


@zone.command("confirm", epilog=examples("domicile zone confirm apps.test"))
def confirm_parent(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """Say that the parent zone has done its part, where the directory cannot see it."""
    _post(name, "confirm", {}, data, as_json)


def _post(name: str, verb: str, body: Json, data: Data, as_json: bool) -> None:
    with api(data, ("zone", name)) as opened:
        found = opened.post(path_to("zone", name, verb), body)
    _show(found, as_json)
    if any(key["waits_for"] for key in found["keys"]):
        say(f"see how far it is: domicile zone show {name}")


def _show(found: Json, as_json: bool) -> None:
    if as_json:
        show(found, as_json=True)
        return
    show({"zone": found["name"], "signing": found["signing"]}, as_json=False)
    if found["parent"]:
        print(f"the parent zone {found['parent']}")
    for line in found["ds"]:
        print(line)
    if found["waits_for"]:
        print(f"waited for: {', '.join(found['waits_for'])}")
    if found["keys"]:
        show_rows(found["keys"], _KEY, as_json=False)
