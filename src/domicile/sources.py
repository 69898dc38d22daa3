"""Which of a module's two forms is imported: what Cython made of it, or its source.

A checkout has both, and what was compiled may be of sources that have changed since.
An in-place build therefore notes the digest of the sources it was of. While it is not
theirs, or DOMICILE_COMPILE is `off`, every module is imported from its source: compiled
ones fit only each other. What is installed from a wheel has no note, and nothing to ask.
"""

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import (
    SOURCE_SUFFIXES,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from pathlib import Path
from types import ModuleType

MODE = "DOMICILE_COMPILE"

_NOTE = "compiled.sha256"
_COMPILED = "*.so"


class Uncompiled(ImportError):
    """DOMICILE_COMPILE is `require`, and the sources are not what was compiled."""


class _Sources:
    """Finds every module of ours by its source."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if not name.startswith("domicile."):
            return None
        for folder in path or ():
            finder = FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES))
            if (found := finder.find_spec(name)) is not None:
                return found
        return None


def choose(package: Path) -> None:
    """Have modules imported by their sources where that is asked for, or due."""
    mode = os.environ.get(MODE, "auto")
    if mode != "off" and not is_stale(package):
        return
    if mode == "require":
        raise Uncompiled(
            f"{MODE} is `require`, and the sources have changed since they were"
            " compiled: run make compile"
        )
    sys.meta_path.insert(0, _Sources())


def is_stale(package: Path) -> bool:
    """Whether what was compiled in place was of other sources."""
    note = package / _NOTE
    return note.exists() and note.read_text() != digest(package)


def is_fresh(package: Path) -> bool:
    """Whether what there is was compiled in place, of the sources that there are."""
    return (package / _NOTE).exists() and not is_stale(package)


def digest(package: Path) -> str:
    """Give what tells the sources of all compiled modules from any others."""
    summed = hashlib.sha256()
    for source in _sources(package):
        summed.update(f"{source.relative_to(package)}\0".encode())
        summed.update(hashlib.sha256(source.read_bytes()).digest())
    return summed.hexdigest()


def begin_build(package: Path) -> str:
    """Remove what was compiled in place; until the end of the build nothing else is."""
    (package / _NOTE).write_text("being compiled")
    for compiled in package.rglob(_COMPILED):
        compiled.unlink()
    return digest(package)


def end_build(package: Path, of: str) -> None:
    """Note of which sources the modules are that were compiled in place, if any were."""
    note = package / _NOTE
    if any(package.rglob(_COMPILED)):
        note.write_text(of)
    else:
        note.unlink()


def _sources(package: Path) -> Iterator[Path]:
    """Give what is compiled: each module with declarations beside, and what is in C."""
    for declared in sorted(package.glob("*/*.pxd")):
        beside = (declared.with_suffix(each) for each in (".pxd", ".py", ".pyx"))
        yield from filter(Path.exists, beside)
    yield from sorted(package.glob("*/*.h"))
