"""The API's routes for apps and their moves."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from domicile.clock import monotonic
from domicile.directory import journal
from domicile.directory.access import Caller, Operation
from domicile.directory.apps import (
    MoveInProgress,
    NotFound,
    Wanted,
    find_app,
    no_app,
    note_on,
    plan_deployment,
    plan_move,
)
from domicile.directory.conversation import Asked, Work, work_once
from domicile.directory.deployment import NewApp, check_deployment
from domicile.directory.lifecycle import delete_app, start_app, stop_app
from domicile.directory.registry import demand
from domicile.directory.schedules import WantedMove, schedule_move, withdraw_move
from domicile.directory.service import Directory
from domicile.directory.shown import AppInFull, shown, shown_in_full
from domicile.model.bounds import Natural
from domicile.model.moves import ENDS, Move
from domicile.model.records import App, AppState
from domicile.store.transaction import Reading, Transaction

Opened = NamedDependency[Directory]

LONGEST_WAIT = 30.0
_LOOK_SECONDS = 1.0


class NewMove(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an app shall move; `generation` is the one that its asker saw.

    With a time, `at`, it moves then: `+10m`, or ISO 8601.
    """

    to: str
    generation: Natural | None = None
    at: str = ""


class Planned(Move, frozen=True):
    """A move, and what is to be said of an operator's choice."""

    note: str = ""


class Shown(msgspec.Struct, frozen=True):
    """The rows of a list."""

    rows: list[Any]


@post("/apps", operation=Operation.APP_DEPLOY)
async def post_app(
    request: Asked, data: JSONBody[NewApp], directory: Opened
) -> Response[bytes]:
    request.user.demand(Operation.APP_DEPLOY, data.owner)
    if data.to:
        request.user.demand(Operation.APP_MOVE_TO, data.owner)
    wanted = Wanted(data.digest, data.command, data.environment, data.size, data.to)

    async def work(tx: Transaction) -> Planned:
        check_deployment(data, directory.blobs)
        heard = directory.clusters_heard()
        move = await plan_deployment(tx, data.owner, data.name, wanted, heard)
        return _planned(move, await note_on(tx, data.owner, data.to) if data.to else "")

    response = await work_once(request, directory, work)
    directory.reported.ring()
    return response


@get("/apps", operation=Operation.APP_LIST)
async def list_apps(request: Asked, directory: Opened) -> Shown:
    """List the apps that there are; one that was deleted is still shown by its id."""
    async with directory.store.reading() as reading:
        asleep = await journal.asleep(reading)
        return Shown(
            [
                await shown(reading, app, asleep)
                for app in await reading.all(App)
                if request.user.may(Operation.APP_LIST, app.owner)
                and app.state is not AppState.DELETED
            ]
        )


@get("/apps/{app:str}", operation=Operation.APP_SHOW)
async def show_app(
    request: Asked, app: FromPath[str], directory: Opened, wait: FromQuery[float] = 0.0
) -> AppInFull:
    """Give the app; with `wait`, once all is so as wanted, or so many seconds later."""
    deadline = _deadline(wait)
    while True:
        async with directory.store.reading() as reading:
            found = await found_app(reading, request.user, Operation.APP_SHOW, app)
            in_full = await shown_in_full(reading, found)
        if not in_full.waits_for or not await _waited(directory, deadline):
            return in_full


@post("/apps/{app:str}/stop", operation=Operation.APP_STOP)
async def post_stop(
    request: Asked,
    app: FromPath[str],
    directory: Opened,
    wait: FromQuery[float] = LONGEST_WAIT,
) -> Response[bytes]:
    """Want the app stopped where it is; `wait` is for a move that has not ended."""
    return await _change(request, directory, Operation.APP_STOP, app, wait)


@post("/apps/{app:str}/start", operation=Operation.APP_START)
async def post_start(
    request: Asked,
    app: FromPath[str],
    directory: Opened,
    wait: FromQuery[float] = LONGEST_WAIT,
) -> Response[bytes]:
    """Want a stopped app to run again."""
    return await _change(request, directory, Operation.APP_START, app, wait)


@post("/apps/{app:str}/delete", operation=Operation.APP_DELETE)
async def post_delete(
    request: Asked,
    app: FromPath[str],
    directory: Opened,
    wait: FromQuery[float] = LONGEST_WAIT,
) -> Response[bytes]:
    """Want the app gone everywhere; its name answers 410 for a week."""
    return await _change(request, directory, Operation.APP_DELETE, app, wait)


@post("/apps/{app:str}/moves", operation=Operation.APP_MOVE_TO)
async def post_move(
    request: Asked,
    app: FromPath[str],
    data: JSONBody[NewMove],
    directory: Opened,
    wait: FromQuery[float] = LONGEST_WAIT,
) -> Response[bytes]:
    """Plan a move; a move of the app that has not ended is waited for, so long."""

    async def work(tx: Transaction) -> Planned:
        found = await found_app(tx, request.user, Operation.APP_MOVE_TO, app)
        if data.at:
            wanted = WantedMove(data.to, data.at, data.generation)
            move = await schedule_move(tx, found, wanted)
        else:
            move = await plan_move(tx, found, data.to, data.generation)
        return _planned(move, await note_on(tx, found.owner, data.to))

    response = await work_after_moves(request, directory, work, wait)
    directory.reported.ring()
    return response


@post("/apps/{app:str}/moves/withdraw", operation=Operation.MOVE_WITHDRAW)
async def post_withdrawal(
    request: Asked, app: FromPath[str], directory: Opened
) -> Response[bytes]:
    """Withdraw the move that is scheduled for the app."""

    async def work(tx: Transaction) -> Move:
        found = await found_app(tx, request.user, Operation.MOVE_WITHDRAW, app)
        return await withdraw_move(tx, found)

    return await work_once(request, directory, work)


@get("/moves", operation=Operation.MOVE_LIST)
async def list_moves(request: Asked, directory: Opened) -> Shown:
    async with directory.store.reading() as reading:
        moves = [entry.move for entry in await journal.all_moves(reading)]
        apps = [await reading.get(App, app) for app in {move.app for move in moves}]
    owners = {app.id: app.owner for app in apps if app is not None}
    return Shown(
        [
            move
            for move in moves
            if request.user.may(Operation.MOVE_LIST, owners.get(move.app, ""))
        ]
    )


@get("/moves/{move:str}", operation=Operation.MOVE_SHOW)
async def show_move(
    request: Asked, move: FromPath[str], directory: Opened, wait: FromQuery[float] = 0.0
) -> Move:
    """Give the move; with `wait`, once it has ended or so many seconds have passed."""
    deadline = _deadline(wait)
    while True:
        found = await _move(request.user, directory, move)
        if found.step in ENDS or not await _waited(directory, deadline):
            return found


_CHANGES = {
    Operation.APP_STOP: stop_app,
    Operation.APP_START: start_app,
    Operation.APP_DELETE: delete_app,
}


async def _change(
    request: Asked, directory: Directory, operation: Operation, app: str, wait: float
) -> Response[bytes]:
    async def work(tx: Transaction) -> AppInFull:
        found = await found_app(tx, request.user, operation, app)
        await _CHANGES[operation](tx, found)
        return await shown_in_full(tx, await demand(tx, App, found.id))

    return await work_after_moves(request, directory, work, wait)


async def work_after_moves(
    request: Asked, directory: Directory, work: Work, wait: float
) -> Response[bytes]:
    """Do what no open move of the app allows, once there is none.

    Raises MoveInProgress where one has not ended after so many seconds.
    """
    deadline = _deadline(wait)
    while True:
        try:
            return await work_once(request, directory, work)
        except MoveInProgress:
            if not await _waited(directory, deadline):
                raise


async def _waited(directory: Directory, deadline: float) -> bool:
    """Wait for news, a moment at most; False where no more is to be waited."""
    left = deadline - monotonic()
    if left <= 0 or directory.ending.is_set():
        return False
    await directory.reported.wait(min(left, _LOOK_SECONDS))
    return True


def _planned(move: Move, note: str) -> Planned:
    return Planned(**msgspec.structs.asdict(move), note=note)


def _deadline(wait: float) -> float:
    # In this order, for then what is not a number is no wait.
    return monotonic() + max(0.0, min(wait, LONGEST_WAIT))


async def _move(caller: Caller, directory: Directory, move_id: str) -> Move:
    async with directory.store.reading() as reading:
        entry = await journal.move_by_id(reading, move_id)
        app = await reading.get(App, entry.move.app) if entry else None
    if entry is None or app is None or not caller.may(Operation.MOVE_SHOW, app.owner):
        raise NotFound(f"no move {move_id!r}: `domicile move list` names them all")
    return entry.move


async def found_app(
    reading: Reading, caller: Caller, operation: Operation, name: str
) -> App:
    """Find an app; another owner's is not found, like one that is not there."""
    app = await find_app(reading, name)
    if not caller.may(operation, app.owner):
        raise no_app(name)
    return app


ROUTES = (
    post_app, list_apps, show_app, post_stop, post_start, post_delete,
    post_move, post_withdrawal, list_moves, show_move,
)  # fmt: skip
