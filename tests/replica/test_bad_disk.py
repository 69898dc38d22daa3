"""The system refuses writes at random, as a full or broken disk does: all or nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from domicile.model.records import Owner
from domicile.replica.replica import Replica

# Writes an owner with each serial, and asks for all anew where the copy is damaged.
WRITER = """
import sys
from pathlib import Path
from domicile.model.changes import Change
from domicile.model.records import (Owner, encode)
from domicile.replica.faults import DamagedReplica, NoRoom
from domicile.replica.replica import Replica

def change(serial):
    owner = Owner(f"owner-{serial}", "apps.test", "free" * 50)
    return Change(serial, "owner", owner.key, "", encode(owner), b"")

def mend():
    while True:
        now = replica.serial()
        if not replica.damage()[0]:
            return now
        try:
            replica.replace([change(n) for n in range(1, serial)], serial - 1, b"")
        except (NoRoom, DamagedReplica, OSError):
            pass

replica = Replica.open(Path(sys.argv[1]), writable=True)
refused, serial = 0, 1
while serial <= 120:
    try:
        replica.apply([change(serial)], serial, bytes(16))
    except (NoRoom, DamagedReplica, OSError):
        refused += 1
    # What was refused last may be no more than to know that all is on the disk.
    now = mend()
    assert now in (serial - 1, serial), (now, serial)
    serial = now + 1
print(refused)
"""


@pytest.mark.skipif(not shutil.which("fiu-run"), reason="fiu-run is not installed")
@pytest.mark.parametrize("point", ["posix/io/rw/pwrite*", "posix/io/sync/*"])
@pytest.mark.parametrize("errno", [28, 5])
def test_a_write_that_is_refused_leaves_the_replica_as_it_was(
    folder: Path, point: str, errno: int
) -> None:
    """ENOSPC and EIO, at one call in ten."""
    fault = f"enable_random name={point},probability=0.1,failinfo={errno}"
    told = subprocess.run(
        ["fiu-run", "-x", "-c", fault, sys.executable, "-c", WRITER, str(folder)],
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    replica = Replica.open(folder)
    with replica.view() as view:
        names = {each.name for each in view.all(Owner)}
        assert view.serial == 120
    assert names == {f"owner-{serial}" for serial in range(1, 121)}
    assert int(told.stdout) > 0
    replica.close()
