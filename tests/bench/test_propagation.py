"""Changes of a real directory, waited for at each worker of a real name server."""

import psutil
import pytest

from domicile.bench.errors import CannotMeasure
from domicile.bench.moves import Move
from domicile.bench.names import host_of
from domicile.bench.nameservers import Wanted
from domicile.bench.propagation import Directory, Prober
from domicile.clock import monotonic

NAMES, WORKERS = 500, 3


@pytest.fixture
def directory(folder, processes):
    return Directory(folder / "directory", NAMES, processes)


@pytest.fixture
def ours(folder, start, directory):
    wanted = Wanted(
        folder, directory=directory.url, token=directory.token, workers=WORKERS
    )
    return start(wanted, "domicile")["domicile"]


def test_every_worker_answers_what_was_committed(directory, ours):
    with Prober(ours.port, ours.process, WORKERS) as prober:
        seen = prober.watch(directory.change(2.0, 20))
        assert 0 < len(seen.delays) <= seen.changes <= 40
        assert all(0 < each < 5 for each in seen.delays)
        assert seen.asked >= WORKERS * len(seen.delays)
        again = prober.watch(directory.change(0.5, 20))
        assert 0 < again.changes <= 10


def test_what_is_never_answered_counts_with_the_longest_wait(ours, monkeypatch):
    monkeypatch.setattr("domicile.bench.propagation._LONGEST", 0.3)
    never = Move(host_of(0), "192.0.2.1", monotonic())
    with Prober(ours.port, ours.process, WORKERS) as prober:
        (delay,) = prober.watch([never]).delays
    assert delay >= 0.3


def test_workers_that_do_not_exist_are_not_waited_for(ours, monkeypatch):
    monkeypatch.setattr("domicile.bench.propagation._TRIES", 40)
    with pytest.raises(CannotMeasure, match="only 3 of 4 workers"):
        Prober(ours.port, ours.process, WORKERS + 1)


def test_a_directory_that_cannot_start_is_one_clear_line(folder, processes):
    (folder / "directory").write_text("in the way")
    with pytest.raises(CannotMeasure, match=r"the directory does not start: .*Exists"):
        Directory(folder / "directory", NAMES, processes)


def test_a_change_is_not_answered_until_the_last_worker_does(
    directory, ours, monkeypatch
):
    monkeypatch.setattr("domicile.bench.propagation._LONGEST", 0.7)
    with Prober(ours.port, ours.process, WORKERS) as prober:
        last = psutil.Process(list(prober._sockets)[-1])
        last.suspend()
        try:
            seen = prober.watch(directory.change(0.1, 10))
        finally:
            last.resume()
    assert seen.delays[0] >= 0.7
