"""The status on one screen: what is wrong first, and summaries where there is much.

A screen is 24 lines of 80 columns. What there is much of is counted and not listed, so
that it stays one with a thousand apps and a hundred clusters; `--json` has it all.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from domicile.cli.session import show_rows, warn
from domicile.client.api import Json

_WIDTH: Final = 80
# So many lines are for what is wrong; so many rows are listed of each thing.
_WRONG: Final = 7
_CLUSTERS: Final = 5
_FOLLOWERS: Final = 4
_MOVES: Final = 2

_CLUSTER = ("name", "addresses", "apps", "followed")
_FOLLOWER = ("name", "serial", "lag", "silent", "behind")
_MOVE = ("app", "source", "target", "generation", "step", "seconds")


def show_overview(found: Json) -> None:
    """Print it all."""
    for line in first_of(found["problems"]):
        warn(line)
    _show(found["clusters"], _CLUSTER, _CLUSTERS, _clusters_in_short(found["clusters"]))
    followers = found["followers"]
    _show(followers, _FOLLOWER, _FOLLOWERS, _followers_in_short(followers))
    states = [f"{count} {state}" for state, count in sorted(found["apps"].items())]
    print(f"apps: {', '.join(states) or 'none'}; serial {found['serial']}")
    _show(found["moves"], _MOVE, _MOVES, _moves_in_short(found["moves"]))


def first_of(problems: Sequence[str]) -> list[str]:
    """Give those that fit, whole; and how many there are beside them."""
    lines: list[str] = []
    left = _WRONG
    for number, problem in enumerate(problems):
        takes = -(-len(problem) // _WIDTH)
        rest = len(problems) - number
        if takes + (rest > 1) > left and lines:
            return [*lines, f"and {rest} more: see domicile status --json"]
        lines.append(problem)
        left -= takes
    return lines


def row_of(found: Json) -> Json:
    """Show nothing where there is nothing, and no more of a number than is read."""
    return {key: _cell(value) for key, value in found.items()}


def _cell(value: object) -> object:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else ""
    return f"{value:.1f}" if isinstance(value, float) else value


def _show(rows: list[Json], columns: Sequence[str], most: int, in_short: str) -> None:
    if len(rows) > most:
        print(in_short)
    elif rows:
        show_rows(
            [row_of(each) for each in rows], columns, as_json=False, one_line=True
        )


def _clusters_in_short(rows: list[Json]) -> str:
    apps = [each["apps"] for each in rows]
    alone = sum(not each["followed"] for each in rows)
    spread = f"{min(apps, default=0)} to {max(apps, default=0)} apps each"
    return f"{len(rows)} clusters: {len(rows) - alone} followed, {alone} not; {spread}"


def _followers_in_short(rows: list[Json]) -> str:
    behind = sum(each["behind"] for each in rows)
    lag = max((each["lag"] for each in rows), default=0)
    return f"{len(rows)} followers: {behind} behind; at most {lag} changes missing"


def _moves_in_short(rows: list[Json]) -> str:
    steps = Counter(each["step"] for each in rows)
    said = ", ".join(f"{count} {step}" for step, count in sorted(steps.items()))
    oldest = max((each["seconds"] for each in rows), default=0.0)
    return f"{len(rows)} open moves: {said}; for at most {oldest:.0f} s"
