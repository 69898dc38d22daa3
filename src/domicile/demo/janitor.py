"""Cleans up after a demo that was killed: `python -m domicile.demo.janitor DATA`.

It is a session of its own, so what is sent to the demo's group does not reach it. The
demo holds the other end of its stdin and never writes: however the demo dies, the
kernel closes that end. The janitor holds the folder's lock as well, so the next demo
waits until it is done.
"""

import signal
import subprocess
import sys
from pathlib import Path

from domicile.demo.ending import end_all
from domicile.demo.lock import note_ending


class Janitor:
    """The demo's hold on it."""

    def __init__(self, data: Path, lock: int) -> None:
        self._data = data
        self._lock = lock
        self._start()

    def _start(self) -> None:
        with (self._data / "logs" / "janitor.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "domicile.demo.janitor", str(self._data)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[self._lock],
                start_new_session=True,
            )

    def keep(self) -> None:
        """Start it again if somebody has ended it."""
        if self._process.poll() is not None:
            self.dismiss()
            self._start()

    def dismiss(self) -> None:
        """Let it go: nothing is left to clean."""
        with self._process as process:
            process.kill()


def main(data: Path) -> None:
    """Wait for the demo's death, and end what it has left."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Its signals are the demo's to get: who wants it gone ends the demo.
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    note_ending(data)
    end_all(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
