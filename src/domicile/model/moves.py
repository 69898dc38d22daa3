"""The move as a state machine: each step is "write what is wanted, wait for the facts".

    SCHEDULED ──due──> PLANNED, or FAILED where it cannot be planned
        └──withdraw──> WITHDRAWN

    PLANNED ──prepare──> PREPARING ──switch──> SETTLING ───────────────> FINISHED
                             └──────undo─────> UNDOING ───> CLEARING ──> FAILED

Rule 1: only `advance` says which step follows, and only `records_of` what it writes; a
step and its records are written in one transaction of the directory's store, so a crash
leaves the one before or the one after.
Rule 2: before the switch the source is untouched, and a failure is undone under a new
generation; after the switch a move only goes forward.
Rule 3: a tombstone is written once the proxies of the cluster that it leads to know its
generation, so forward and back alike: first the one is here, then the other is away.
Rule 4: the first deployment of an app is a move without a source.
Rule 5: what is scheduled has taken no generation and holds nothing up; only the clock
begins it, and what is done with the app meanwhile wins (`model.schedules`).
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from domicile.model.bounds import Natural
from domicile.model.record import Record
from domicile.model.records import (
    App,
    AppState,
    Placement,
    Release,
    Residence,
    ResidenceState,
)


class Step(StrEnum):
    """Where a move stands; the last three are ends."""

    SCHEDULED = "scheduled"
    PLANNED = "planned"
    PREPARING = "preparing"
    SETTLING = "settling"
    UNDOING = "undoing"
    CLEARING = "clearing"
    FINISHED = "finished"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


ENDS = frozenset({Step.FINISHED, Step.FAILED, Step.WITHDRAWN})


class Move(msgspec.Struct, frozen=True):
    """The journal's row of a move.

    `generation` is the newest that it took: a failed move takes a second to undo.
    `others` are the clusters, beside source and target, that have a tombstone. A
    `stopped` app moves as it is: nothing is started. `at` is when it was scheduled
    for, if it was, as RFC 3339 writes it; before that its generation is 0.
    """

    id: str
    app: str
    generation: int
    source: str
    target: str
    others: tuple[str, ...] = ()
    step: Step = Step.PLANNED
    error: str = ""
    stopped: bool = False
    at: str = ""


class Status(StrEnum):
    """What a manager reports of what is wanted of it.

    SERVING: the app is healthy and every proxy that is not behind has acknowledged it.
    ASLEEP: it was, and is stopped until a request comes, which every proxy has acknowledged.
    SETTLED: every such proxy has acknowledged that the app is not here, its requests
    are drained, and it is stopped.
    """

    STARTING = "starting"
    SERVING = "serving"
    ASLEEP = "asleep"
    STOPPED = "stopped"
    SETTLED = "settled"
    FAILED = "failed"


# Who wants an app to serve has what was wanted also where it fell asleep meanwhile.
_AWAKE_OR_NOT = frozenset({Status.SERVING, Status.ASLEEP})
_STOPPED = frozenset({Status.STOPPED})
_SETTLED = frozenset({Status.SETTLED})


class Report(msgspec.Struct, frozen=True):
    """What a manager says of one residence, at the generation that it obeyed.

    `port` is the port that the app opened though it was told another; 0 where the
    app does as PORT says. `cut` counts the requests that outlasted the drain. `serial`
    is that of the cluster's store by which it is so: of two within a generation the
    higher is the newer, in whatever order they come.
    """

    app: str
    cluster: str
    generation: Natural
    status: Status
    detail: str = ""
    port: Natural = 0
    cut: Natural = 0
    serial: Natural = 0

    def replaces(self, other: "Report") -> bool:
        """Whether it is as new as what was said before."""
        return (self.generation, self.serial) >= (other.generation, other.serial)


class Facts(msgspec.Struct, frozen=True):
    """What is known when a move is looked at.

    `acknowledged`: every name server that is not behind has what the step wrote.
    `expired`: the step's deadline has passed. `source_lost`: an operator has declared
    the source lost, so nobody waits for what it does when it is back.
    """

    reports: Mapping[str, Report] = {}
    acknowledged: bool = False
    expired: bool = False
    source_lost: bool = False


def advance(move: Move, facts: Facts) -> Move | None:
    """Give the move at its next step, or None while there is something to wait for."""
    match move.step:
        case Step.PLANNED:
            return _at(move, Step.PREPARING)
        case Step.PREPARING:
            return _advance_preparing(move, facts)
        case Step.SETTLING:
            return _advance_settling(move, facts)
        case Step.UNDOING:
            return _advance_undoing(move, facts)
        case Step.CLEARING:
            return _advance_clearing(move, facts)
        case Step.SCHEDULED | Step.FINISHED | Step.FAILED | Step.WITHDRAWN:
            return None


def _at(move: Move, step: Step) -> Move:
    return msgspec.structs.replace(move, step=step)


def _advance_preparing(move: Move, facts: Facts) -> Move | None:
    if _is_ready(move, move.target, facts):
        return _at(move, Step.SETTLING)
    report = _report_on(move, move.target, facts)
    if report is not None and report.status is Status.FAILED:
        return _undo(move, report.detail)
    if facts.expired:
        return _undo(move, f"{move.target} did not report it as serving in time")
    return None


def _undo(move: Move, error: str) -> Move:
    return msgspec.structs.replace(
        move, step=Step.UNDOING, generation=move.generation + 1, error=error
    )


def _advance_settling(move: Move, facts: Facts) -> Move | None:
    left = not move.source or facts.source_lost
    settled = left or _has(move, move.source, _SETTLED, facts)
    return _at(move, Step.FINISHED) if settled and facts.acknowledged else None


def _advance_undoing(move: Move, facts: Facts) -> Move | None:
    """A source that cannot be reached does not keep the target's copy running."""
    ready = not move.source or _is_ready(move, move.source, facts)
    return _at(move, Step.CLEARING) if ready or facts.expired else None


def _advance_clearing(move: Move, facts: Facts) -> Move | None:
    """A target that cannot be reached does not keep a failed move open for ever."""
    settled = _has(move, move.target, _SETTLED, facts)
    done = settled and facts.acknowledged
    return _at(move, Step.FAILED) if done or facts.expired else None


def _is_ready(move: Move, cluster: str, facts: Facts) -> bool:
    """Whether a cluster says that the app may live there."""
    return _has(move, cluster, _STOPPED if move.stopped else _AWAKE_OR_NOT, facts)


def _has(move: Move, cluster: str, statuses: frozenset[Status], facts: Facts) -> bool:
    report = _report_on(move, cluster, facts)
    return report is not None and report.status in statuses


def _report_on(move: Move, cluster: str, facts: Facts) -> Report | None:
    """A report of another generation says nothing of this move (promise 4)."""
    report = facts.reports.get(cluster)
    if report is None or report.generation != move.generation:
        return None
    return report


class Lodging(msgspec.Struct, frozen=True):
    """What every residence of the moving app has in common; a stopped one runs nothing."""

    hosts: tuple[str, ...]
    release: Release | None
    port: int = 0
    sleep_seconds: float = 0.0


def records_of(move: Move, app: App, lodging: Lodging) -> tuple[Record, ...]:
    """Give the records that entering the move's step writes, the app's among them."""
    match move.step:
        case Step.PREPARING:
            return (_here(move, app, lodging, move.target),)
        case Step.SETTLING:
            return (
                *_tombstones(move, app, lodging, _left(move), move.target),
                _placement(move, app, move.target),
            )
        case Step.UNDOING:
            return (_app(app, move, app.state), *_undoing(move, app, lodging))
        case Step.CLEARING:
            return _clearing(move, app, lodging)
        case Step.PLANNED | Step.FINISHED | Step.FAILED:
            return (_app(app, move, _state(move)),)
        case Step.SCHEDULED | Step.WITHDRAWN:
            return ()


def _state(move: Move) -> AppState:
    if move.step is Step.PLANNED:
        return AppState.MOVING if move.source else AppState.DEPLOYING
    if move.step is Step.FAILED and not move.source:
        return AppState.FAILED
    return AppState.STOPPED if move.stopped else AppState.RUNNING


def _app(app: App, move: Move, state: AppState) -> App:
    return msgspec.structs.replace(
        app, generation=move.generation, state=state, detail=move.error
    )


def _left(move: Move) -> tuple[str, ...]:
    return ((move.source,) if move.source else ()) + move.others


def _undoing(move: Move, app: App, lodging: Lodging) -> tuple[Record, ...]:
    """The tombstones of the others lead to the source still: they stay as they are."""
    if not move.source:
        return ()
    return (
        _here(move, app, lodging, move.source),
        _placement(move, app, move.source),
    )


def _placement(move: Move, app: App, cluster: str) -> Placement:
    generation = move.generation
    return Placement(app.id, cluster, generation, app.name, app.owner, app.zone)


def _clearing(move: Move, app: App, lodging: Lodging) -> tuple[Record, ...]:
    if move.source:
        return _tombstones(move, app, lodging, (move.target,), move.source)
    return (_residence(move, app, lodging, move.target, ResidenceState.GONE),)


def _here(move: Move, app: App, lodging: Lodging, cluster: str) -> Residence:
    residence = _residence(move, app, lodging, cluster, ResidenceState.HERE)
    return msgspec.structs.replace(
        residence,
        release=lodging.release,
        port=lodging.port,
        sleep_seconds=lodging.sleep_seconds,
    )


def _tombstones(
    move: Move, app: App, lodging: Lodging, clusters: tuple[str, ...], to: str
) -> tuple[Residence, ...]:
    return tuple(
        msgspec.structs.replace(
            _residence(move, app, lodging, cluster, ResidenceState.AWAY), to=to
        )
        for cluster in clusters
    )


def _residence(
    move: Move, app: App, lodging: Lodging, cluster: str, state: ResidenceState
) -> Residence:
    return Residence(
        app.id,
        cluster,
        move.generation,
        state,
        hosts=lodging.hosts,
        name=f"{app.name}.{app.owner}",
    )


def fulfils(report: Report | None, wanted: Residence) -> bool:
    """Whether a cluster reports that what is wanted of it is so."""
    if report is None or report.generation != wanted.generation:
        return False
    match wanted.state:
        case ResidenceState.HERE:
            return report.status in (_AWAKE_OR_NOT if wanted.release else _STOPPED)
        case ResidenceState.HELD:
            return report.status in _STOPPED
        case ResidenceState.AWAY | ResidenceState.GONE:
            return report.status in _SETTLED


_WITHIN_ONE_GENERATION = frozenset({ResidenceState.HERE, ResidenceState.HELD})


def supersedes(new: Residence, old: Residence | None) -> bool:
    """Whether a cluster replaces its residence of an app (promise 4).

    Only a higher generation does, or `here` ↔ `held` and news of the same state
    within one.
    """
    if old is None or new.generation > old.generation:
        return True
    if new.generation < old.generation:
        return False
    return new.state is old.state or {new.state, old.state} == _WITHIN_ONE_GENERATION
