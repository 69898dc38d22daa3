"""What somebody may have meant by a name that nothing has."""

from collections.abc import Callable
from contextlib import suppress
from difflib import get_close_matches

from domicile.client.api import Api, Json
from domicile.errors import DomicileError

# As near as helo.ada is to hello.ada; what has but the owner in common is not.
_NEAR = 0.75


def _app(row: Json) -> str:
    return f"{row['name']}.{row['owner']}"


def _by(key: str) -> Callable[[Json], str]:
    return lambda row: str(row[key])


# Where each kind is listed, under which key, and what a row of it is called.
_LISTS = {
    "app": ("/apps", "rows", _app),
    "cluster": ("/clusters", "rows", _by("name")),
    "domain": ("/domains", "rows", _by("host")),
    "follower": ("/status", "followers", _by("name")),
    "key": ("/keys", "rows", _by("name")),
    "move": ("/moves", "rows", _by("id")),
    "owner": ("/owners", "rows", _by("name")),
    "zone": ("/zones", "rows", _by("name")),
}


def names_of(api: Api, kind: str) -> list[str]:
    """Give the names of that kind that the caller sees; raises what `Api.get` raises.

    The plans are those that clusters and owners name: there is no list of them.
    """
    if kind == "plan":
        clusters = api.get("/clusters")["rows"]
        named = {plan for row in clusters for plan in row.get("prefers", ())}
        return sorted(named | {row["plan"] for row in api.get("/owners")["rows"]})
    path, key, name = _LISTS[kind]
    return [name(row) for row in api.get(path)[key]]


def nearest(api: Api, kind: str, name: str) -> str:
    """Give the nearest name of that kind that there is; none, or it itself: "".

    Who leaves an app's owner out means the first app of that name.
    """
    with suppress(DomicileError):
        names = names_of(api, kind)
        named_so = [each for each in names if each.partition(".")[0] == name]
        if name not in names:
            near = get_close_matches(name, names, 1, _NEAR)
            return next(iter((kind == "app" and named_so) or near), "")
    return ""
