"""`domicile up`: all the services of one host, from one file."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from domicile.errors import DomicileError
from domicile.host.command import of_folder, our_command
from domicile.host.foreground import Foreground, Running, Say
from domicile.host.lock import Tenant
from domicile.host.parts import Parts, Place
from domicile.host.probe import Probe
from domicile.host.revival import Revival
from domicile.host.settings import FirstHost, JoiningHost, load_host
from domicile.host.starting import Starting, operator_token


def run(config: Path, ready_file: Path | None, say: Say) -> None:
    """Run the host until it is told to end; raises DomicileError."""
    host = load_host(config)
    Foreground(Up(host, config), host.folder, say).run(ready_file, parent=None)


class Up:
    """A host whose services are started again when they die."""

    def __init__(self, host: FirstHost | JoiningHost, config: Path) -> None:
        self._host = host
        self._parts: Parts = host.parts()
        self._data = host.folder.absolute()
        self._revival: Revival | None = None
        self.tenant = Tenant("`domicile up`", f"`data` in {config}")
        self.configured = f"in {config}"

    def places(self) -> Iterable[Place]:
        return self._parts.places()

    def start(self, running: Running) -> None:
        probe = Probe()
        api = Starting(
            self._parts, self._data, running.services, running.say, probe
        ).start()
        if api is not None:
            api.close()
        probe.close()

    def lead(self, running: Running) -> bool:
        self._revival = Revival(running.services, running.say)
        lines = (
            _of_first(self._host, self._data)
            if isinstance(self._host, FirstHost)
            else _of_joining(self._parts)
        )
        for line in lines:
            running.say(line)
        return False

    def look(self, running: Running) -> None:
        assert self._revival is not None, "what is looked after has been started"
        self._revival.look()

    def cut_short(self) -> DomicileError | None:
        return None


def _of_first(host: FirstHost, data: Path) -> Iterator[str]:
    """Say how to go on, in lines to paste."""
    (server,) = host.record.nameservers
    command, of_data = our_command(sys.argv[0], Path.cwd()), of_folder(data)
    yield f"ready: {host.zone} is to be delegated to {server} at {host.address}; try"
    yield f"  {command} owner add ada{of_data}"
    yield f"  {command} app deploy hello.ada FOLDER{of_data}"
    yield f"the operator's token is in {operator_token(data)}, logs are in {data / 'logs'}"


def _of_joining(parts: Parts) -> Iterator[str]:
    for cluster in parts.clusters:
        yield f"ready: {cluster.name} serves; its directory is at {cluster.directory}"
