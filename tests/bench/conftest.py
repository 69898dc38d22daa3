"""Where a benchmark puts what is temporary, and what of it is left."""

import tempfile
from pathlib import Path

import pytest

from domicile.bench.nameservers import answers, servers
from domicile.bench.processes import Processes
from domicile.bench.serving import Start, serve


@pytest.fixture
def folder(monkeypatch):
    """Short, for peers put sockets there."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        monkeypatch.setenv("TMPDIR", name)
        yield Path(name)


@pytest.fixture
def processes(folder):
    with Processes(folder) as started:
        yield started


@pytest.fixture
def start(folder, processes):
    """Start those name servers of these names that are installed."""

    def begin(wanted, *names):
        chosen = [each for make, each in servers(wanted).items() if make in names]
        return serve(chosen, Start(folder, processes, answers, print))

    return begin
