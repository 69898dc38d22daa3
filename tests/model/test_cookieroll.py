"""A secret is followed by another, and no cookie is refused that was given."""

from itertools import count

import pytest

from domicile.model.cookieroll import first, following
from domicile.model.zone_records import CookieStage

HOUR, DAY = 3600.0, 86400.0


def walk(days, step):
    """Look every so often; give what was there at each time."""
    names = (b"%d" % number for number in count(1))
    secrets = first(next(names), 0.0)
    history = [(0.0, secrets)]
    now = 0.0
    while now < days * DAY:
        now += step
        secrets = following(secrets, now, lambda: next(names)) or secrets
        history.append((now, secrets))
    return history


def test_a_secret_is_made_known_then_signs_then_the_last_one_is_forgotten():
    seen = dict.fromkeys((each.sealed, each.stage) for _, each in walk(31, HOUR))
    assert list(seen) == [
        ((b"1",), CookieStage.STEADY),
        ((b"1", b"2"), CookieStage.INCOMING),
        ((b"2", b"1"), CookieStage.OUTGOING),
        ((b"2",), CookieStage.STEADY),
    ]


@pytest.mark.parametrize(
    "step", [700.0, HOUR / 2, HOUR, HOUR + 1, 2.5 * HOUR, 5 * HOUR]
)
def test_what_signed_within_the_hour_is_known_and_no_secret_signs_for_36_days(step):
    history = walk(70, step)
    signed_since = {}
    for number, (now, secrets) in enumerate(history):
        signed_since.setdefault(secrets.sealed[0], now)
        assert now - signed_since[secrets.sealed[0]] < 36 * DAY
        for then, before in reversed(history[:number]):
            if now - then > HOUR:
                break
            assert before.sealed[0] in secrets.sealed
            # And it was known before it signed, by who heard of it within the hour.
            assert secrets.sealed[0] in before.sealed or now - then > HOUR - step


def test_nothing_is_due_in_between():
    secrets = first(b"1", 0.0)
    assert following(secrets, 29 * DAY, lambda: b"2") is None
