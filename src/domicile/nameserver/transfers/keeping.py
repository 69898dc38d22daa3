"""Keeps the journal of one zone up with the replica.

Every second what has changed since is looked up, and is one edition more. Where that is
not known, or touches all, everything is written anew beside, a slice of apps at a time,
each slice as of a view of its own; what changed meanwhile is looked up behind, so that
what is adopted is all as of one serial. No view is open for longer than a slice takes.
"""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice
from typing import Final, NamedTuple

import structlog

from domicile.dns.name import name_to_text
from domicile.dns.transfer import serial_of
from domicile.dns.zonefile import StaticZone
from domicile.errors import DomicileError
from domicile.model.records import Cluster, Owner, Placement
from domicile.model.zone_records import Challenge, Zone, ZoneKey
from domicile.nameserver.alone import NoRecords
from domicile.nameserver.transfers.content import (
    FileContent,
    LiveContent,
    Nodes,
    digest_of,
)
from domicile.nameserver.transfers.journal import Edition, Journal, Node, Source
from domicile.replica.replica import Replica
from domicile.replica.view import View

SECONDS: Final = 1.0
SLICE: Final = 500
# What more is touched at once is written anew beside.
MOST_AT_ONCE: Final = 2000
# Far above what one restored store is behind another that counts the same.
_STEP: Final = 1 << 20

_Kept = Placement | Challenge | Owner
_KINDS: tuple[type[_Kept], ...] = (Placement, Challenge, Owner)
"""The kinds of record for which there are names, beside the zone's own."""

_log = structlog.get_logger()


class Changed(NamedTuple):
    """What was touched since, as far as it matters to a zone: kinds and keys."""

    records: frozenset[tuple[str, str]]
    everything: bool


class Keeper:
    """Keeps one zone; `tell` hears of each new edition, and when there is none to give."""

    def __init__(
        self,
        apex: bytes,
        file: StaticZone | None,
        replica: Replica | NoRecords,
        journal: Journal,
        tell: Callable[[Edition | None], None],
    ) -> None:
        self._apex = apex
        self._name = name_to_text(apex)
        self._file = file
        self._fixed = ""
        self._replica = replica
        self._journal = journal
        self._tell = tell

    async def run(self) -> None:
        """Keep it until cancelled."""
        edition = self._journal.edition()
        if edition is not None and not self._is_withheld():
            self._tell(edition)
        while True:
            try:
                edition = await self.step()
            except (DomicileError, OSError, sqlite3.Error) as error:
                _log.error("zone_not_kept", zone=self._name, reason=str(error))
            else:
                if edition is not None:
                    _log.info("edition", zone=self._name, serial=edition.serial)
                    self._tell(edition)
            await asyncio.sleep(SECONDS)

    async def step(self) -> Edition | None:
        """Look once, and give the edition that was made, if there was anything new."""
        if isinstance(self._replica, NoRecords):
            return await self._keep_file()
        with self._replica.view() as view:
            if view.behind:
                return None
            self._withhold(_is_signed(view, self._name))
            if self._is_withheld():
                return None
            record = view.zone(self._name)
            if record is not None:
                changed = self._changed(view, self._journal.state())
                if not changed.everything and len(changed.records) <= MOST_AT_ONCE:
                    return self._revise(view, record, changed.records)
        return await (self._keep_file() if record is None else self._write_anew())

    def _is_withheld(self) -> bool:
        return bool(self._journal.state().get("withheld"))

    def _withhold(self, withheld: bool) -> None:
        """Give a zone no more once it is signed, and again once it is not."""
        if withheld != self._is_withheld():
            self._journal.note({"withheld": "signed" if withheld else ""})
            self._tell(None if withheld else self._journal.edition())

    async def _keep_file(self) -> Edition | None:
        """Give a file as it is now; by its own serial, if that was raised."""
        if self._file is None:
            return None
        content = FileContent(self._file)
        nodes = content.fixed()
        serial = serial_of(content.soa)
        state = {"fixed": digest_of(nodes), "soa": content.soa.hex(), "copy": ""}
        if self._journal.state().items() >= state.items():
            return None
        self._journal.begin_draft()
        self._journal.draft(nodes)
        edition = await self._adopt(Source(content.soa, serial, 1, state))
        if edition is not None and edition.serial != serial:
            _log.warning(
                "zone_serial_not_raised",
                zone=self._name, serial=serial, instead=edition.serial,
            )  # fmt: skip
        return edition

    def _revise(
        self, view: View, record: Zone, touched: Collection[tuple[str, str]]
    ) -> Edition | None:
        content = LiveContent(view, record, self._file)
        source = self._source(view, content)
        if not touched:
            self._journal.note(source.state)
            return None
        return self._journal.revise(self._of(content, touched), source)

    async def _write_anew(self) -> Edition | None:
        """Write all beside, until nothing touches all of it meanwhile."""
        assert isinstance(self._replica, Replica)
        while True:
            self._journal.begin_draft()
            as_of = await self._draft_all(self._replica)
            source = as_of and await self._catch_up(self._replica, as_of)
            if source:
                return await self._adopt(source)

    async def _draft_all(self, replica: Replica) -> dict[str, str] | None:
        """Write every app, and give as of what that was begun; nothing without a zone."""
        with replica.view() as view:
            content = self._content(view)
            state = dict(self._source(view, content).state)
            self._journal.draft(content.fixed())
        for kind in _KINDS:
            after: str | None = ""
            while after is not None:
                with replica.view() as view:
                    after = self._draft_slice(view, kind, after)
                await asyncio.sleep(0)
        return state

    def _draft_slice(self, view: View, kind: type[_Kept], after: str) -> str | None:
        """Write some records' names, and give the last one's key; nothing at the end."""
        content = self._content(view)
        some = list(islice(view.all(kind, after), SLICE))
        nodes: dict[bytes, Node] = {}
        for each in some:
            nodes |= content.of_record(each)
        self._journal.draft(nodes)
        return some[-1].key if len(some) == SLICE else None

    def _content(self, view: View) -> LiveContent:
        record = view.zone(self._name)
        if record is None:
            raise DomicileError(f"the directory has no zone {self._name} now")
        return LiveContent(view, record, self._file)

    async def _catch_up(self, replica: Replica, state: dict[str, str]) -> Source | None:
        """Write what was touched meanwhile; nothing where that is everything."""
        while True:
            with replica.view() as view:
                record = view.zone(self._name)
                changed = self._changed(view, state)
                if record is None or changed.everything:
                    return None
                content = LiveContent(view, record, self._file)
                source = self._source(view, content)
                some = sorted(changed.records)
                if len(some) <= MOST_AT_ONCE:
                    # A challenge may have been written for a name that an app had only
                    # meanwhile. There are few.
                    some += [(each.kind, each.key) for each in view.all(Challenge)]
                    self._journal.draft(self._of(content, some, in_draft=True))
                    return source
            await self._draft_some(replica, some)
            state = dict(source.state)

    async def _draft_some(
        self, replica: Replica, touched: Sequence[tuple[str, str]]
    ) -> None:
        for begin in range(0, len(touched), SLICE):
            with replica.view() as view:
                some = touched[begin : begin + SLICE]
                nodes = self._of(self._content(view), some, in_draft=True)
                self._journal.draft(nodes)
            await asyncio.sleep(0)

    def _changed(self, view: View, state: dict[str, str]) -> Changed:
        """Say what was touched since a state; everything where that cannot be told."""
        touched = None
        if state.get("copy") == self._replica.open_name:
            touched = view.touched_after(int(state["as_of"]))
        if touched is None:
            return Changed(frozenset(), everything=True)
        kinds = {each.kind for each in _KINDS}
        records = frozenset(each for each in touched if each[0] in kinds)
        everything = (
            ("zone", self._name) in touched
            or _clusters(view) != state["clusters"]
            or self._fixed_digest() != state["file"]
        )
        return Changed(records, everything)

    def _of(
        self,
        content: LiveContent,
        touched: Iterable[tuple[str, str]],
        *,
        in_draft: bool = False,
    ) -> Nodes:
        """Give the names that are there for some records, or were."""
        found: dict[bytes, Node] = {}
        for kind, key in touched:
            if kind != Placement.kind:
                found |= content.of_name(kind, key)
                continue
            permanent = content.permanent(key)
            before = self._journal.together_with(permanent, in_draft=in_draft)
            of_app = content.of_app(key, before)
            found |= {**of_app, **content.challenges_of(of_app)}
        return found

    def _source(self, view: View, content: LiveContent) -> Source:
        state = {
            "copy": self._replica.open_name,
            "as_of": str(view.serial),
            "clusters": _clusters(view),
            "file": self._fixed_digest(),
        }
        return Source(content.soa, view.serial, _STEP, state)

    def _fixed_digest(self) -> str:
        """Sum up the file, once: it is another only after a restart."""
        if self._file is not None and not self._fixed:
            self._fixed = digest_of(FileContent(self._file).fixed())
        return self._fixed

    async def _adopt(self, source: Source) -> Edition | None:
        # Of millions of names it takes a while.
        return await asyncio.to_thread(self._journal.adopt, source)


def _is_signed(view: View, zone: str) -> bool:
    """Whether there are keys that sign it; they stay until resolvers have forgotten."""
    key = next(view.all(ZoneKey, after=f"{zone}/"), None)
    return key is not None and key.zone == zone


def _clusters(view: View) -> str:
    """Say where all clusters are: where one is elsewhere, all its apps are."""
    found = {
        each.name: (each.answered, each.alpn, each.lost) for each in view.all(Cluster)
    }
    return json.dumps(found)
