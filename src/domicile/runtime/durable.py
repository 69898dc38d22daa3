"""Files that are there whole or not at all, also after a crash."""

import os
import secrets
from functools import partial
from pathlib import Path
from typing import BinaryIO


def write_durably(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Replace a file: write beside it, fsync, rename; `mode` is cut by the umask."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(beside, "xb", opener=partial(os.open, mode=mode)) as file:
            file.write(data)
            sync(file)
        move_durably(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def make_private(folder: Path) -> None:
    """Have a folder, be it there already, that nobody else of this machine looks into."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def sync(file: BinaryIO) -> None:
    """Wait until the disk has what was written."""
    file.flush()
    os.fsync(file.fileno())


def move_durably(source: Path, target: Path) -> None:
    """Rename within one file system, and have the folder know it after a crash."""
    source.replace(target)
    _sync_path(target.parent)


def sync_tree(folder: Path) -> None:
    """Wait until the disk has all files and folders in it, and itself."""
    for each in folder.rglob("*"):
        if not each.is_symlink():
            _sync_path(each)
    _sync_path(folder)


def _sync_path(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
