"""Starts the parts of a host, in order, and waits until each does what it is for.

Each step finds what an earlier start in the same folder has done, and goes on.
"""

import math
import secrets
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from domicile.client.access import Access, write_access
from domicile.client.api import Api
from domicile.host.parts import ClusterPart, DirectoryPart, NameServerPart, Parts, Place
from domicile.host.probe import Probe
from domicile.host.services import Services
from domicile.runtime.durable import write_durably

_SECRET = 0o600
_AWAY_SECONDS = 5.0

Say = Callable[[str], None]


class Starting:
    """One start of a host; what it needs to know of its own is in the folder."""

    def __init__(
        self, parts: Parts, data: Path, services: Services, say: Say, probe: Probe
    ) -> None:
        self._parts = parts
        self._data = data
        self._services = services
        self._say = say
        self._probe = probe

    def start(self) -> Api | None:
        """Start all; gives the API of the directory, if that is here."""
        api = None
        if self._parts.directory:
            api = Api(self._start_directory(self._parts.directory))
        if self._parts.nameserver:
            assert api is not None, "a name server is where its directory is"
            self._start_nameserver(api, self._parts.nameserver)
        for cluster in self._parts.clusters:
            self._start_cluster(api, cluster)
        self._wait_for_all()
        return api

    def _start_directory(self, part: DirectoryPart) -> Access:
        folder = self._data / "directory"
        config = self._write("directory.toml", part.settings(str(folder)))
        self._services.start("directory", "directory", config)
        answers = partial(self._probe.answers, part.url)
        self._services.wait_until("directory", answers)
        token = operator_token(self._data).read_text(encoding="utf-8").strip()
        access = Access(part.url, token)
        write_access(self._data, access)
        self._say(f"directory: {part.url}")
        return access

    def _start_nameserver(self, api: Api, part: NameServerPart) -> None:
        token = self._data / "nameserver.token"
        if not token.exists():
            _write_secret(token, api.post("/nameservers", {"name": part.name})["token"])
        # The directory is here: its own file, so that there is no other to keep.
        key = sealing_key(self._data)
        settings = part.settings(str(self._data / "nameserver"), str(token), str(key))
        config = self._write("nameserver.toml", settings)
        self._services.start("nameserver", "nameserver", config)

    def _start_cluster(self, api: Api | None, part: ClusterPart) -> None:
        folder, name = self._data / part.name, part.name
        folder.mkdir(exist_ok=True)
        if api is not None:
            _join(api, part, folder)
        else:
            _write_secret(folder / "token", part.token)
        _make_secret(folder / "proxy.token")
        manager = self._write(
            f"manager-{name}.toml", part.manager_settings(str(folder))
        )
        proxy = self._write(f"proxy-{name}.toml", part.proxy_settings(str(folder)))
        self._services.start(f"manager-{name}", "manager", manager)
        self._services.start(f"proxy-{name}", "proxy", proxy)

    def _wait_for_all(self) -> None:
        directory, nameserver = self._parts.directory, self._parts.nameserver
        if directory and nameserver:
            self._wait_for_nameserver(directory, nameserver)
        for cluster in self._parts.clusters:
            self._wait_for_cluster(cluster)

    def _wait_for_nameserver(
        self, directory: DirectoryPart, part: NameServerPart
    ) -> None:
        wait_until, probe = self._services.wait_until, self._probe
        place, zone = part.listen.address, directory.zone.name
        wait_until("nameserver", lambda: probe.resolve(place, zone, "SOA") is not None)
        wait_until("nameserver", probe.is_well(part.admin.address))
        self._say(f"name server: {place.host} port {place.port}")

    def _wait_for_cluster(self, part: ClusterPart) -> None:
        """Wait until all is well.

        Where the directory is elsewhere, who has been well once serves without it.
        """
        manager, proxy = f"manager-{part.name}", f"proxy-{part.name}"
        been_well = self._data / part.name / "been-well"
        alone = bool(part.token) and been_well.exists()
        answers = partial(self._probe.answers, part.url)
        self._services.wait_until(proxy, answers)
        for name, admin in ((manager, part.manager_admin), (proxy, part.proxy_admin)):
            self._wait_until_well(name, part, admin, alone=alone)
        write_durably(been_well, b"")
        self._say(f"cluster {part.name}: {part.url}")

    def _wait_until_well(
        self, name: str, part: ClusterPart, admin: Place, *, alone: bool
    ) -> None:
        """Wait for a service; where it can do `alone`, only a while."""
        is_well, says = self._probe.is_well(admin.address), self._probe.says
        deadline = time.monotonic() + (_AWAY_SECONDS if alone else math.inf)

        def why() -> str:
            # What a manager lacks its proxy lacks, too.
            if trouble := says(part.manager_admin.address):
                return f"{trouble} (the directory is at {part.directory})"
            return says(admin.address)

        self._services.wait_until(
            name, lambda: is_well() or time.monotonic() > deadline, why
        )
        if not is_well():
            self._say(f"{name} goes on with what it knows: {why()}")

    def _write(self, name: str, text: str) -> Path:
        path = self._data / name
        write_durably(path, text.encode())
        return path


def operator_token(data: Path) -> Path:
    """Give the file with the operator's token."""
    return data / "directory" / "operator.token"


def sealing_key(data: Path) -> Path:
    """Give the file with the key that seals the secrets of records."""
    return data / "directory" / "sealing.key"


def _join(api: Api, part: ClusterPart, folder: Path) -> None:
    """Add the cluster to the directory, or have it know what was changed since."""
    planned = {"name": part.name, **part.record}
    if (folder / "token").exists():
        known = api.get(f"/clusters/{part.name}")
        api.put(f"/clusters/{part.name}", known | planned)
        return
    # A start that was killed in between gets the same token again.
    join = api.post("/clusters", planned, key=f"host {part.name}")
    _write_secret(folder / "token", join["token"])


def _make_secret(path: Path) -> None:
    if not path.exists():
        _write_secret(path, secrets.token_urlsafe(32))


def _write_secret(path: Path, secret: str) -> None:
    write_durably(path, f"{secret}\n".encode(), _SECRET)
