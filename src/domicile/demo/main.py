"""The demo: a directory, a name server, two clusters and sample apps, here.

Its story is told by a thread of its own, so that nothing it waits for keeps the demo
from ending. The signals stay blocked and are waited for: there is no signal handler, and
a second Ctrl-C finds nothing to interrupt.
"""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec

from domicile.config import BadConfiguration
from domicile.demo import lock
from domicile.demo.customer import ZoneFile
from domicile.demo.ending import end_all
from domicile.demo.janitor import Janitor
from domicile.demo.lines import to_paste
from domicile.demo.plan import Plan
from domicile.demo.preflight import check_places
from domicile.demo.services import Services
from domicile.demo.story import Say, Story
from domicile.errors import DomicileError
from domicile.runtime.durable import write_durably

_ENDS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
_LOOK_SECONDS = 0.2

CUSTOMER_ZONE = "customer-zone.txt"

Guide = Callable[[Services, threading.Event], None]
"""Leads through a demo that is ready; the event says that the demo ends."""


class NotToTheEnd(DomicileError):
    """The demo was ended before its guide was done."""


class Demo:
    """One folder's demo: made on the first start, gone on with on the next.

    With a `guide` it ends as soon as that is done.
    """

    def __init__(
        self, plan: Plan, data: Path, say: Say, guide: Guide | None = None
    ) -> None:
        self._plan = plan
        self._data = data.absolute()
        self._say = say
        self._guide = guide
        self._guided = threading.Event()
        self._failure: BaseException | None = None
        self._ending = threading.Event()

    def run(self, ready_file: Path | None, parent: int | None) -> None:
        """Run until SIGTERM, SIGINT, SIGHUP or, if it is named, the parent's end."""
        # A shell's background jobs are born deaf to SIGINT.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
        with lock.hold(self._data, self._pause) as descriptor:
            _prepare(ready_file)
            end_all(self._data)  # What has lost its demo and its janitor, too.
            check_places(self._plan.places())
            self._say(f"starting in {self._data}")
            with self._customers():
                failure = self._run_all(descriptor, ready_file, parent)
        if failure is not None:
            raise failure

    def _customers(self) -> AbstractContextManager[object]:
        """Play the DNS of those who have names of their own, unless others are asked."""
        if self._plan.resolvers:
            return nullcontext()
        return ZoneFile(self._plan.customer_address, self._data / CUSTOMER_ZONE)

    def _run_all(
        self, descriptor: int, ready_file: Path | None, parent: int | None
    ) -> BaseException | None:
        services = Services(self._data)
        janitor = Janitor(self._data, descriptor)
        try:
            self._play(services, janitor, ready_file)
            return self._wait(parent)
        finally:
            self._ending.set()
            self._say("ending")
            services.close()
            end_all(self._data)
            janitor.dismiss()

    def _play(
        self, services: Services, janitor: Janitor, ready_file: Path | None
    ) -> None:
        def play() -> None:
            try:
                story = Story(self._plan, self._data, services, self._tell)
                homes = story.play()
                if ready_file:
                    table = {"data": str(self._data), "services": services.table()}
                    write_durably(ready_file, msgspec.json.encode(table))
                if self._guide:
                    self._guide(services, self._ending)
                    self._guided.set()
                else:
                    for line in to_paste(self._plan, self._data, homes):
                        self._tell(line)
                self._watch(services, janitor)
            except BaseException as error:  # noqa: BLE001 - raised again by `run`
                self._failure = error

        threading.Thread(target=play, name="story", daemon=True).start()

    def _wait(self, parent: int | None) -> BaseException | None:
        """Wait for the end, and give the failure that is the reason, if one is."""
        while self._failure is None and (parent is None or os.getppid() == parent):
            if self._guided.is_set():
                return None
            if signal.sigtimedwait(_ENDS, _LOOK_SECONDS):
                # What fails from now on fails because of the end.
                return self._cut_short()
        return self._failure or self._cut_short()

    def _watch(self, services: Services, janitor: Janitor) -> None:
        while not self._ending.wait(_LOOK_SECONDS):
            janitor.keep()
            for name, status in services.ended():
                self._tell(f"{name} ended with status {status}; the rest goes on")

    def _tell(self, line: str) -> None:
        if not self._ending.is_set():
            self._say(line)

    def _pause(self, seconds: float) -> None:
        """Wait, and leave at a signal: nothing is started yet."""
        if signal.sigtimedwait(_ENDS, seconds):
            raise self._cut_short() or SystemExit(0)

    def _cut_short(self) -> NotToTheEnd | None:
        """Give what an end from outside means to who is guided; else it is welcome."""
        return NotToTheEnd("the tour was ended before its end") if self._guide else None


def _prepare(ready_file: Path | None) -> None:
    """Let nobody read what an earlier start wrote; raises BadConfiguration."""
    try:
        if ready_file:
            ready_file.unlink(missing_ok=True)
            # Under another name: whoever waits for the file must not see it yet.
            trial = ready_file.with_name(f".{ready_file.name}.trial")
            write_durably(trial, b"")
            trial.unlink()
    except OSError as error:
        raise BadConfiguration(
            f"--ready-file {ready_file} cannot be written: {error.strerror}"
        ) from error
