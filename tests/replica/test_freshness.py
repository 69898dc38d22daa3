"""Behind is: no feed answer for five seconds, as every process of the host sees it."""

import math
from pathlib import Path

import pytest

from domicile.replica.freshness import Freshness


class SetClock:
    """A clock that stands where the test puts it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


def test_without_any_answer_it_is_behind(tmp_path: Path, clock: SetClock) -> None:
    freshness = Freshness(tmp_path / "answered", writable=False, clock=clock)
    assert freshness.behind()
    assert freshness.age() == math.inf


def test_an_answer_is_fresh_for_five_seconds(tmp_path: Path, clock: SetClock) -> None:
    freshness = Freshness(tmp_path / "answered", writable=True, clock=clock)
    freshness.stamp()
    clock.now += 5.0
    assert not freshness.behind()
    clock.now += 0.1
    assert freshness.behind()
    freshness.stamp()
    assert not freshness.behind()


def test_a_stamp_from_the_future_counts_for_nothing(
    tmp_path: Path, clock: SetClock
) -> None:
    """The machine was started anew since."""
    freshness = Freshness(tmp_path / "answered", writable=True, clock=clock)
    freshness.stamp()
    clock.now -= 1.0
    assert freshness.behind()


def test_a_reader_sees_stamps_made_after_it_looked_first(
    tmp_path: Path, clock: SetClock
) -> None:
    reader = Freshness(tmp_path / "answered", writable=False, clock=clock)
    assert reader.behind()
    writer = Freshness(tmp_path / "answered", writable=True, clock=clock)
    writer.stamp()
    assert not reader.behind()
    clock.now += 60
    assert reader.behind()
    writer.stamp()
    assert reader.age() == 0


def test_a_writer_that_starts_again_keeps_the_stamp(
    tmp_path: Path, clock: SetClock
) -> None:
    Freshness(tmp_path / "answered", writable=True, clock=clock).stamp()
    again = Freshness(tmp_path / "answered", writable=True, clock=clock)
    assert not again.behind()
    again.stamp()
    assert (tmp_path / "answered").stat().st_size == 8


def test_a_file_that_is_too_short_is_as_good_as_none(
    tmp_path: Path, clock: SetClock
) -> None:
    (tmp_path / "answered").write_bytes(b"\0\0")
    assert Freshness(tmp_path / "answered", writable=False, clock=clock).behind()


def test_what_was_removed_is_made_anew_and_found_by_whoever_comes_and_who_was_there(
    tmp_path: Path, clock: SetClock
) -> None:
    """All of a replica may be removed under who serves from it."""
    file = tmp_path / "answered"
    follower = Freshness(file, writable=True, clock=clock)
    follower.stamp()
    old = Freshness(file, writable=False, clock=clock)
    assert not old.behind()
    file.unlink()
    follower.stamp()
    assert not Freshness(file, writable=False, clock=clock).behind()
    file.unlink()
    Freshness(file, writable=True, clock=clock).stamp()
    clock.now += 6
    assert old.behind()
    Freshness(file, writable=True, clock=clock).stamp()
    assert not old.behind()


def test_a_follower_whose_folder_is_gone_still_speaks_to_who_reads(
    tmp_path: Path, clock: SetClock
) -> None:
    folder = tmp_path / "replica"
    folder.mkdir()
    follower = Freshness(folder / "answered", writable=True, clock=clock)
    follower.stamp()
    reader = Freshness(folder / "answered", writable=False, clock=clock)
    assert not reader.behind()
    (folder / "answered").unlink()
    folder.rmdir()
    clock.now += 6
    assert reader.behind()
    follower.stamp()
    assert not reader.behind()
