"""The verbs about apps."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from domicile.cli.completion import completes
from domicile.cli.examples import examples
from domicile.cli.progress import bytes_of, harmless
from domicile.cli.session import (
    AsJson,
    Data,
    api,
    progress,
    say,
    say_step,
    show,
    show_rows,
)
from domicile.client.api import Api, Json
from domicile.client.following import follow_log
from domicile.client.paths import path_to
from domicile.client.recognition import recognise
from domicile.errors import DomicileError

app = typer.Typer(help="Apps, named hello.ada or by id.", no_args_is_help=True)

AppName = Annotated[
    str, typer.Argument(metavar="APP.OWNER|ID", autocompletion=completes("app"))
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Return once it is planned.")]

_EVENT = ("at", "event", "detail")
_COLUMNS = ("name", "owner", "cluster", "generation", "state", "id")


class BadArgument(DomicileError):
    """The command line has a value that cannot be used."""


class NotYet(DomicileError):
    """The cluster has not done it in time; it still will."""


@app.command(
    "deploy",
    epilog=examples(
        "domicile app deploy hello.ada ./hello",
        "domicile app deploy api.ada . --command 'python serve.py $HOST $PORT'",
        "domicile app deploy shop.bob ./shop --env COLOUR=red --to birch",
    ),
)
def deploy_app(
    name: Annotated[str, typer.Argument(metavar="APP.OWNER")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER")],
    command: Annotated[
        str,
        typer.Option(help="How sh shall start it at $HOST and $PORT [guessed]"),
    ] = "",
    env: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE")] = None,
    to: Annotated[
        str,
        typer.Option(
            metavar="CLUSTER",
            help="Overrides plans.",
            autocompletion=completes("cluster"),
        ),
    ] = "",
    no_wait: NoWait = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Deploy a folder as a new app, and wait until it serves.

    Without --command it is guessed, in this order, from: the web: line of a Procfile,
    a Flask app in app.py or wsgi.py, Express or a start script in package.json, an
    app.py, an index.html.
    """
    body = _deployment(name, folder, command, env or [], to)
    with api(data, ("owner", body["owner"]), ("cluster", to)) as opened:
        progress.doing(f"packing {folder}")
        planned = opened.deploy(body, folder, _show_sent)
        _say_note(planned)
        # Not before: what is refused is one line.
        say(f"uploaded {bytes_of(planned['size'])}; {name} goes to {planned['target']}")
        if not no_wait:
            opened.wait_for(planned, say_step)
        show(opened.get(f"/apps/{planned['app']}"), as_json)


@app.command("list", epilog=examples("domicile app list", "domicile app list --json"))
def list_apps(data: Data = None, as_json: AsJson = False) -> None:
    """List the apps."""
    with api(data) as opened:
        show_rows(opened.get("/apps")["rows"], _COLUMNS, as_json)


@app.command("show", epilog=examples("domicile app show hello.ada"))
def show_app(name: AppName, data: Data = None, as_json: AsJson = False) -> None:
    """Show an app: where it lives, and the hosts it answers to."""
    with api(data, ("app", name)) as opened:
        show(opened.get(path_to("app", name)), as_json)


@app.command(
    "move",
    epilog=examples(
        "domicile app move hello.ada --to birch",
        "domicile app move hello.ada --to amber --no-wait",
        "domicile app move hello.ada --to birch --at +10m",
    ),
)
def move_app(
    name: AppName,
    to: Annotated[
        str, typer.Option(metavar="CLUSTER", autocompletion=completes("cluster"))
    ],
    at: Annotated[
        str,
        typer.Option(metavar="TIME", help="Begin then: +10m, or 2030-01-31T14:30:00Z."),
    ] = "",
    no_wait: NoWait = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Move an app to another cluster; returns when the source has stopped it.

    A move of the app that has not ended yet is waited for. With --at it moves at that
    time, unless it is moved or deleted before, or `domicile move withdraw` says no.
    """
    with api(data, ("app", name), ("cluster", to)) as opened:
        path = path_to("app", name, "moves")
        body = {"to": to} | ({"at": at} if at else {})
        planned = opened.post_after_moves(path, body, say)
        _say_note(planned)
        ended = planned if no_wait or at else opened.wait_for(planned, say_step)
        show(ended, as_json)


@app.command("stop", epilog=examples("domicile app stop hello.ada"))
def stop_app(
    name: AppName, no_wait: NoWait = False, data: Data = None, as_json: AsJson = False
) -> None:
    """Stop an app where it is: its hosts answer 503 until it is started again."""
    with api(data, ("app", name)) as opened:
        stopped = opened.post_after_moves(path_to("app", name, "stop"), {}, say)
        show(stopped if no_wait else _wait(opened, stopped, "stopped"), as_json)


@app.command("start", epilog=examples("domicile app start hello.ada"))
def start_app(
    name: AppName, no_wait: NoWait = False, data: Data = None, as_json: AsJson = False
) -> None:
    """Start a stopped app again."""
    with api(data, ("app", name)) as opened:
        started = opened.post_after_moves(path_to("app", name, "start"), {}, say)
        show(started if no_wait else _wait(opened, started, "started"), as_json)


@app.command("delete", epilog=examples("domicile app delete hello.ada"))
def delete_app(
    name: AppName, no_wait: NoWait = False, data: Data = None, as_json: AsJson = False
) -> None:
    """Delete an app for good: its hosts answer 410 for a week, and then nothing."""
    with api(data, ("app", name)) as opened:
        deleted = opened.post_after_moves(path_to("app", name, "delete"), {}, say)
        show(deleted if no_wait else _wait(opened, deleted, "stopped"), as_json)


@app.command(
    "logs",
    epilog=examples(
        "domicile app logs hello.ada --lines 20",
        "domicile app logs hello.ada -f",
        "domicile app logs hello.ada -f --json | jq -r .line",
    ),
)
def show_log(
    name: AppName,
    lines: Annotated[int, typer.Option(help="How many of the last lines.")] = 100,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Print the end of what an app wrote, in the cluster where it lives.

    Followed, it goes on with each line that is written, also where the app moves; with
    --json each line is then an object of its own: app, cluster, line.
    """
    with api(data, ("app", name)) as opened:
        path = path_to("app", name, "logs")
        if not follow:
            _print_log(opened.get(path, lines=lines), as_json)
            return
        with suppress(KeyboardInterrupt):
            for log in follow_log(opened, path, lines, say):
                _print_lines(log, as_json)


@app.command(
    "events",
    epilog=examples(
        "domicile app events hello.ada",
        "domicile app events hello.ada --json | jq -r '.rows[-1].event'",
    ),
)
def show_events(name: AppName, data: Data = None, as_json: AsJson = False) -> None:
    """Show what befell an app lately in the cluster where it lives, the newest last.

    Such as: started, asleep, woken, lost (it crashed), failed, stopped, left.
    """
    with api(data, ("app", name)) as opened:
        found = opened.get(path_to("app", name, "events"))
        show_rows(found["rows"], _EVENT, as_json)


def _deployment(name: str, folder: Path, command: str, env: list[str], to: str) -> Json:
    """Give what the directory is asked for; raises BadArgument."""
    label, dot, owner_name = name.partition(".")
    if not dot:
        raise BadArgument(f"{name!r} is not <app>.<owner>, such as hello.ada")
    return {
        "owner": owner_name,
        "name": label,
        "command": command or _guess(folder),
        "environment": dict(_variable(each) for each in env),
        "to": to,
    }


def _show_sent(sent: int, size: int) -> None:
    """Show how far the upload is."""
    if not sent:
        progress.doing("uploading")
    progress.sent(sent, size)
    if sent == size:
        progress.doing(f"the directory stores {bytes_of(size)}")


def _print_log(log: Json, as_json: bool) -> None:
    if as_json:
        show(log, as_json=True)
    else:
        _print_lines(log, as_json)


def _print_lines(log: Json, as_json: bool) -> None:
    """Print each line as it is, or as an object; at once, whoever reads it.

    An app writes what it likes: to a terminal it gives no commands.
    """
    progress.end()
    show_line = harmless if sys.stdout.isatty() else str
    for line in log["lines"]:
        if as_json:
            show({"app": log["app"], "cluster": log["cluster"], "line": line}, as_json)
        else:
            print(show_line(line.removesuffix("\r")))
    sys.stdout.flush()


def _wait(opened: Api, wanted: Json, done: str) -> Json:
    """Wait until the cluster where the app lives has done it; raises NotYet."""
    progress.doing(f"{wanted['cluster']} is waited for: it is to have {done} it")
    app = opened.wait_until_done(wanted)
    place = app["cluster"]
    if place in app["waits_for"]:
        raise NotYet(
            f"{place} has not {done} {app['name']}.{app['owner']} yet and goes on "
            "with it as soon as it can: see `domicile status`"
        )
    for cluster in app["waits_for"]:
        say(f"{cluster} has not heard of it yet")
    return app


def _guess(folder: Path) -> str:
    guess = recognise(folder)
    say(
        f"guessed: {guess.kind}, started by `{guess.command}`; --command says otherwise"
    )
    return guess.command


def _say_note(planned: Json) -> None:
    """Say what the directory remarks on what it plans all the same."""
    if planned.get("note"):
        say(planned["note"])


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise BadArgument(f"--env {text!r} is not NAME=VALUE")
    return name, value
