"""Paths of the API to what somebody names, whatever that name is."""

import os
from urllib.parse import quote

from domicile.errors import DomicileError

_FOLDERS = {
    "app": "apps",
    "cluster": "clusters",
    "domain": "domains",
    "key": "keys",
    "move": "moves",
    "owner": "owners",
    "zone": "zones",
}


class NoSuch(DomicileError):
    """Nothing can have that name."""


def path_to(kind: str, name: str, *what: str) -> str:
    """Give the path to an app, say, or to `what` of it; raises NoSuch.

    Of a name that is quoted nothing is taken for a query or for another path. What no
    quoting keeps from being taken for one is not asked for.
    """
    if not name.strip(".") or "/" in name:
        raise NoSuch(f"no {kind} {name!r}: a name is not empty and has no slash")
    # As it came from the command line, whether or not it is UTF-8.
    return "/".join(("", _FOLDERS[kind], quote(os.fsencode(name), safe=""), *what))
