"""The machine that is measured on: its cores, its programs, its C compiler."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from domicile.bench.errors import CannotMeasure

# Debian keeps servers where only root's PATH leads.
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
_GO_LIBRARIES = Path("/usr/share/gocode")

Say = Callable[[str], None]
"""Says a line to whoever watches."""


class Cores(NamedTuple):
    """Where the servers run, and where what loads them does."""

    server: int
    generator: int


class Memory(NamedTuple):
    """What all processes of a server have, in MiB, and how much of it the largest.

    `pss` counts what several share once; `anon` is what no file backs, as a mapped
    replica does.
    """

    pss: float
    anon: float


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
    run_to_end([compiler, "-O2", "-o", str(program), str(source)])
    return program


def build_go(source: Path, folder: Path, library: str) -> Path | None:
    """Compile a Go program of one file; None without Go, or Debian's package of a library."""
    compiler = find("go")
    if compiler is None or not (_GO_LIBRARIES / "src" / library).exists():
        return None
    program = folder / source.stem
    # Nothing is fetched: what it needs is what Debian has.
    offline = {"GO111MODULE": "off", "GOPATH": str(_GO_LIBRARIES), "GOFLAGS": ""}
    cache = {} if "HOME" in os.environ else {"GOCACHE": str(folder / "cache")}
    command = [compiler, "build", "-o", str(program), str(source)]
    run_to_end(command, {**os.environ, **offline, **cache})
    return program


def run_to_end(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> None:
    """Run what makes something that is needed; raises CannotMeasure."""
    ran = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise CannotMeasure(f"{' '.join(command)} failed: {ran.stderr.strip()}")


def memory(process: psutil.Process) -> Memory:
    """Give what a server and all its children have of the memory now."""
    together, largest = 0.0, 0.0
    for each in (process, *process.children(recursive=True)):
        with suppress(OSError):
            proc = Path("/proc", str(each.pid))
            together += _mib(proc / "smaps_rollup", "Pss")
            largest = max(largest, _mib(proc / "status", "RssAnon"))
    return Memory(round(together, 1), round(largest, 1))


def _mib(file: Path, key: str) -> float:
    found = re.search(rf"^{key}:\s+(\d+) kB$", file.read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


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
