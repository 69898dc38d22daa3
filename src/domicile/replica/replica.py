"""A replica: a folder with one current copy, and the swap to a new one.

    <folder>/current    symbolic link to the copy that is served from
    <folder>/copy-5f…   an LMDB environment; no two ever had one name
    <folder>/answered   when the follower last had an answer

A snapshot is written into a new copy beside and becomes current by one rename; whoever
reads notices at its next view. One process writes; within a process a replica is opened
once, and after a fork.

A copy that is found damaged is served from on, for what can still be read in it, as one
that is behind: nobody gets a confident no from it. Readers say which copy it is, and
the one that writes follows a new one beside. So it is where files were removed: who has
the copy open serves from it on, and who has none is behind.
"""

import logging
import os
import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from domicile.clock import Clock, monotonic
from domicile.errors import DomicileError
from domicile.model.changes import Change
from domicile.replica.copy import Copy
from domicile.replica.faults import DamagedReplica
from domicile.replica.freshness import Freshness
from domicile.replica.layout import FORMAT
from domicile.replica.packed import Packed
from domicile.replica.successor import Successor, flush_folder
from domicile.replica.view import View

_CURRENT = "current"
_PREFIX = "copy-"
_ASIDE = "aside"
_ATTEMPTS = 10

_logger = logging.getLogger(__name__)


class DoesNotJoin(DomicileError):
    """A range does not follow on what the replica holds."""


class Replica:
    """A local copy of a store, readable without asking anybody."""

    def __init__(self, folder: Path, *, writable: bool, clock: Clock) -> None:
        self._folder = folder
        self._link = str(folder / _CURRENT)
        self._writable = writable
        self._mode = 0o777
        self._name = ""
        self._copy: Copy | None = None
        self._refused: dict[str, str] = {}
        self._packed: Packed | None = None
        self.freshness = Freshness(folder / "answered", writable=writable, clock=clock)

    @classmethod
    def open(
        cls, folder: Path, writable: bool = False, clock: Clock = monotonic
    ) -> Self:
        """Open a replica, or an empty one where none is; raises DamagedReplica.

        That is told to who writes; who reads is told at each view.
        """
        replica = cls(folder, writable=writable, clock=clock)
        if writable:
            folder.mkdir(parents=True, exist_ok=True)
            replica._mode = folder.stat().st_mode & 0o777
            replica.newest()
        return replica

    @classmethod
    def open_to_follow(cls, folder: Path, clock: Clock = monotonic) -> Self:
        """Open a replica to write; in the place of a damaged one, without a copy."""
        try:
            replica = cls.open(folder, writable=True, clock=clock)
        except DamagedReplica as damage:
            _logger.warning("a replica is set aside: %s", damage)
            cls.set_aside(folder)
            replica = cls.open(folder, writable=True, clock=clock)
        replica.remove_unfinished()
        return replica

    @staticmethod
    def set_aside(folder: Path) -> None:
        """Make a damaged replica one without a copy, to be followed anew from 0.

        Who has the copy open serves on from it. It is kept as `aside`, to be looked
        into, until another one is set aside.
        """
        with suppress(FileNotFoundError):
            name = os.readlink(folder / _CURRENT)  # noqa: PTH115 - a name, no path
            (folder / _CURRENT).unlink()
            shutil.rmtree(folder / _ASIDE, ignore_errors=True)
            (folder / name).rename(folder / _ASIDE)

    def close(self) -> None:
        if self._copy is not None:
            self._copy.close()
        self._copy, self._name = None, ""

    def view(self) -> View:
        """Give what there is now, to be used as a context manager; raises ReplicaFault."""
        return View(self.newest(), self.freshness.behind)

    def behind(self) -> bool:
        """Whether newer records may be missing, or those that there are be lost."""
        return self.missing or bool(self.damage()[0]) or self.freshness.behind()

    def behind_as_open(self) -> bool:
        """Whether a view of the copy that is open now would be behind; asks no file."""
        copy = self._copy
        return copy is None or bool(copy.damage) or self.freshness.behind()

    @property
    def open_name(self) -> str:
        """The copy that the last view was of; no two ever had one name."""
        return self._name

    @property
    def missing(self) -> bool:
        """Whether this process has no copy at all, so that nothing is known."""
        return self._copy is None

    def serial(self) -> int:
        """Give the serial that a view has now, 0 where it cannot be told."""
        try:
            with self.view() as view:
                return view.serial
        except (DomicileError, OSError):
            return 0

    def damage(self) -> tuple[str, str]:
        """Give the copy that this process found damaged, and how; or two empty texts.

        Only the current one counts: what was replaced is healed.
        """
        current = self.current_name()
        if current in self._refused:
            return current, self._refused[current]
        if self._copy is None:
            return "", ""
        if not current:
            return self._name, f"{self._folder / _CURRENT} is gone"
        if self._name != current:
            return "", ""
        found = self._copy.look_for_damage()
        return (current, found) if found else ("", "")

    @property
    def unreadable(self) -> int:
        """How many written records this version could only keep, not read."""
        return 0 if self._copy is None else self._copy.unreadable

    def look_after_readers(self) -> int:
        """Let go what killed readers held; give by how many writes the oldest lags."""
        return 0 if self._copy is None else self._copy.look_after_readers()

    def apply(self, changes: Sequence[Change], up_to: int, chain: bytes) -> None:
        """Write the changes after the replica's serial, up to another; raises DoesNotJoin.

        Either all of it is written, with the serial, or nothing.
        """
        copy = self.newest()
        if copy is None:
            self.replace(changes, up_to, chain)
            return
        with self.view() as view:
            last = view.serial
        for serial in (*(change.serial for change in changes), up_to + 1):
            if serial <= last:
                raise DoesNotJoin(
                    f"change {serial} does not follow on {last};"
                    f" serials rise, and end at {up_to}"
                )
            last = serial
        copy.apply(changes, up_to, chain)
        if self._packed is not None:
            self._packed.note(list(changes), up_to, chain)

    def replace(self, changes: Sequence[Change], up_to: int, chain: bytes) -> None:
        """Write a whole snapshot beside, and put it in the place of what was."""
        successor = self.start_over()
        successor.add(changes)
        successor.finish(up_to, chain)

    def start_over(self) -> Successor:
        """Begin a new copy beside, which nobody sees until it is finished."""
        return Successor(self, self._make_way())

    def loose(self) -> bool:
        """Whether the current copy has grown so far that it is to be packed."""
        copy = None if self._packed else self.newest()
        return copy is not None and copy.loose

    def begin_packing(self) -> Packed:
        """Begin a packed copy of the current one; noted until `end_packing`."""
        current = self._folder / self.current_name()
        self._packed = Packed(self, self._make_way(), current)
        return self._packed

    def give_up_packing(self) -> None:
        """Have what is being packed lead to nothing: another copy is to come."""
        if self._packed is not None:
            self._packed.given_up = True

    def end_packing(self, packed: Packed) -> None:
        """Have it take the place of what it was made of, or remove it."""
        self._packed = None
        try:
            if packed.is_wanted:
                packed.take_place()
        finally:
            packed.leave()

    def _make_way(self) -> Path:
        """Give a folder for another copy; there is room for one in the making."""
        self.give_up_packing()
        self._make_folder()
        self.remove_unfinished()
        # By its name a reader knows a copy, so none may ever come again: not even when
        # all that was here is removed.
        return self._folder / f"{_PREFIX}{secrets.token_hex(8)}"

    def remove_unfinished(self) -> None:
        """Remove what whoever was killed had not finished: it may be gigabytes."""
        current = self.current_name()
        for copy in self._folder.glob(_PREFIX + "*"):
            if copy.name != current:
                shutil.rmtree(copy)

    def _make_folder(self) -> None:
        """Have the folder, as private as the one was that may have been removed."""
        if not self._folder.exists():
            self._folder.mkdir(parents=True)
            self._folder.chmod(self._mode)

    def swap(self, name: str) -> None:
        """Make another copy current; whoever reads the old one keeps it until done."""
        old = self.current_name()
        link = self._folder / "next"
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        link.replace(self._folder / _CURRENT)
        flush_folder(self._folder)
        if old:
            shutil.rmtree(self._folder / old, ignore_errors=True)

    def newest(self) -> Copy | None:
        """Give the current copy, opened anew where it was swapped; raises ReplicaFault."""
        name = self.current_name()
        for _ in range(_ATTEMPTS):
            # Where there is none any more, the open one is served from on.
            if name in ("", self._name):
                return self._copy
            if name in self._refused:
                # No use in opening it for every packet.
                raise DamagedReplica(self._refused[name])
            try:
                return self._take(name)
            except Exception as error:
                # Swapped and removed while it was being opened?
                swapped = self.current_name()
                if swapped == name:
                    if isinstance(error, DamagedReplica):
                        self._refused = {name: str(error)}
                    raise
                name = swapped
        raise DamagedReplica(f"{self._folder} changes faster than it can be opened")

    def _take(self, name: str) -> Copy:
        folder = self._folder / name
        if not (folder / "data.mdb").exists():
            raise DamagedReplica(f"{folder} is current and has no data")
        copy = Copy(folder, writable=self._writable)
        with View(copy, self.freshness.behind) as view:
            _check_format(folder, view.format)
        # Not closed: a view may still read the old one, which goes with the last.
        self._copy, self._name = copy, name
        return copy

    def current_name(self) -> str:
        with suppress(FileNotFoundError, NotADirectoryError):
            return os.readlink(self._link)  # noqa: PTH115 - asked at every view
        return ""


def _check_format(folder: Path, found: int) -> None:
    if found != FORMAT:
        raise DamagedReplica(
            f"{folder} has format {found}, this version reads {FORMAT}"
        )
