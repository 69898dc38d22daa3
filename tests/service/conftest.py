"""Real parents: a script in a process of its own, whose lines a test reads."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap

import pytest


class Script:
    """A running script. Its output ends when it and all its children have ended."""

    def __init__(self, source, log):
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(source)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )

    def lines(self, count):
        return [self.process.stdout.readline().split() for _ in range(count)]

    def rest(self):
        return self.process.stdout.read()


@pytest.fixture
def start(tmp_path):
    started = []

    def start(source):
        with (tmp_path / "stderr").open("ab") as log:
            started.append(Script(source, log))
        return started[-1]

    yield start
    for script in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(script.process.pid, signal.SIGKILL)
        script.rest()
        script.process.wait()
        script.process.stdout.close()
