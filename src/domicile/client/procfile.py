"""How a folder's app is started, where nobody says it."""

import re
from pathlib import Path
from typing import NamedTuple

_WEB = re.compile(r"web:\s*(\S.*)")


class Guess(NamedTuple):
    """A command for sh, and the file that it was told by."""

    command: str
    source: str


def guess_command(folder: Path) -> Guess | None:
    """Give the Procfile's `web` process, or an app.py run by Python."""
    procfile = folder / "Procfile"
    if procfile.is_file():
        for line in procfile.read_text(encoding="utf-8", errors="replace").splitlines():
            if match := _WEB.match(line):
                return Guess(match[1].strip(), "Procfile")
    if (folder / "app.py").is_file():
        return Guess("python app.py", "app.py")
    return None
