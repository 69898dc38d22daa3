"""Runs a folder's services in the foreground, until a signal or the parent's end.

What is shown is played by a thread of its own, so that nothing it waits for keeps us
from ending. The signals stay blocked and are waited for: there is no signal handler, and
a second Ctrl-C finds nothing to interrupt.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from domicile.config import BadConfiguration
from domicile.errors import DomicileError
from domicile.host import lock
from domicile.host.ending import end_all
from domicile.host.janitor import Janitor
from domicile.host.parts import Place
from domicile.host.preflight import check_places
from domicile.host.services import Services
from domicile.runtime.durable import write_durably

_ENDS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
_LOOK_SECONDS = 0.2

Say = Callable[[str], None]


class Running(NamedTuple):
    """What a show has at hand; `ending` says that all ends."""

    services: Services
    say: Say
    ending: threading.Event


class Show(Protocol):
    """What is run: started, and then led until it is over, if ever."""

    @property
    def tenant(self) -> lock.Tenant:
        """Who it is to the folder."""

    @property
    def configured(self) -> str:
        """Where its places are named, for who has to name others."""

    def places(self) -> Iterable[Place]:
        """Give every address and port that it needs."""

    def start(self, running: Running) -> None:
        """Start all; when it returns, all is ready."""

    def lead(self, running: Running) -> bool:
        """Go on with what is ready; tells whether that was all."""

    def look(self, running: Running) -> None:
        """Look after the services, again and again."""

    def cut_short(self) -> DomicileError | None:
        """Give what an end from outside means, if it is not welcome."""


class Foreground:
    """One folder's show: made on the first start, gone on with on the next."""

    def __init__(self, show: Show, data: Path, say: Say) -> None:
        self._show = show
        self._data = data.absolute()
        self._say = say
        self._ends = _ENDS
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._ending = threading.Event()

    def run(self, ready_file: Path | None, parent: int | None) -> None:
        """Run until SIGTERM, SIGINT, SIGHUP or, if it is named, the parent's end."""
        # A shell's background jobs are born deaf to SIGINT. Who is deaf to SIGHUP was
        # started by nohup, and blocking would make it hear.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            self._ends -= {signal.SIGHUP}
        signal.pthread_sigmask(signal.SIG_BLOCK, self._ends)
        with lock.hold(self._data, self._pause, self._show.tenant) as descriptor:
            _prepare(ready_file)
            end_all(self._data)  # What has lost who ran it and its janitor, too.
            check_places(self._show.places(), self._show.configured)
            self._say(f"starting in {self._data}")
            services = Services(self._data)
            janitor = Janitor(self._data, descriptor)
            try:
                self._play(services, janitor, ready_file)
                failure = self._wait(parent)
            finally:
                self._ending.set()
                self._say("ending")
                services.close()
                end_all(self._data)
                janitor.dismiss()
        if failure is not None:
            raise failure

    def _play(
        self, services: Services, janitor: Janitor, ready_file: Path | None
    ) -> None:
        running = Running(services, self._tell, self._ending)

        def play() -> None:
            try:
                self._show.start(running)
                if ready_file:
                    table = {"data": str(self._data), "services": services.table()}
                    write_durably(ready_file, msgspec.json.encode(table))
                if self._show.lead(running):
                    self._over.set()
                while not self._ending.wait(_LOOK_SECONDS):
                    janitor.keep()
                    self._show.look(running)
            except BaseException as error:  # noqa: BLE001 - raised again by `run`
                self._failure = error

        threading.Thread(target=play, name="show", daemon=True).start()

    def _wait(self, parent: int | None) -> BaseException | None:
        """Wait for the end, and give the failure that is the reason, if one is."""
        while self._failure is None and (parent is None or os.getppid() == parent):
            if self._over.is_set():
                return None
            if signal.sigtimedwait(self._ends, _LOOK_SECONDS):
                # What fails from now on fails because of the end.
                return self._show.cut_short()
        return self._failure or self._show.cut_short()

    def _tell(self, line: str) -> None:
        if not self._ending.is_set():
            self._say(line)

    def _pause(self, seconds: float) -> None:
        """Wait, and leave at a signal: nothing is started yet."""
        if signal.sigtimedwait(self._ends, seconds):
            raise self._show.cut_short() or SystemExit(0)


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
