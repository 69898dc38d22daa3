"""A data file that is shorter than its pages is refused before it is mapped."""

from pathlib import Path

import pytest

from domicile.model.records import Owner
from domicile.replica.faults import DamagedReplica
from domicile.replica.replica import Replica

CHAIN = b"c" * 16


def owner(name: str) -> Owner:
    return Owner(name, "apps.test", "free")


@pytest.mark.parametrize("size", [0, 100, 4096, 8192, -4096])
def test_a_truncated_file_is_refused(
    folder: Path, replica: Replica, change_of, size: int
) -> None:
    """LMDB itself would die of SIGBUS."""
    replica.apply([change_of(n, owner(f"o{n}")) for n in range(1, 500)], 499, CHAIN)
    replica.close()
    data = folder / "current" / "data.mdb"
    keep = data.stat().st_size + size if size < 0 else size
    with data.open("r+b") as file:
        file.truncate(keep)
    with pytest.raises(DamagedReplica):
        Replica.open(folder, writable=True)
    Replica.set_aside(folder)
    again = Replica.open(folder, writable=True)
    again.apply([change_of(1, owner("alice"))], 1, CHAIN)
    with again.view() as view:
        assert view.owner("alice") is not None
    again.close()
