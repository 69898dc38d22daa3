"""How the secret that cookies are made of is followed by another (RFC 9018 5).

    STEADY ── a month ──> INCOMING ── an hour ──> OUTGOING ── two hours ──> STEADY
    signs: A              A, knows B             B, knows A                B

A server that has not heard of the next secret yet meets no cookie of it, unless it was
away for an hour; and by then no cookie of the last one is good any more.
"""

from collections.abc import Callable

from domicile.model.zone_records import CookieSecrets, CookieStage

# RFC 7873 7.1: a secret is to be used no longer than 36 days.
_LIFETIME = 30 * 86400.0
_KNOWN_AFTER = 3600.0
# A cookie is good for an hour, and some minutes more where clocks differ.
_GONE_AFTER = 7200.0


def first(secret: bytes, now: float) -> CookieSecrets:
    """Give what a directory begins with; `now` is Unix time, in seconds."""
    return CookieSecrets((secret,), CookieStage.STEADY, now)


def following(
    secrets: CookieSecrets, now: float, make: Callable[[], bytes]
) -> CookieSecrets | None:
    """Give what is due to be next, with a secret that is made if one is wanted."""
    age = now - secrets.since
    match secrets.stage:
        case CookieStage.STEADY if age >= _LIFETIME:
            known = (*secrets.sealed, make())
            return CookieSecrets(known, CookieStage.INCOMING, now)
        case CookieStage.INCOMING if age >= _KNOWN_AFTER:
            old, new = secrets.sealed
            return CookieSecrets((new, old), CookieStage.OUTGOING, now)
        case CookieStage.OUTGOING if age >= _GONE_AFTER:
            return CookieSecrets(secrets.sealed[:1], CookieStage.STEADY, now)
        case _:
            return None
