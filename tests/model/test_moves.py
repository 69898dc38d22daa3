import msgspec
import pytest

from domicile.model import moves, routing
from domicile.model.moves import Facts, Lodging, Move, Report, Status, Step
from domicile.model.records import (
    App,
    AppState,
    Cluster,
    Endpoint,
    EndpointState,
    Placement,
    Release,
    Residence,
    ResidenceState,
)

APP_ID = "i" * 26
APP = App(APP_ID, "hello", "ada", "apps.test", 1, AppState.RUNNING)
LODGING = Lodging(
    ("hello.ada.apps.test",), Release("r", APP_ID, "0" * 64, "python app.py")
)
AWAY, HERE, GONE = ResidenceState.AWAY, ResidenceState.HERE, ResidenceState.GONE


def move(step, source="amber", others=(), generation=2):
    return Move("m1", APP_ID, generation, source, "birch", others, step)


STOPPED_MOVE = msgspec.structs.replace(move(Step.PREPARING), stopped=True)


def facts(acknowledged=False, expired=False, generation=2, **statuses):
    reports = {
        cluster: Report(APP_ID, cluster, generation, status, detail="why")
        for cluster, status in statuses.items()
    }
    return Facts(reports, acknowledged, expired)


@pytest.mark.parametrize(
    ("at", "known", "then"),
    [
        (move(Step.PLANNED), facts(), Step.PREPARING),
        (move(Step.PREPARING), facts(), None),
        (move(Step.PREPARING), facts(birch=Status.STARTING), None),
        (move(Step.PREPARING), facts(birch=Status.SERVING), Step.SETTLING),
        # What fell asleep before anybody looked was served before.
        (move(Step.PREPARING), facts(birch=Status.ASLEEP), Step.SETTLING),
        (move(Step.UNDOING), facts(amber=Status.ASLEEP), Step.CLEARING),
        (move(Step.PREPARING), facts(birch=Status.FAILED), Step.UNDOING),
        (move(Step.PREPARING), facts(expired=True), Step.UNDOING),
        # Who serves in the last moment has served.
        (
            move(Step.PREPARING),
            facts(birch=Status.SERVING, expired=True),
            Step.SETTLING,
        ),
        # A report of an older generation is not about this move.
        (move(Step.PREPARING), facts(birch=Status.SERVING, generation=1), None),
        (move(Step.SETTLING), facts(amber=Status.SETTLED), None),
        (move(Step.SETTLING), facts(acknowledged=True), None),
        (
            move(Step.SETTLING),
            facts(amber=Status.SETTLED, acknowledged=True),
            Step.FINISHED,
        ),
        # After the switch only forward, however long it takes.
        (move(Step.SETTLING), facts(birch=Status.FAILED, expired=True), None),
        (move(Step.SETTLING, source=""), facts(acknowledged=True), Step.FINISHED),
        # Back too the one has it first, and then the other lets go.
        (move(Step.UNDOING), facts(amber=Status.SERVING), Step.CLEARING),
        (move(Step.UNDOING), facts(birch=Status.SETTLED, acknowledged=True), None),
        (move(Step.UNDOING), facts(expired=True), Step.CLEARING),
        (move(Step.UNDOING, source=""), facts(), Step.CLEARING),
        (
            move(Step.CLEARING),
            facts(birch=Status.SETTLED, acknowledged=True),
            Step.FAILED,
        ),
        (move(Step.CLEARING), facts(birch=Status.SETTLED), None),
        (move(Step.CLEARING), facts(acknowledged=True), None),
        (move(Step.CLEARING), facts(expired=True), Step.FAILED),
        # A stopped app's cluster says so, and starts nothing.
        (STOPPED_MOVE, facts(birch=Status.STOPPED), Step.SETTLING),
        (STOPPED_MOVE, facts(birch=Status.SERVING), None),
        (
            msgspec.structs.replace(STOPPED_MOVE, step=Step.UNDOING),
            facts(amber=Status.STOPPED),
            Step.CLEARING,
        ),
        (move(Step.PREPARING), facts(birch=Status.STOPPED), None),
        (move(Step.FINISHED), facts(expired=True), None),
        (move(Step.FAILED), facts(expired=True), None),
    ],
)
def test_advance(at, known, then):
    after = moves.advance(at, known)
    assert (after.step if after else None) == then


def test_a_failed_move_takes_a_second_generation_and_says_why():
    undone = moves.advance(move(Step.PREPARING), facts(birch=Status.FAILED))
    assert (undone.generation, undone.error) == (3, "why")


def written(at):
    records = moves.records_of(at, APP, LODGING)
    residences = {
        record.cluster: (record.state, record.to, record.generation)
        for record in records
        if isinstance(record, Residence)
    }
    placements = [
        (record.cluster, record.generation)
        for record in records
        if isinstance(record, Placement)
    ]
    named = Placement("", "", 0, APP.name, APP.owner, APP.zone).entries
    for record in records:
        if isinstance(record, Placement):
            assert record.entries.keys() == named.keys()
    states = [record.state for record in records if isinstance(record, App)]
    return residences, placements, states


@pytest.mark.parametrize(
    ("at", "residences", "placements", "states"),
    [
        (move(Step.PLANNED), {}, [], [AppState.MOVING]),
        (move(Step.PLANNED, source=""), {}, [], [AppState.DEPLOYING]),
        (move(Step.PREPARING), {"birch": (HERE, "", 2)}, [], []),
        (
            move(Step.SETTLING, others=("cedar",)),
            {"amber": (AWAY, "birch", 2), "cedar": (AWAY, "birch", 2)},
            [("birch", 2)],
            [],
        ),
        (move(Step.SETTLING, source=""), {}, [("birch", 2)], []),
        (
            move(Step.UNDOING, others=("cedar",), generation=3),
            {"amber": (HERE, "", 3)},
            [("amber", 3)],
            [AppState.RUNNING],
        ),
        (
            move(Step.CLEARING, others=("cedar",), generation=3),
            {"birch": (AWAY, "amber", 3)},
            [],
            [],
        ),
        (move(Step.UNDOING, source="", generation=3), {}, [], [AppState.RUNNING]),
        (
            move(Step.CLEARING, source="", generation=3),
            {"birch": (GONE, "", 3)},
            [],
            [],
        ),
        (move(Step.FINISHED), {}, [], [AppState.RUNNING]),
        (move(Step.FAILED), {}, [], [AppState.RUNNING]),
        (move(Step.FAILED, source=""), {}, [], [AppState.FAILED]),
    ],
)
def test_what_a_step_writes(at, residences, placements, states):
    assert written(at) == (residences, placements, states)


@pytest.mark.parametrize("end", [Step.FINISHED, Step.FAILED])
def test_a_stopped_app_is_stopped_after_its_move_too(end):
    ended = msgspec.structs.replace(STOPPED_MOVE, step=end)
    assert written(ended) == ({}, [], [AppState.STOPPED])


RELEASE = LODGING.release


@pytest.mark.parametrize(
    ("state", "release", "status", "is_so"),
    [
        (HERE, RELEASE, Status.SERVING, True),
        (HERE, RELEASE, Status.ASLEEP, True),
        (HERE, None, Status.ASLEEP, False),
        (HERE, RELEASE, Status.STOPPED, False),
        (HERE, RELEASE, Status.STARTING, False),
        (HERE, None, Status.STOPPED, True),
        (HERE, None, Status.SERVING, False),
        (AWAY, None, Status.SETTLED, True),
        (AWAY, None, Status.SERVING, False),
        (GONE, None, Status.SETTLED, True),
        (GONE, None, Status.STOPPED, False),
        (ResidenceState.HELD, RELEASE, Status.STOPPED, True),
        (ResidenceState.HELD, RELEASE, Status.SERVING, False),
    ],
)
def test_a_wish_is_fulfilled_once_its_cluster_says_so(state, release, status, is_so):
    wanted = Residence(APP_ID, "amber", 2, state, release=release)
    assert moves.fulfils(Report(APP_ID, "amber", 2, status), wanted) == is_so
    assert not moves.fulfils(Report(APP_ID, "amber", 1, status), wanted)
    assert not moves.fulfils(None, wanted)


def test_only_who_shall_run_it_is_told_the_release():
    """A release's environment has secrets: a tombstone needs none of them."""
    for record in moves.records_of(move(Step.SETTLING), APP, LODGING):
        if isinstance(record, Residence):
            assert record.release is None
    (here,) = moves.records_of(move(Step.PREPARING), APP, LODGING)
    assert here.release == LODGING.release


@pytest.mark.parametrize(
    ("new", "old", "replaces"),
    [
        ((HERE, 2), None, True),
        ((HERE, 2), (AWAY, 1), True),
        ((AWAY, 1), (HERE, 2), False),
        ((AWAY, 2), (HERE, 2), False),
        ((ResidenceState.HELD, 2), (HERE, 2), True),
        ((HERE, 2), (ResidenceState.HELD, 2), True),
        ((HERE, 2), (HERE, 2), True),
        ((HERE, 2), (GONE, 2), False),
    ],
)
def test_only_a_higher_generation_replaces_a_residence(new, old, replaces):
    def residence(state, generation):
        return Residence(APP_ID, "amber", generation, state)

    given_old = None if old is None else residence(*old)
    assert moves.supersedes(residence(*new), given_old) == replaces


def clusters_at(steps, views):
    """The two clusters' views after the records of these steps were obeyed."""
    residences = {
        "amber": Residence(APP_ID, "amber", 1, HERE, hosts=LODGING.hosts),
    }
    for step in steps:
        for record in moves.records_of(step, APP, LODGING):
            if isinstance(record, Residence):
                assert moves.supersedes(record, residences.get(record.cluster))
                residences[record.cluster] = record
    links = [Cluster(name, (), (f"{name}:1",)) for name in ("amber", "birch")]
    return {
        name: views.of(
            residence,
            Endpoint(APP_ID, residence.generation, EndpointState.RUNNING, name, 1),
            *links,
        )
        for name, residence in residences.items()
    }


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [move(Step.PREPARING)],
        [move(Step.PREPARING), move(Step.SETTLING)],
        [move(Step.PREPARING), move(Step.UNDOING, generation=3)],
        [
            move(Step.PREPARING),
            move(Step.UNDOING, generation=3),
            move(Step.CLEARING, generation=3),
        ],
    ],
)
def test_at_every_step_a_request_to_either_cluster_is_served(views, steps):
    """Promise 1, on paper: the hops are followed until someone serves."""
    at = clusters_at(steps, views)
    for start in at:
        cluster, hop = start, None
        while True:
            outcome = routing.route(at[cluster], LODGING.hosts[0], hop)
            if not isinstance(outcome, routing.Forward):
                break
            hop = routing.Hop(APP_ID, outcome.generation, "c", "http", "r")
            cluster = outcome.cluster
        assert isinstance(outcome, routing.ToUpstream)


@pytest.mark.parametrize(
    ("old", "new", "replaces"),
    [
        ((2, 8), (2, 9), True),
        ((2, 8), (2, 8), True),
        # Within a generation they may come in any order.
        ((2, 9), (2, 8), False),
        ((2, 9), (3, 1), True),
        ((3, 1), (2, 9), False),
    ],
)
def test_a_late_report_replaces_no_newer_one(old, new, replaces):
    first, second = (
        Report(APP_ID, "amber", generation, Status.SERVING, serial=serial)
        for generation, serial in (old, new)
    )
    assert second.replaces(first) == replaces


def test_a_move_survives_its_journal():
    assert msgspec.msgpack.decode(
        msgspec.msgpack.encode(move(Step.UNDOING)), type=Move
    ) == move(Step.UNDOING)
