"""How long a name server's first copy of a big directory takes, and how much memory.

    .venv/bin/python bench/first_sync.py 1000000

A directory's store is filled with so many apps, beside the service; then the service and
a name server without a replica are started, and looked at until a name is answered.
"""

import asyncio
import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import psutil

from domicile.bench.names import ZONE, name_of, owners
from domicile.bench.records import CLUSTER, of_a_directory
from domicile.model.digest import add_up, record_digest, record_key, to_bytes
from domicile.model.names import hosts_of
from domicile.model.record import Record
from domicile.model.records import (
    App,
    AppState,
    Release,
    Residence,
    ResidenceState,
    encode,
)
from domicile.runtime.ports import free_port
from domicile.store.store import Store

TOKEN = "first-sync-" + "0" * 32
PATIENCE = 3600.0
SHOWN_EACH = 1_000_000
# KiB of the store that are held in memory while it is filled.
CACHE = 8_000_000


def main(names: int) -> None:
    with tempfile.TemporaryDirectory(prefix="domicile-sync-") as name:
        folder = Path(name)
        fill(folder / "directory.db", names)
        size = (folder / "directory.db").stat().st_size
        print(f"{names:,} apps: a store of {size / 1e6:.0f} MB", file=sys.stderr)
        print(json.dumps({"names": names} | sync(folder, names)))


def records_of(names: int) -> Iterator[Record]:
    """Give what a directory has, beside what name servers follow."""
    yield from of_a_directory(names)
    for name in map(name_of, range(names)):
        release = Release(name.id, name.id, "0" * 64, "python app.py")
        running = AppState.RUNNING
        yield App(name.id, name.app, name.owner, ZONE, 1, running, name.id)
        yield release
        hosts = hosts_of(name.app, name.owner, name.id, ZONE)
        here = ResidenceState.HERE
        yield Residence(name.id, CLUSTER, 1, here, hosts=hosts, release=release)


def fill(path: Path, names: int) -> None:
    """Write the store's rows as its transactions would have left them, but history."""
    asyncio.run(make(path))
    sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])

    def rows() -> Iterator[tuple[str, str, str, bytes, int]]:
        for serial, record in enumerate(records_of(names), 1):
            if serial % SHOWN_EACH == 0:
                print(f"{serial:,} records written", file=sys.stderr)
            value = encode(record)
            row = sums[record.kind, record.scope]
            part = record_digest(record_key(record.kind, record.key), value)
            row[0], row[1] = add_up(row[0], part), row[1] + 1
            yield record.kind, record.key, record.scope, value, serial

    with sqlite3.connect(path) as store:
        # Keys come in no order: what is in memory is written once, and nothing twice.
        for pragma in ("journal_mode=off", "synchronous=off", f"cache_size=-{CACHE}"):
            store.execute(f"PRAGMA {pragma}")
        store.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows())
        serial = sum(count for _, count in sums.values())
        store.execute("UPDATE head SET serial = ?", (serial,))
        store.executemany(
            "INSERT INTO digests (kind, scope, digest, records) VALUES (?, ?, ?, ?)",
            [(*key, to_bytes(digest), count) for key, (digest, count) in sums.items()],
        )
        token = hashlib.sha256(TOKEN.encode()).digest()
        row = (token, "nameserver", "ns1", time.time())
        store.execute("INSERT INTO tokens VALUES (?, ?, ?, ?)", row)
    store.execute("PRAGMA journal_mode=wal")
    store.close()
    assert len(list(owners(names))) == sums["owner", ""][1]


async def make(path: Path) -> None:
    await (await Store.open(path)).close()


def sync(folder: Path, names: int) -> dict[str, float]:
    api, port = free_port([]), free_port([])
    (folder / "directory.toml").write_text(
        f'data = "{folder}"\nlisten = "127.0.0.1:{api}"\n'
    )
    (folder / "token").write_text(TOKEN)
    (folder / "nameserver.toml").write_text(
        f'name = "ns1"\ndirectory = "http://127.0.0.1:{api}"\n'
        f'token_file = "{folder}/token"\ndata = "{folder}/replica"\n'
        f'listen = ["127.0.0.1:{port}"]\nworkers = 1\n'
    )
    directory = start("directory", folder)
    server = start("nameserver", folder)
    try:
        begun = time.monotonic()
        peaks = wait_for_answer(port, names, {"directory": directory, "ns": server})
        seconds = time.monotonic() - begun
    finally:
        for each in (server, directory):
            each.send_signal(signal.SIGTERM)
            each.wait()
    for line in (folder / "nameserver.log").read_text().splitlines():
        print(line, file=sys.stderr)
    return {"seconds": round(seconds, 1), **peaks}


def start(service: str, folder: Path) -> subprocess.Popen[bytes]:
    config = str(folder / f"{service}.toml")
    command = [sys.executable, "-P", "-m", "domicile", service, "--config", config]
    with (folder / f"{service}.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def wait_for_answer(
    port: int, names: int, services: dict[str, subprocess.Popen[bytes]]
) -> dict[str, float]:
    """Wait until the last name is answered; give each service's most memory, in MB."""
    peaks: dict[str, float] = {}
    query = dns.message.make_query(name_of(names - 1).host, "A")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for name, process in services.items():
            for child in psutil.Process(process.pid).children():
                with suppress(psutil.Error):
                    memory = child.memory_full_info().uss / 1e6
                    key = f"{name}_peak_mb"
                    peaks[key] = max(peaks.get(key, 0.0), round(memory, 1))
        with suppress(OSError, dns.exception.DNSException):
            if dns.query.udp(query, "127.0.0.1", port=port, timeout=0.5).answer:
                return peaks
        time.sleep(0.2)
    raise SystemExit("no answer within the hour")


if __name__ == "__main__":
    main(int(sys.argv[1]))
