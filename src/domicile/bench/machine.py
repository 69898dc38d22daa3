"""The machine that is measured on: its cores, its programs, its C compiler."""

import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from domicile.bench.errors import CannotMeasure

# Debian keeps servers where only root's PATH leads.
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


Say = Callable[[str], None]
"""Says a line to whoever watches."""


class Cores(NamedTuple):
    """Where the servers run, and where what loads them does."""

    server: int
    generator: int


def cores() -> Cores:
    """Give a core to each side; on a machine of one core they share it."""
    ours = sorted(os.sched_getaffinity(0))
    return Cores(ours[0], ours[-1])


def find(program: str) -> str | None:
    """Find a program, also where the PATH of users does not lead."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:{_SBIN}")


def require(program: str, package: str) -> str:
    found = find(program)
    if found is None:
        raise CannotMeasure(
            f"{program} is not installed, and it makes the load: on Debian, "
            f"apt install {package}"
        )
    return found


def build(source: Path, folder: Path) -> Path | None:
    """Compile a C program of one file; None where there is no compiler."""
    compiler = find("cc")
    if compiler is None:
        return None
    program = folder / source.stem
    command = [compiler, "-O2", "-o", str(program), str(source)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise CannotMeasure(f"{source.name} does not compile: {ran.stderr.strip()}")
    return program


def describe() -> str:
    """Say what the figures were measured on, without saying whose it is."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    count = len(os.sched_getaffinity(0))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    kernel = f"{platform.system()} {platform.release().partition('-')[0]}"
    return f"{count} cores of {model or platform.machine()}, {kernel}, {python}"
