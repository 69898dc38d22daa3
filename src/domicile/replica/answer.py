"""One answer of a feed, taken into a replica: all of it, or nothing.

A range is kept until its End and then written at once. A snapshot is written into a
copy beside as it arrives, which becomes current with its End. A range from 0 is as
good as a snapshot to a replica that asked for everything, or has no copy: even an empty
answer makes one, for without a copy nothing is known, and with an empty one all is.
"""

import logging
from collections import Counter
from typing import NamedTuple

from domicile.errors import DomicileError
from domicile.model.changes import Change
from domicile.model.feed import FORMAT, BadFeed, Begin, End, Entry, Frame
from domicile.model.records import Consent
from domicile.replica import guard
from domicile.replica.faults import ReplicaFault
from domicile.replica.replica import DoesNotJoin, Replica
from domicile.replica.successor import Successor

_BATCH = 2000

_logger = logging.getLogger(__name__)


class CutOff(DomicileError):
    """An answer without its End counts for nothing."""


class Arrival(NamedTuple):
    """How far a new copy is: so many records came and were written, of so many.

    `expected` is 0 where nobody knows.
    """

    came: int
    written: int
    expected: int


class Answer:
    """Takes the frames of one answer; `finish` or `abandon` ends it."""

    __slots__ = (
        "_begin", "_changes", "_consents", "_count", "_counts", "_last", "_live", "_replica",
        "_successor", "changed", "complete", "digest", "from_start",
    )  # fmt: skip

    def __init__(self, replica: Replica, *, from_start: bool) -> None:
        self._replica = replica
        self.from_start = from_start
        self._begin: Begin | None = None
        self._changes: list[Change] = []
        self._count = 0
        self._last = 0
        self._successor: Successor | None = None
        self._consents: list[Change] = []
        self._counts: Counter[str] = Counter()
        self._live: set[tuple[str, str]] = set()
        self.digest = b""
        self.complete = False
        self.changed = False

    @property
    def is_anew(self) -> bool:
        """Whether it replaces all that there was."""
        return self._successor is not None

    @property
    def arrival(self) -> Arrival | None:
        """How far it is, while it replaces all that there was."""
        if self._successor is None or self._begin is None or self.complete:
            return None
        return Arrival(self._count, self._successor.written, self._begin.count)

    def take(self, frame: Frame) -> None:
        """Take in the next frame; raises BadFeed, DoesNotJoin, and HeldBack."""
        if self.complete:
            raise BadFeed("a feed's answer goes on after its End")
        match frame:
            case Begin():
                self._take_begin(frame)
            case Entry(change):
                self._take_change(change)
            case End(count, digest):
                self._take_end(count)
                self.digest = digest

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
        self._count_in(begin, change)
        if change.kind == Consent.kind:
            self._consents.append(change)
        if self._successor is not None and len(self._changes) >= _BATCH:
            self._successor.add(self._changes)
            self._changes = []

    def _count_in(self, begin: Begin, change: Change) -> None:
        """Count the records of each kind that there will be in a new copy."""
        if begin.snapshot:
            self._counts[change.kind] += 1
        elif self._successor is not None:
            known = (change.kind, change.key) in self._live
            if change.value is None:
                self._live.discard((change.kind, change.key))
            else:
                self._live.add((change.kind, change.key))
            self._counts[change.kind] += (change.value is not None) - known

    def _take_end(self, count: int) -> None:
        begin = self._expect_begin()
        if count != self._count:
            raise BadFeed(f"a feed's answer has {self._count} changes, not {count}")
        self._guard()
        if self._successor is not None:
            self._successor.add(self._changes)
            self._successor.finish(begin.up_to, begin.chain)
            self.changed = True
        elif begin.up_to != begin.after or self._changes:
            self._replica.apply(self._changes, begin.up_to, begin.chain)
            self.changed = True
        self.complete = True

    def _guard(self) -> None:
        """Raise HeldBack where too much would go and nobody has said that it may."""
        try:
            with self._replica.view() as view:
                if guard.consents(self._consents, view.chain):
                    return
                if self._successor is None:
                    guard.look_at_range(view, self._changes)
                else:
                    guard.look_at_snapshot(view, self._counts)
        except ReplicaFault as fault:
            # What cannot be read is not served on either.
            _logger.warning("what an answer takes away cannot be told: %s", fault)

    def _expect_begin(self) -> Begin:
        if self._begin is None:
            raise BadFeed("a feed's answer does not start with a Begin")
        return self._begin
