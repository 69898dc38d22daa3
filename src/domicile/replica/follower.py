"""Keeps a replica: asks the feed again and again, for what comes after what it has.

    ask (after, chain) --> Begin, changes, End --> replica, stamp, on_change --> ask …

Errors only delay: the replica serves on, and is behind after five seconds. What does
not join is discarded, and everything is asked for anew into a copy beside; so it is
where the copy is damaged, whoever found that: a write of ours, a view, or a worker.
"""

import asyncio
import logging
import random
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgspec

from domicile.clock import monotonic
from domicile.errors import DomicileError
from domicile.model.feed import (
    CONTENT_TYPE,
    Ask,
    End,
    Frame,
    FrameReader,
    WorkerNote,
    encode_ask,
)
from domicile.replica.answer import Answer, Arrival
from domicile.replica.audit import Audit
from domicile.replica.faults import DamagedReplica, ReplicaFault
from domicile.replica.guard import HeldBack
from domicile.replica.packing import Packer
from domicile.replica.replica import DoesNotJoin, Replica

PATH = "/v1/feed"

# An answer comes within a second where nothing changed.
_TIMEOUT = httpx.Timeout(10.0, connect=3.0)
_FIRST_DELAY = 0.1
_NOTE_SECONDS = 0.2
_NOTE_LOOK_SECONDS = 0.002
_LONGEST_DELAY = 2.0
# A disk that garbles all that it is given must not have everything sent without end.
_BETWEEN_REPAIRS = 3.0
# Who is asked to decide is not faster than that, and a snapshot is a lot to send.
_HELD_BACK_SECONDS = 5.0

_BETWEEN_LOOKS_AT_READERS = 10.0
# Nobody reads for longer than a batch, and few writes come meanwhile.
_MOST_READER_LAG = 1000

_logger = logging.getLogger(__name__)


class Refused(DomicileError):
    """The owner of the store did not answer with a feed."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the owner of a store serves its feed; `url` is without the path."""

    url: str
    token: str = field(repr=False)
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Readers:
    """Who serves from the replica: told of each change, and asked what they have seen.

    `notes` are those of our workers, `troubles` those of who follows us in turn.
    """

    tell_changed: Callable[[], None] = lambda: None
    notes: Callable[[], Mapping[str, WorkerNote]] = dict
    troubles: Callable[[], Iterable[str]] = tuple


class Follower:
    """Follows one feed into one replica; `run` until it is cancelled.

    `ask` says who asks for which kinds of which cluster; its `after`, `chain` and
    `notes` are filled in at each asking.
    """

    def __init__(
        self,
        replica: Replica,
        source: Source,
        ask: Ask,
        readers: Readers | None = None,
    ) -> None:
        self._replica = replica
        self._source = source
        self._ask = ask
        self._readers = readers or Readers()
        self._audit = Audit(replica)
        self._packer = Packer(replica)
        self._answer: Answer | None = None
        self._from_start = False
        self._failures = 0
        self._next_repair = 0.0
        self._trouble = ""
        self._next_look_at_readers = 0.0
        self.resyncs = 0
        self.reader_lag = 0

    @property
    def lag(self) -> float:
        """Seconds since the last whole answer, infinite where there was none."""
        return self._replica.freshness.age()

    @property
    def behind(self) -> bool:
        """Whether newer records may be missing, or lost in a damaged copy."""
        return bool(self.damage) or self._replica.behind()

    @property
    def trouble(self) -> str:
        """What is wrong, as a sentence; nothing while it follows a sound replica."""
        return (
            self._trouble
            or self.damage
            or self._audit.trouble
            or self._not_understood()
        )

    @property
    def arrival(self) -> Arrival | None:
        """How far a new copy of everything is; None where none is under way."""
        return None if self._answer is None else self._answer.arrival

    @property
    def audits(self) -> int:
        """How often the replica was held against the store's digest."""
        return self._audit.done

    @property
    def damage(self) -> str:
        """How the copy that is served from was found damaged, until another is current."""
        copy, found = self._replica.damage()
        if copy:
            return found
        current = self._replica.current_name()
        for worker, note in self._readers.notes().items():
            if current and note.damaged == current:
                return f"{worker} found {current} of the replica damaged"
        return ""

    def _not_understood(self) -> str:
        """Tell of records that are kept and not read, as a newer version's would be."""
        count = self._replica.unreadable
        if not count:
            return ""
        return f"{count} records are of a form that this version does not read: upgrade"

    async def run(self) -> None:
        """Follow until cancelled; no failure of the feed ends it."""
        async with self._connect() as client:
            try:
                while True:  # noqa: ASYNC110 - each step waits for the feed
                    await asyncio.sleep(await self.step(client))
            finally:
                await self._packer.end()
                await self._audit.end()

    async def step(self, client: httpx.AsyncClient) -> float:
        """Ask once, take the answer in, and give how many seconds to wait."""
        try:
            self._look_at_replica()
            self._look_after_readers()
            self._packer.look()
            await self._follow_once(client)
        except DamagedReplica as error:
            self._start_anew()
            delay = max(self._delay_after(error), self._next_repair - monotonic())
            self._next_repair = monotonic() + delay + _BETWEEN_REPAIRS
            return delay
        except HeldBack as error:
            return max(self._delay_after(error), _HELD_BACK_SECONDS)
        except DoesNotJoin as error:
            self._start_anew()
            return self._delay_after(error)
        except (DomicileError, httpx.HTTPError, OSError) as error:
            return self._delay_after(error)
        except Exception as error:
            _logger.exception("following failed in a way that nobody foresaw")
            return self._delay_after(error)
        self._failures = 0
        self._trouble = ""
        return 0.0

    def _look_at_replica(self) -> None:
        """Raise DamagedReplica where it is, and nothing was done about it yet."""
        if not self._from_start and (damage := self.damage):
            raise DamagedReplica(damage)

    def _look_after_readers(self) -> None:
        if monotonic() < self._next_look_at_readers:
            return
        self._next_look_at_readers = monotonic() + _BETWEEN_LOOKS_AT_READERS
        self.reader_lag = self._replica.look_after_readers()
        if self.reader_lag > _MOST_READER_LAG:
            _logger.warning(
                "somebody reads the replica as of %d writes ago: it grows meanwhile",
                self.reader_lag,
            )

    def _start_anew(self) -> None:
        self._from_start = True
        self.resyncs += 1

    async def _follow_once(self, client: httpx.AsyncClient) -> None:
        question = self._next_ask()
        answer = self._answer = Answer(self._replica, from_start=self._from_start)
        reader = FrameReader()
        body = encode_ask(question)
        try:
            async with client.stream("POST", PATH, content=body) as response:
                if response.status_code != httpx.codes.OK:
                    raise Refused(
                        f"{self._source.url} answered {response.status_code}"
                        f" to a follower; 200 was expected"
                    )
                async for piece in response.aiter_bytes():
                    for frame in reader.feed(piece):
                        await _take(answer, frame)
            answer.finish()
        finally:
            answer.abandon()
            self._after(answer)
        if question.verify and answer.digest:
            self._audit.begin(answer.digest)
        elif answer.is_anew:
            self._audit.soon()
        if answer.changed:
            await self._until_noted()

    def _after(self, answer: Answer) -> None:
        if not answer.complete:
            return
        self._from_start = False
        self._replica.freshness.stamp()
        if answer.changed:
            self._readers.tell_changed()

    async def _until_noted(self) -> None:
        """Give the workers a moment to see the change.

        Our next question says what they have seen, and the one after it comes only
        after a second.
        """
        with self._replica.view() as view:
            serial = view.serial
        deadline = monotonic() + _NOTE_SECONDS
        while any(note.serial < serial for note in self._readers.notes().values()):
            if monotonic() >= deadline:
                break
            await asyncio.sleep(_NOTE_LOOK_SECONDS)

    def _next_ask(self) -> Ask:
        ask = msgspec.structs.replace(
            self._ask,
            notes=dict(self._readers.notes()),
            trouble="; ".join(filter(None, (self.trouble, *self._readers.troubles()))),
            behind=self.behind,
            verify=self._audit.due,
        )
        try:
            with self._replica.view() as view:
                serial, chain = view.serial, view.chain
        except ReplicaFault:
            if not self._from_start:
                raise
            return ask
        if self._from_start:
            return msgspec.structs.replace(ask, holds=chain)
        return msgspec.structs.replace(ask, after=serial, chain=chain, holds=chain)

    def _delay_after(self, error: Exception) -> float:
        self._trouble = f"{type(error).__name__}: {error}"
        _logger.warning("following %s: %s", self._source.url, self._trouble)
        delay = min(_FIRST_DELAY * 2**self._failures, _LONGEST_DELAY)
        self._failures = min(self._failures + 1, 10)
        # Spread, so that followers do not come back all at once.
        return random.uniform(delay / 2, delay)  # noqa: S311

    def _connect(self) -> httpx.AsyncClient:
        context = ssl.create_default_context(cafile=self._source.ca_file)
        headers = {
            "Authorization": f"Bearer {self._source.token}",
            "Content-Type": CONTENT_TYPE,
            "Accept": CONTENT_TYPE,
        }
        return httpx.AsyncClient(
            base_url=self._source.url,
            headers=headers,
            timeout=_TIMEOUT,
            verify=context,
            # A proxy of the environment has no business between our own services.
            trust_env=False,
        )


async def _take(answer: Answer, frame: Frame) -> None:
    """Take in a frame; one that ends a whole copy in a thread, for the loop has to go on.

    Millions of records are then put in order, which takes longer than any loop may
    stand still. The thread is never left to itself: whoever is cancelled waits.
    """
    if not (answer.is_anew and isinstance(frame, End)):
        answer.take(frame)
        return
    task = asyncio.ensure_future(asyncio.to_thread(answer.take, frame))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
