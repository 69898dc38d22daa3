"""The folders of the sample apps, as they are deployed.

Most are deployed from where they lie. A Node app needs what npm installs into it, and
that goes into a copy: nothing is written where Domicile is installed. Where there is no
npm, or it reaches no registry, the demo goes on without that app.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import domicile
from domicile.errors import DomicileError

APPS = Path(domicile.__file__).parent / "demo" / "apps"

# Its own cache, so that nothing is written outside the demo's folder; no scripts of
# packages are run, and no more is asked for than the packages of the lock file.
_INSTALL = (
    "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier",
    "--fetch-retries=1", "--fetch-retry-mintimeout=1000",
)  # fmt: skip

Run = Callable[[Sequence[str], Path], str]
"""Runs a command in a folder to its end; gives what it said where it failed."""


class LeftOut(DomicileError):
    """A sample app cannot be deployed here."""


def needs_npm(name: str) -> bool:
    return (APPS / name / "package.json").is_file()


def lay_out(name: str, samples: Path, run: Run) -> Path:
    """Give the folder to deploy, made ready in `samples` if need be; raises LeftOut."""
    if not needs_npm(name):
        return APPS / name
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            raise LeftOut(f"{tool} is not installed")
    folder = samples / name
    # npm writes this last.
    if not (folder / "node_modules" / ".package-lock.json").exists():
        shutil.copytree(APPS / name, folder, dirs_exist_ok=True)
        if failure := run((*_INSTALL, f"--cache={samples / '.npm'}"), folder):
            raise LeftOut(f"npm could not install its packages: {failure}")
    return folder
