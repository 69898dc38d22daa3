"""The memory of services while something large goes through them."""

import contextlib
from collections.abc import Collection
from threading import Event, Thread
from types import TracebackType
from typing import Self

import psutil

_LOOK_SECONDS = 0.05


class Memory:
    """Watches, for a block, by how much the processes of services grow in all."""

    def __init__(self, parents: Collection[int]) -> None:
        self._processes = [
            process
            for pid in parents
            for parent in [psutil.Process(pid)]
            for process in (parent, *parent.children(recursive=True))
        ]
        self._over = Event()
        self._thread = Thread(target=self._watch, name="memory", daemon=True)
        self._before = self._resident()
        self._most = self._before

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def growth(self) -> int:
        """Give the bytes by which they were larger than before, at most."""
        return self._most - self._before

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self._most = max(self._most, self._resident())

    def _resident(self) -> int:
        total = 0
        for each in self._processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += each.memory_info().rss
        return total
