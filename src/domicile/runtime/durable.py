"""Files that are there whole or not at all, also after a crash."""

import os
from pathlib import Path


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file: write beside it, fsync, rename."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    move_durably(beside, path)


def move_durably(source: Path, target: Path) -> None:
    """Rename within one file system, and have the folder know it after a crash."""
    source.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
