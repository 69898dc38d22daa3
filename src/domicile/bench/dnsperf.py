"""dnsperf, which loads a name server with questions of a file."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from domicile.bench.errors import CannotMeasure
from domicile.bench.machine import cores, require
from domicile.bench.processes import Processes
from domicile.bench.rounds import Load

_FIGURES = {
    "completed": re.compile(r"Queries completed: +(\d+)"),
    "lost": re.compile(r"Queries lost: +(\d+)"),
    "per second": re.compile(r"Queries per second: +([\d.]+)"),
}
_RCODES = re.compile(r"Response codes: +(.*)")
_EXPECTED = {"NOERROR", "NXDOMAIN"}

_NICE = 10
# Beyond what a run was told, in seconds.
_PATIENCE = 20.0


class Dnsperf(NamedTuple):
    """The program, and how it asks: with DO or not, from how many ports.

    One that is `nice` leaves the processor to others on its core.
    """

    program: str
    processes: Processes
    wants_signatures: bool = False
    clients: int = 1
    nice: bool = False

    def ask_once(self, name: str, port: int, file: Path, seconds: float) -> Load:
        """Ask each question once, however many seconds it takes, up to these."""
        return self._ask(name, port, file, seconds, "-n", "1")

    def ask(self, name: str, port: int, file: Path, seconds: float) -> Load:
        """Ask for so many seconds, as fast as a server answers."""
        return self._ask(name, port, file, seconds)

    def _ask(
        self, name: str, port: int, file: Path, seconds: float, *more: str
    ) -> Load:
        where = ("-s", "127.0.0.1", "-p", str(port), "-c", str(self.clients))
        how = ("-d", str(file), "-l", f"{seconds:g}", *more)
        signatures = ("-D",) if self.wants_signatures else ()
        command = [self.program, *where, *how, *signatures]
        patience = seconds + _PATIENCE
        niceness = _NICE if self.nice else 0
        printed = self.processes.run(command, cores().generator, patience, niceness)
        return read(name, printed)


def find_dnsperf() -> str:
    return require("dnsperf", "dnsperf")


def write_questions(file: Path, hosts: Iterable[str]) -> None:
    with file.open("w", encoding="ascii") as asked:
        asked.writelines(f"{host} A\n" for host in hosts)


def read(name: str, printed: str) -> Load:
    """Read dnsperf's figures; raises CannotMeasure for what is no answer."""
    found = {key: pattern.search(printed) for key, pattern in _FIGURES.items()}
    rcodes = _RCODES.search(printed)
    for each in rcodes[1].split(", ") if rcodes else ():
        if each.split()[0] not in _EXPECTED:
            raise CannotMeasure(f"{name} answered {each}")
    if not all(found.values()):
        raise CannotMeasure(f"dnsperf says nothing of {name}: {printed.strip()[-200:]}")
    values = {key: float(match[1]) for key, match in found.items() if match}
    return Load(int(values["completed"]), values["per second"], int(values["lost"]))
