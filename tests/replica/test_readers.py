"""Readers of other processes: what they held is let go when they are killed, and told."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domicile.model.records import Owner
from domicile.replica.replica import Replica

CHAIN = b"c" * 16
READER = """
import sys
from pathlib import Path
from domicile.replica.replica import Replica
with Replica.open(Path(sys.argv[1])).view() as view:
    print(view.serial, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def read(folder: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start a process that keeps a view open."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(reader)
        assert reader.stdout is not None
        reader.stdout.readline()
        return reader

    yield start
    for reader in started:
        reader.kill()
        reader.communicate()


@pytest.fixture
def write(replica: Replica, change_of) -> Callable[[int], None]:
    """Write one owner again and again, a serial each time."""

    def apply(times: int) -> None:
        first = replica.serial() + 1
        for serial in range(first, first + times):
            owner = Owner("alice", "apps.test", "free" * 100)
            replica.apply([change_of(serial, owner)], serial, CHAIN)

    return apply


def readers_of(replica: Replica) -> str:
    assert replica._copy is not None
    told: str = replica._copy._env.readers()
    return told


def test_what_killed_readers_held_is_let_go(replica: Replica, read, write) -> None:
    """They would keep the pages of their transaction for ever, and their slots."""
    write(1)
    readers = [read() for _ in range(3)]
    write(5)
    assert replica.look_after_readers() == 5
    for reader in readers:
        reader.kill()
        reader.wait()
    slots = [str(reader.pid) for reader in readers]
    assert all(pid in readers_of(replica) for pid in slots)
    assert replica.look_after_readers() == 0
    assert not any(pid in readers_of(replica) for pid in slots)


def test_a_long_reader_makes_the_file_grow_until_it_ends(
    folder: Path, replica: Replica, read, write, monkeypatch
) -> None:
    # What was touched last is noted, up to a number.
    monkeypatch.setattr("domicile.replica.copy._MOST_TOUCHED", 100)

    def size() -> int:
        return (folder / "current" / "data.mdb").stat().st_size

    write(200)
    settled = size()
    write(200)
    assert size() == settled
    reader = read()
    write(200)
    assert replica.look_after_readers() == 200
    grown = size()
    assert grown > settled
    reader.communicate()
    assert replica.look_after_readers() == 0
    write(200)
    assert size() == grown


def test_without_a_copy_there_are_no_readers(tmp_path: Path) -> None:
    replica = Replica.open(tmp_path / "none", writable=True)
    assert replica.look_after_readers() == 0
