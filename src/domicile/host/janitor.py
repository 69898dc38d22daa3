"""Cleans up after who was killed: `python -m domicile.host.janitor DATA`.

It is a session of its own, so what is sent to the group of who runs the folder, such as
a demo, does not reach it. That one holds the other end of its stdin and never writes:
however it dies, the kernel closes that end. The janitor holds the folder's lock as
well, so the next one waits until it is done.
"""

import signal
import subprocess
import sys
from pathlib import Path

from domicile.host.ending import end_all
from domicile.host.lock import note_ending


class Janitor:
    """What who runs the folder has of it."""

    def __init__(self, data: Path, lock: int) -> None:
        self._data = data
        self._lock = lock
        self._start()

    def _start(self) -> None:
        with (self._data / "logs" / "janitor.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "domicile.host.janitor", str(self._data)],
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
    """Wait for the death of who runs the folder, and end what is left."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Who wants it gone ends who runs the folder.
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    note_ending(data)
    end_all(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
