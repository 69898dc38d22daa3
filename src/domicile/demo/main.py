"""The demo: a directory, a name server, two clusters and sample apps, here."""

import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from domicile.demo.customer import ZoneFile
from domicile.demo.lines import to_paste
from domicile.demo.plan import ClusterPlan, Plan
from domicile.demo.story import Story
from domicile.errors import DomicileError
from domicile.host.foreground import Foreground, Running, Say
from domicile.host.lock import Tenant
from domicile.host.parts import Place
from domicile.host.services import Services

CONFIGURED = "domicile demo --config FILE"

CUSTOMER_ZONE = "customer-zone.txt"

Guide = Callable[[Services, threading.Event], None]
"""Leads through a demo that is ready; the event says that the demo ends."""


class NotToTheEnd(DomicileError):
    """The demo was ended before its guide was done."""


class Demo:
    """A host with sample apps; with a `guide` it ends as soon as that is done."""

    tenant = Tenant("demo")
    configured = CONFIGURED

    def __init__(
        self, plan: Plan, data: Path, say: Say, guide: Guide | None = None
    ) -> None:
        self._plan = plan
        self._data = data.absolute()
        self._say = say
        self._guide = guide
        self._homes: dict[str, ClusterPlan] = {}
        self._until_the_end = ExitStack()

    def run(self, ready_file: Path | None, parent: int | None) -> None:
        with self._until_the_end:
            Foreground(self, self._data, self._say).run(ready_file, parent)

    def places(self) -> Iterable[Place]:
        return self._plan.places()

    def start(self, running: Running) -> None:
        if not self._plan.resolvers:
            # Of those who have names of their own: we play their DNS.
            played = ZoneFile(self._plan.customer_address, self._data / CUSTOMER_ZONE)
            self._until_the_end.enter_context(played)
        story = Story(self._plan, self._data, running.services, running.say)
        self._homes = story.play()

    def lead(self, running: Running) -> bool:
        if self._guide:
            self._guide(running.services, running.ending)
            return True
        for line in to_paste(self._plan, self._data, self._homes):
            running.say(line)
        return False

    def look(self, running: Running) -> None:
        for name, status in running.services.ended():
            running.say(f"{name} ended with status {status}; the rest goes on")

    def cut_short(self) -> NotToTheEnd | None:
        """Give what an end from outside means to who is guided; else it is welcome."""
        return NotToTheEnd("the tour was ended before its end") if self._guide else None
