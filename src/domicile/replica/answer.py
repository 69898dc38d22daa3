"""One answer of a feed, taken into a replica: all of it, or nothing.

A range is kept until its End and then written at once. A snapshot is written into a
copy beside as it arrives, which becomes current with its End. A range from 0 is as
good as a snapshot to a replica that asked for everything, or has no copy: even an empty
answer makes one, for without a copy nothing is known, and with an empty one all is.
"""

from domicile.errors import DomicileError
from domicile.model.changes import Change
from domicile.model.feed import FORMAT, BadFeed, Begin, End, Entry, Frame
from domicile.replica.replica import DoesNotJoin, Replica, Successor

_BATCH = 2000


class CutOff(DomicileError):
    """An answer without its End counts for nothing."""


class Answer:
    """Takes the frames of one answer; `finish` or `abandon` ends it."""

    __slots__ = (
        "_begin", "_changes", "_count", "_last", "_replica", "_successor", "changed",
        "complete", "from_start",
    )  # fmt: skip

    def __init__(self, replica: Replica, *, from_start: bool) -> None:
        self._replica = replica
        self.from_start = from_start
        self._begin: Begin | None = None
        self._changes: list[Change] = []
        self._count = 0
        self._last = 0
        self._successor: Successor | None = None
        self.complete = False
        self.changed = False

    def take(self, frame: Frame) -> None:
        """Take in the next frame; raises BadFeed, and DoesNotJoin."""
        if self.complete:
            raise BadFeed("a feed's answer goes on after its End")
        match frame:
            case Begin():
                self._take_begin(frame)
            case Entry(change):
                self._take_change(change)
            case End(count):
                self._take_end(count)

    def finish(self) -> None:
        """The stream is over; raises CutOff where its End is missing."""
        if not self.complete:
            raise CutOff(f"a feed's answer was cut off after {self._count} changes")

    def abandon(self) -> None:
        """Leave no trace of an answer that was not whole."""
        if self._successor is not None and not self.complete:
            self._successor.abandon()
            self._successor = None

    def _take_begin(self, begin: Begin) -> None:
        if self._begin is not None:
            raise BadFeed("a feed's answer has a second Begin")
        if begin.format != FORMAT:
            raise BadFeed(
                f"the feed has format {begin.format}, this version reads {FORMAT}"
            )
        self._begin = begin
        self._last = begin.after
        anew = self.from_start or self._replica.missing
        if begin.snapshot or (anew and begin.after == 0):
            self._successor = self._replica.start_over()
            return
        with self._replica.view() as view:
            serial = view.serial
        if self.from_start or begin.after != serial:
            raise DoesNotJoin(
                f"the feed answers with what comes after {begin.after},"
                f" and was asked for what comes after {serial}"
            )

    def _take_change(self, change: Change) -> None:
        begin = self._expect_begin()
        if change.serial > begin.up_to:
            raise BadFeed(
                f"change {change.serial} is beyond the answer's {begin.up_to}"
            )
        if not begin.snapshot:
            if change.serial <= self._last:
                raise BadFeed(f"change {change.serial} comes after {self._last}")
            self._last = change.serial
        self._count += 1
        self._changes.append(change)
        if self._successor is not None and len(self._changes) >= _BATCH:
            self._successor.add(self._changes)
            self._changes = []

    def _take_end(self, count: int) -> None:
        begin = self._expect_begin()
        if count != self._count:
            raise BadFeed(f"a feed's answer has {self._count} changes, not {count}")
        if self._successor is not None:
            self._successor.add(self._changes)
            self._successor.finish(begin.up_to, begin.chain)
            self.changed = True
        elif begin.up_to != begin.after or self._changes:
            self._replica.apply(self._changes, begin.up_to, begin.chain)
            self.changed = True
        self.complete = True

    def _expect_begin(self) -> Begin:
        if self._begin is None:
            raise BadFeed("a feed's answer does not start with a Begin")
        return self._begin
