"""How a folder's app is started, where nobody says it: told by the files it has.

The table at the end says what is looked for, and what goes before what.
"""

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from domicile.errors import DomicileError

_WEB = re.compile(r"web:\s*(\S.*)")
# PEP 508: a requirement begins with the name of what is required.
_REQUIRED = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_FLASK_MODULES = ("app", "wsgi")
_FLASK_NAMES = frozenset({"app", "application", "create_app", "make_app"})


class Guess(NamedTuple):
    """A command for sh, and what kind of app it was guessed for."""

    command: str
    kind: str


class NotRecognised(DomicileError):
    """Nothing in the folder says how the app is started."""


def recognise(folder: Path) -> Guess:
    """Guess how the folder's app is started; raises NotRecognised."""
    how = f"how shall {folder} be started?"
    try:
        if not folder.is_dir():
            raise NotRecognised(f"{how} There is no such folder")
        for each in _KINDS:
            if guess := each.guess(folder):
                return guess
    except OSError as error:
        raise NotRecognised(
            f"{how} {error.filename or folder} cannot be read: {error.strerror}"
        ) from error
    looked_for = ", ".join(each.looked_for for each in _KINDS)
    raise NotRecognised(f"{how} It has none of {looked_for}: say it by --command")


def _procfile(folder: Path) -> Guess | None:
    for line in _text_of(folder / "Procfile").splitlines():
        if match := _WEB.match(line):
            return Guess(match[1].strip(), "the web: line of a Procfile")
    return None


def _flask(folder: Path) -> Guess | None:
    """Find the module with the application, read and not run.

    Where Flask is declared, the module need not import it: it may import the app.
    """
    declared = "flask" in _python_requirements(folder)
    for module in _FLASK_MODULES:
        file = folder / f"{module}.py"
        bound, imported = _top_level(file) if file.is_file() else (set(), set())
        if bound & _FLASK_NAMES and (declared or "flask" in imported):
            command = f"python -m flask --app {module} run --host $HOST --port $PORT"
            return Guess(command, f"a Flask app in {module}.py")
    return None


def _express(folder: Path) -> Guess | None:
    package = _node_package(folder)
    if "express" not in _table(package, "dependencies"):
        return None
    main = package.get("main")
    file = main if isinstance(main, str) and main else "index.js"
    command = _npm_start(package) or f"node {shlex.quote(file)}"
    return _with_modules(folder, package, Guess(command, "an Express app"))


def _node(folder: Path) -> Guess | None:
    package = _node_package(folder)
    if not (command := _npm_start(package)):
        return None
    return _with_modules(folder, package, Guess(command, "a Node app"))


def _python(folder: Path) -> Guess | None:
    found = (folder / "app.py").is_file()
    return Guess("python app.py", "a Python program in app.py") if found else None


def _static(folder: Path) -> Guess | None:
    found = (folder / "index.html").is_file()
    command = "python -m http.server --bind $HOST $PORT"
    return Guess(command, "a static folder with index.html") if found else None


def _text_of(file: Path) -> str:
    """Give what is in a file, without a byte order mark; nothing where there is none."""
    if not file.is_file():
        return ""
    return file.read_text(encoding="utf-8-sig", errors="replace")


def _top_level(file: Path) -> tuple[set[str], set[str]]:
    """Give the names a module binds at its top level, and the packages it imports."""
    bound: set[str] = set()
    imported: set[str] = set()
    try:
        body = ast.parse(file.read_bytes()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return bound, imported  # what starts it says best what is wrong with it
    for each in body:
        match each:
            case ast.Import(names=names):
                imported |= {name.name.partition(".")[0] for name in names}
            case ast.ImportFrom(module=module, names=names):
                imported.add((module or "").partition(".")[0])
                bound |= {name.asname or name.name for name in names}
            case ast.FunctionDef(name=name):
                bound.add(name)
            case ast.Assign(targets=targets):
                bound |= {each.id for each in targets if isinstance(each, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                bound.add(name)
    return bound, imported


def _python_requirements(folder: Path) -> set[str]:
    """Give the names that requirements.txt and pyproject.toml declare."""
    lines = _text_of(folder / "requirements.txt").splitlines()
    try:
        project = tomllib.loads(_text_of(folder / "pyproject.toml"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _unreadable(folder / "pyproject.toml", f"TOML: {error}") from error
    declared = _table(project, "project").get("dependencies", [])
    if isinstance(declared, list):
        lines += [each for each in declared if isinstance(each, str)]
    return {match[1].lower() for match in map(_REQUIRED.match, lines) if match}


def _node_package(folder: Path) -> dict[str, Any]:
    text = _text_of(folder / "package.json")
    try:
        package = json.loads(text) if text else {}
    except (json.JSONDecodeError, RecursionError) as error:
        raise _unreadable(folder / "package.json", f"JSON: {error}") from error
    return package if isinstance(package, dict) else {}


def _npm_start(package: dict[str, Any]) -> str:
    return "npm start" if _table(package, "scripts").get("start") else ""


def _with_modules(folder: Path, package: dict[str, Any], guess: Guess) -> Guess:
    """Go on only with what the app needs: no cluster installs it; raises NotRecognised."""
    if _table(package, "dependencies") and not (folder / "node_modules").is_dir():
        raise NotRecognised(
            f"{folder} is {guess.kind} without its node_modules, which are deployed "
            "with it: run `npm install` there first, or say by --command how it starts"
        )
    return guess


def _table(record: dict[str, Any], key: str) -> dict[str, Any]:
    found = record.get(key)
    return found if isinstance(found, dict) else {}


def _unreadable(file: Path, why: str) -> NotRecognised:
    return NotRecognised(
        f"{file} is no {why}: correct it, or say by --command how the app starts"
    )


class _Kind(NamedTuple):
    """A kind of app: what is looked for, and who looks."""

    looked_for: str
    guess: Callable[[Path], Guess | None]


# The first that is found is taken: what was written for us goes before what we infer,
# and a page that anything may have goes last.
_KINDS = (
    _Kind("a Procfile with a web: line", _procfile),
    _Kind("a Flask app in app.py or wsgi.py", _flask),
    _Kind("a package.json with express", _express),
    _Kind("a package.json with a start script", _node),
    _Kind("an app.py", _python),
    _Kind("an index.html", _static),
)
