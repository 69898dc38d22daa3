"""How a user calls us, for lines to paste."""

import shlex
import shutil
import sys
from pathlib import Path

from domicile.client.access import DEFAULT_DATA


def our_command(started: str, here: Path) -> str:
    """Say how a user calls us: by name where PATH leads here, else by path."""
    path = Path(started).absolute()
    if path.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m domicile"
    found = shutil.which(path.name)
    if found and Path(found).absolute() == path:
        return path.name
    return shlex.quote(
        str(path.relative_to(here) if path.is_relative_to(here) else path)
    )


def of_folder(data: Path) -> str:
    """Give the option by which a verb is told of a data folder, if it needs one."""
    return (
        "" if data == DEFAULT_DATA.absolute() else f" --data {shlex.quote(str(data))}"
    )
