"""What somebody may have meant by a name that no app has."""

from contextlib import suppress
from difflib import get_close_matches

from domicile.client.api import Api
from domicile.errors import DomicileError

# As near as helo.ada is to hello.ada; what has but the owner in common is not.
_NEAR = 0.75


def nearest_app(api: Api, name: str) -> str:
    """Give the nearest name of an app that the caller sees; none, or it itself: "".

    Who leaves the owner out means the first app of that name.
    """
    with suppress(DomicileError):
        names = [f"{row['name']}.{row['owner']}" for row in api.get("/apps")["rows"]]
        named_so = [each for each in names if each.partition(".")[0] == name]
        if name not in names:
            return next(iter(named_so or get_close_matches(name, names, 1, _NEAR)), "")
    return ""
