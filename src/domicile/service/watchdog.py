"""Whether a child hangs: the parent's judgement, by the child's beats.

Only looks in vain are counted, one a second, so a machine that is merely overloaded,
where the parent comes to look as rarely as the child to beat, has its children killed
no sooner. Nor is anybody judged who waits for a disk, for a kill would come into effect
with the disk's answer, or who is held by a debugger.
"""

import signal
from typing import Final

from domicile.runtime import proctable
from domicile.service.beats import Beat

BETWEEN_LOOKS = 1.0

_PATIENCE = 10
"""Looks in vain. A loop's longest work is a batch, far below a second; and clients wait
no longer than that."""

_PATIENCE_AT_START = 60
"""Before the first beat: what is done without a loop may take long, but not for ever."""

_LAST_WORDS = 3
"""Looks between SIGABRT, at which the child writes where it hangs, and SIGKILL."""

_EXCUSED: Final = frozenset("Dt")


class Watchdog:
    """Watches one child, over its lives."""

    __slots__ = ("_beat", "_in_vain", "_seen", "barked")

    def __init__(self, beat: Beat) -> None:
        self._beat = beat
        self.start()

    def start(self) -> None:
        """A child is about to be forked."""
        self._beat.reset()
        self._seen = 0
        self._in_vain = 0
        self.barked = False

    def look(self, pid: int) -> signal.Signals | None:
        """Give what a child that hangs is to be sent, and None to all others."""
        count = self._beat.count
        if count != self._seen:
            self._seen, self._in_vain = count, 0
            return None
        if _is_excused(pid):
            return None
        self._in_vain += 1
        late = self._in_vain - (_PATIENCE if count else _PATIENCE_AT_START)
        if late < 0:
            return None
        self.barked = True
        return signal.SIGABRT if late < _LAST_WORDS else signal.SIGKILL


def _is_excused(pid: int) -> bool:
    stat = proctable.look_up(pid)
    return stat is not None and stat.state in _EXCUSED
