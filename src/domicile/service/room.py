"""Whether a service's disk has room left: looked at, so that it is told before it is full.

Nothing is lost on a full disk, and what is served goes on; but nothing new is taken in.
"""

import shutil
from pathlib import Path

_LEAST = 8 * 1024 * 1024
"""In bytes: a range of changes, a store's log, a small replica beside the current one."""


def lack_of_room(folder: Path) -> str:
    """Say that a folder's disk is full, or nearly; nothing where it is not."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return f"{folder} cannot be looked at: {error.strerror}"
    if free >= _LEAST:
        return ""
    return (
        f"there is no room: {folder} has {free / 2**20:.1f} MiB left, and"
        f" {_LEAST // 2**20} are needed"
    )
