"""How much memory processes hold while something happens."""

import contextlib
import threading
from pathlib import Path
from typing import NamedTuple

import psutil


class Growth(NamedTuple):
    """How much memory the processes held, in bytes: at most, and at the end."""

    at_most: int
    at_last: int


class Memory:
    """Watches the resident memory of a demo's processes while a block runs."""

    def __init__(self, demo):
        tree = psutil.Process(demo.process.pid).children(recursive=True)
        self._pids = [each.pid for each in tree]
        self._before = self._measure()
        self._most = dict(self._before)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        last = self._measure()
        self.growth = Growth(self._sum(self._most), self._sum(last))

    def _sum(self, measured):
        return sum(max(0, rss - self._before[pid]) for pid, rss in measured.items())

    def _watch(self):
        while not self._over.wait(0.05):
            for pid, rss in self._measure().items():
                self._most[pid] = max(rss, self._most[pid])

    def _measure(self):
        return {pid: resident(pid) for pid in self._pids}


def resident(pid):
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0
