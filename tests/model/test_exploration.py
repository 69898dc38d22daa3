"""The state machine of routing and moves, explored; and bugs that the search must find."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pytest

from domicile.model import moves, routing
from domicile.model.moves import Step
from domicile.model.records import ResidenceState
from domicile.model.routing import Unknown
from exploration import steps
from exploration.faults import Bounds
from exploration.search import explore
from exploration.world import (
    ClusterView,
    World,
    empty_world,
    placed,
    settled_world,
    sleepy_world,
    travelled_world,
)

START: dict[str, Callable[[], World]] = {
    "to be deployed": empty_world,
    "deployed": settled_world,
    "moved before": travelled_world,
    "may sleep": sleepy_world,
}

# From where, how many moves more, and how many faults: at once, and with more effort.
SOON = [
    ("to be deployed", 1, 3),
    ("to be deployed", 2, 1),
    ("deployed", 1, 2),
    ("deployed", 2, 1),
    ("deployed", 3, 0),
    ("moved before", 1, 1),
    ("may sleep", 0, 2),
    ("may sleep", 1, 0),
]
LATER = [
    ("deployed", 1, 3),
    ("deployed", 2, 2),
    ("deployed", 3, 1),
    ("moved before", 1, 2),
    ("may sleep", 1, 1),
    ("may sleep", 2, 0),
]


def explore_from(start, plans, faults):
    world = START[start]()
    return explore(world, Bounds(world.plans + plans, faults))


@pytest.mark.soak
@pytest.mark.parametrize("bounds", SOON + LATER, ids=str)
def test_no_fault_breaks_a_promise(bounds, effort, figure):
    """Promises 1 to 4, and 5 and 9 in small, in every state and across every step."""
    if bounds in LATER and effort == 1:
        pytest.skip("only with more effort: make soak")
    start, plans, faults = bounds
    found = explore_from(start, plans, faults)
    assert found.broken is None, str(found)
    what = f"app {start}, moves: {plans}, faults: {faults}"
    figure(f"states explored, {what}", found.states)


class Planted(NamedTuple):
    """A bug: which function of which module becomes what, and the promise it breaks."""

    module: object
    function: str
    bug: Callable
    promise: int
    start: str = "deployed"
    plans: int = 2
    faults: int = 1


def at(move, step, **more):
    return msgspec.structs.replace(move, step=step, **more)


def switch_at_once(move, facts):
    return at(move, Step.SETTLING)


def take_for_news(move, cluster, facts):
    return facts.reports.get(cluster)


def leave_only_the_source(move):
    return (move.source,) if move.source else ()


def undo_within_the_generation(move, error):
    return at(move, Step.UNDOING)


def clear_nothing(move, app, lodging):
    return ()


def write_always(new, old):
    return True


def drain_nothing(world, cluster, site):
    return True


def forget_always(store, wish):
    return store._replace(endpoint=None)


def find_unchanged(directory, seen):
    return True


def place_too_early(move, app, lodging, of=moves.records_of):
    records = of(move, app, lodging)
    if move.step is not Step.PREPARING:
        return records
    return (*records, placed(move.target, move.generation))


def withdraw_too_early(move, app, lodging, of=moves.records_of):
    records = of(move, app, lodging)
    if move.step is not Step.PREPARING:
        return records
    return (*records, *of(at(move, Step.SETTLING), app, lodging)[:-1])


def undo_all_at_once(move, app, lodging, of=moves.records_of):
    records = of(move, app, lodging)
    if move.step is not Step.UNDOING:
        return records
    return (*records, *of(at(move, Step.CLEARING), app, lodging))


def undo_with_all_tombstones(move, app, lodging, of=moves.records_of):
    if move.step is not Step.UNDOING:
        return of(move, app, lodging)
    others = moves._tombstones(move, app, lodging, move.others, move.source)
    return (*of(move, app, lodging), *others)


def place_nothing_back(move, app, lodging, of=moves._undoing):
    return of(move, app, lodging)[:1]


def end_unsettled(move, facts):
    return at(move, Step.FINISHED) if facts.acknowledged else None


def end_unnamed(move, facts, of=moves._advance_settling):
    return of(move, msgspec.structs.replace(facts, acknowledged=True))


def follow_any_tombstone(view, hop, of=routing._route_hop):
    residence = view.residence(hop.app)
    return routing._route_residence(view, residence) if residence else of(view, hop)


def follow_equal_tombstone(view, hop, of=routing._route_hop):
    lower = msgspec.structs.replace(hop, generation=hop.generation - 1)
    known = view.residence(hop.app)
    return of(view, lower if known and known.generation == hop.generation else hop)


def know_no_hop(view, hop, of=routing._route_hop):
    return Unknown() if view.residence(hop.app) is None else of(view, hop)


def say_serving_unseen(site, of=steps.acknowledged):
    return site.manager.wish.state is ResidenceState.HERE or of(site)


def stop_unseen(site, of=steps.acknowledged):
    return site.manager.wish.state is not ResidenceState.HERE or of(site)


def sleep_unseen(site):
    return True


def sleep_though_one_is_silent(site):
    return steps.acknowledged(site)


def take_any_report(directory, report):
    return directory._replace(
        reports=tuple(
            report if cluster == report.cluster else other
            for cluster, other in zip(steps.CLUSTERS, directory.reports, strict=True)
        )
    )


PLANTED = {
    "the switch does not wait for the target": Planted(
        moves, "_advance_preparing", switch_at_once, 2
    ),
    "the app is placed before its target serves": Planted(
        moves, "records_of", place_too_early, 2
    ),
    "the source is away before its target serves": Planted(
        moves, "records_of", withdraw_too_early, 2
    ),
    "a report of an older generation counts": Planted(
        moves, "_report_on", take_for_news, 5, plans=1, faults=2
    ),
    "the tombstones of other clusters are not rewritten": Planted(
        moves, "_left", leave_only_the_source, 3
    ),
    "a move ends before its source has let go": Planted(
        moves, "_advance_settling", end_unsettled, 2
    ),
    "a move ends before the name servers know": Planted(
        moves, "_advance_settling", end_unnamed, 1
    ),
    "an undone move takes no second generation": Planted(
        moves, "_undo", undo_within_the_generation, 4
    ),
    "an undone move is not placed back": Planted(
        moves, "_undoing", place_nothing_back, 2
    ),
    "the target is told to let go before its source knows": Planted(
        moves, "records_of", undo_all_at_once, 5, plans=1, faults=2
    ),
    "an undone move rewrites the tombstones of others": Planted(
        moves, "records_of", undo_with_all_tombstones, 5, "moved before", 1, 2
    ),
    "a failed deployment is not told to go": Planted(
        moves, "_clearing", clear_nothing, 1, "to be deployed", 1, 1
    ),
    "any residence replaces any other": Planted(moves, "supersedes", write_always, 4),
    "a hop is routed as any request": Planted(
        routing, "_route_hop", follow_any_tombstone, 3
    ),
    "a tombstone of the hop's own generation is followed": Planted(
        routing, "_route_hop", follow_equal_tombstone, 3
    ),
    "who does not know the app of a hop says so": Planted(
        routing, "_route_hop", know_no_hop, 1
    ),
    "a proxy does not know that it is behind": Planted(ClusterView, "behind", False, 5),
    "a manager says SERVING before its proxies know": Planted(
        steps, "acknowledged", say_serving_unseen, 1
    ),
    "a manager stops the app before its proxies know": Planted(
        steps, "acknowledged", stop_unseen, 1
    ),
    "an app is let sleep before its proxies know": Planted(
        steps, "aware", sleep_unseen, 1, "may sleep", 0, 0
    ),
    "an app is let sleep though a proxy is silent": Planted(
        steps, "aware", sleep_though_one_is_silent, 5, "may sleep", 0, 1
    ),
    "an app is let sleep though somebody came": Planted(
        steps, "drained", drain_nothing, 1, "may sleep", 0, 0
    ),
    "a manager does not drain": Planted(steps, "drained", drain_nothing, 1),
    "a manager forgets whatever endpoint there is": Planted(
        steps, "forgotten", forget_always, 4
    ),
    "a mover does not compare before it writes": Planted(
        steps, "is_unchanged", find_unchanged, 2
    ),
    "the directory keeps a report of an older generation": Planted(
        steps, "take_report", take_any_report, 4
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_search_finds_a_planted_bug(name, monkeypatch):
    planted = PLANTED[name]
    monkeypatch.setattr(planted.module, planted.function, planted.bug)
    found = explore_from(planted.start, planted.plans, planted.faults)
    assert found.broken is not None, f"{found}: the model is too weak"
    assert found.broken.promise == planted.promise, str(found)


def test_what_the_search_finds_reads_as_a_story(monkeypatch):
    monkeypatch.setattr(steps, "acknowledged", stop_unseen)
    story = str(explore_from("deployed", 1, 0))
    assert story.startswith("promise 1: amber asks at a port where the app was stopped")
    assert story.endswith("amber: stops the app")
