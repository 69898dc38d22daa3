"""A directory that changes, and a name server that follows it and is followed."""

import pytest
from primary import BEGIN, Directory, Primary, Store, apps


@pytest.fixture
def store():
    found = Store()
    found.write(*BEGIN, *apps(range(20)))
    return found


@pytest.fixture
def directory(store):
    server = Directory(store)
    yield server
    server.kill()


@pytest.fixture
def start_primary(tmp_path, directory):
    started = []

    def start(*notify, key=""):
        primary = Primary(tmp_path, directory, notify, key)
        started.append(primary)
        primary.start()
        return primary

    yield start
    for each in started:
        each.end()
