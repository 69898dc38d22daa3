"""What is done around the runs of a benchmark."""

import sys
from subprocess import Popen

import psutil

from domicile.bench.rounds import Load, measure

BUSY = """
import sys, time
from pathlib import Path
while time.process_time() < 2.5:
    pass
Path(sys.argv[1]).touch()
time.sleep(600)
"""


def test_a_server_is_loaded_once_it_is_at_rest(tmp_path):
    done = tmp_path / "done"
    warmed, seen = [], []

    def generate(name, number):
        seen.append((name, number, done.exists()))
        return Load(done=10, per_second=10.0, lost=1)

    with Popen([sys.executable, "-c", BUSY, str(done)]) as server:
        servers = {"one": psutil.Process(server.pid)}
        figures = measure(servers, warmed.append, generate, 2, "test")
        server.kill()
    assert warmed == ["one"]
    assert seen == [("one", 1, True), ("one", 2, True)]
    assert figures["one"].lost == 2
