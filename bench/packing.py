"""How long it takes to pack a replica that has grown, and how much memory.

    .venv/bin/python bench/packing.py 1000000

A replica of so many apps is written as a first copy is; then a twentieth is added, in
changes of a thousand each, as if over years; then it is packed.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from domicile.bench.names import ZONE, name_of
from domicile.bench.records import CLUSTER, fill, of_a_directory
from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import Placement, encode
from domicile.replica.packing import pack
from domicile.replica.replica import Replica

SHARE = 20
AT_ONCE = 1000
MB = 1_000_000


def main(names: int) -> None:
    with tempfile.TemporaryDirectory(prefix="domicile-packing-") as name:
        folder = Path(name)
        say(f"{names:,} apps: a replica is written")
        fill(folder, of_a_directory(names))
        replica = Replica.open(folder, writable=True)
        try:
            print(json.dumps({"names": names} | grow_and_pack(replica, folder, names)))
        finally:
            replica.close()


def grow_and_pack(replica: Replica, folder: Path, names: int) -> dict[str, float | str]:
    at_first = size(folder)
    say(f"{names // SHARE:,} are added")
    with replica.view() as view:
        serial = view.serial
    changes_to_come = added(names, serial)
    while changes := list(islice(changes_to_come, AT_ONCE)):
        replica.apply(changes, changes[-1].serial, NO_CHAIN)
    grown = size(folder)
    say("it is packed")
    begun, cpu = time.monotonic(), time.process_time()
    most = asyncio.run(pack_and_watch(replica))
    return {
        "at_first_mb": at_first,
        "grown_mb": grown,
        "packed_mb": size(folder),
        "seconds": round(time.monotonic() - begun, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "own_mb_at_most": most,
    }


async def pack_and_watch(replica: Replica) -> int:
    """Give the most memory that it took, in MB."""
    most = 0
    packing = asyncio.create_task(pack(replica))
    while not packing.done():
        most = max(most, own_memory())
        await asyncio.wait([packing], timeout=0.1)
    await packing
    return most


def added(names: int, serial: int) -> Iterator[Change]:
    """Give new apps, their names and ids anywhere among those that there are."""
    chance = random.Random(names)
    for number in range(names, names + names // SHARE):
        serial += 1
        beside = name_of(chance.randrange(names))
        app_id, app_name = name_of(number).id, f"{beside.app}-{number}"
        app = Placement(app_id, CLUSTER, 1, app_name, beside.owner, ZONE)
        yield Change(serial, app.kind, app.key, app.scope, encode(app), NO_CHAIN)


def size(folder: Path) -> int:
    """Give what its current copy takes on disk, in MB."""
    data = folder / "current" / "data.mdb"
    return round(data.stat().st_blocks * 512 / MB)


def own_memory() -> int:
    """Give the octets that this process has beside mapped files, in MB."""
    with Path("/proc/self/status").open(encoding="utf-8") as lines:
        (line,) = (each for each in lines if each.startswith("RssAnon:"))
    return round(int(line.split()[1]) * 1024 / MB)


def say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
