"""Whether the machine has room for so many names in so many servers."""

import shutil
from collections.abc import Collection
from pathlib import Path

import psutil

from domicile.bench.errors import CannotMeasure
from domicile.bench.makes import Make

# What each takes for a name, while it reads them; as measured at a million.
_BYTES_A_NAME = {
    Make.DOMICILE: 600,
    Make.FLOOR: 0,
    Make.KNOT: 350,
    Make.NSD: 360,
    Make.MIEKG: 700,
    Make.BIND: 340,
    Make.PDNS: 1150,
}
# The zone's file, our replica, and the questions.
_BYTES_ON_DISK = 800

_GIB = 2**30


def check_room(folder: Path, names: int, makes: Collection[Make]) -> None:
    """Raise CannotMeasure where memory or disk would run out on the way."""
    memory = names * sum(_BYTES_A_NAME[make] for make in makes)
    if memory > (free := psutil.virtual_memory().available):
        raise CannotMeasure(
            f"{names:,} names in {', '.join(sorted(makes))} take about "
            f"{memory / _GIB:.1f} GiB of memory, and {free / _GIB:.1f} are free: "
            "measure fewer at once, by --server"
        )
    disk = names * _BYTES_ON_DISK
    if disk > (free := shutil.disk_usage(folder).free):
        raise CannotMeasure(
            f"{names:,} names take about {disk / _GIB:.1f} GiB in {folder}, and "
            f"{free / _GIB:.1f} are free: name a roomier folder by TMPDIR"
        )
