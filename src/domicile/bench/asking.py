"""Loads the name servers of one point, while changes are made or none."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from domicile.bench.dnsperf import Dnsperf, write_questions
from domicile.bench.machine import cores
from domicile.bench.makes import Make
from domicile.bench.names import count_questions, questions
from domicile.bench.points import Point
from domicile.bench.propagation import Directory, Prober, Seen
from domicile.bench.rounds import Load
from domicile.bench.serving import Served

# Who is slower than that is not waited for.
_SLOWEST = 10_000
_WARM_UP = 60.0


class Changes(NamedTuple):
    """Who makes changes, who waits for them, and what came of it in each run."""

    directory: Directory
    prober: Prober
    seen: list[Seen]

    def during(self, generate: Callable[[], Load], seconds: float, rate: float) -> Load:
        # Not on the server's core: what is used there is measured.
        place = partial(os.sched_setaffinity, 0, {cores().generator})
        with ThreadPoolExecutor(1, initializer=place) as beside:
            moves = self.directory.change(seconds, rate)
            watching = beside.submit(self.prober.watch, moves)
            load = generate()
            seen = watching.result()
        self.seen.append(seen)
        # What the prober asked was answered as well.
        return load._replace(done=load.done + seen.asked)


class Questions(NamedTuple):
    """The questions of each round, in files that are written when they are asked for."""

    folder: Path
    point: Point
    seconds: float

    def many(self) -> int:
        return count_questions(self.point.names, self.point.mix, self.seconds)

    def of_round(self, number: int) -> Path:
        file = self.folder / f"questions-{number}"
        if not file.exists():
            names, mix = self.point.names, self.point.mix
            write_questions(file, questions(names, mix, self.many(), number))
        return file


class Asking(NamedTuple):
    """Loads the servers of one point, all with the same questions in a round."""

    questions: Questions
    dnsperf: Dnsperf
    served: Mapping[str, Served]
    changes: Changes | None

    def warm_up(self, name: str) -> None:
        """Ask each question once: what a server remembers, it remembers from then on."""
        file, port = self.questions.of_round(0), self.served[name].port
        patience = _WARM_UP + self.questions.many() / _SLOWEST
        self.dnsperf.ask_once(name, port, file, patience)

    def run(self, name: str, number: int) -> Load:
        file, port = self.questions.of_round(number), self.served[name].port
        seconds = self.questions.seconds
        generate = partial(self.dnsperf.ask, name, port, file, seconds)
        if self.changes is None or name != Make.DOMICILE:
            return generate()
        return self.changes.during(generate, seconds, self.questions.point.changes)
