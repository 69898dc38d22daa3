"""Services that die are started again."""

import time

from domicile.host.revival import Revival


def test_who_dies_soon_starts_again_later_each_time(tmp_path, services):
    said = []
    revival = Revival(services, said.append)
    services.start("directory", "directory", tmp_path / "missing.toml")
    while len(said) < 3:
        revival.look()
        time.sleep(0.02)
    assert said == [
        f"directory ended with status 1: it starts again {when}"
        for when in ("now", "in 0.5 s", "in 1 s")
    ]


def test_whose_time_has_not_come_waits(tmp_path, services):
    revival = Revival(services, lambda _: None)
    services.start("directory", "directory", tmp_path / "missing.toml")
    revival._failures["directory"] = 6
    revival._started_at["directory"] = time.monotonic()
    while services.table():
        revival.look()
        time.sleep(0.02)
    revival.look()
    assert services.table() == {}
