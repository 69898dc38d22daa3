"""Hosts reach each other where that is allowed, and nothing is left of them."""

import socket
import subprocess
import threading
from pathlib import Path

import pytest
from switch import NotPossible, Switch, Way

ADDRESSES = {"left": "192.0.2.1", "right": "192.0.2.2"}


@pytest.fixture
def switch():
    try:
        with Switch(ADDRESSES, [Way("left", "right", "80")]) as switch:
            yield switch
    except NotPossible as error:
        pytest.skip(str(error))


@pytest.fixture
def servers(switch):
    """Who says hello to whoever comes, at each host, at ports 80 and 81."""
    listeners = []
    for host in ADDRESSES:
        with switch.at(host):
            listeners += [socket.create_server(("", port)) for port in (80, 81)]

    def serve(listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.sendall(b"hello")
            connection.close()

    threads = [threading.Thread(target=serve, args=(each,)) for each in listeners]
    for thread in threads:
        thread.start()
    yield
    for listener, thread in zip(listeners, threads, strict=True):
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def reaches(switch, source, target, port):
    with switch.at(source):
        try:
            place = (ADDRESSES[target], port)
            with socket.create_connection(place, timeout=0.5) as connection:
                return connection.recv(5) == b"hello"
        except TimeoutError:
            return False


@pytest.mark.usefixtures("servers")
def test_who_may_reaches_whom_and_nobody_else_does(switch):
    assert reaches(switch, "left", "right", 80)
    assert switch.refused == 0
    assert not reaches(switch, "left", "right", 81)
    assert not reaches(switch, "right", "left", 80)
    assert switch.refused > 0


@pytest.mark.usefixtures("servers")
def test_hosts_are_parted_and_healed(switch):
    switch.part("right", "left")
    assert not reaches(switch, "left", "right", 80)
    switch.heal()
    assert reaches(switch, "left", "right", 80)
    switch.part_from_all("left")
    assert not reaches(switch, "left", "right", 80)


def test_nothing_is_left_in_the_end(switch):
    """Of the namespaces, and of who was in them."""
    made = [
        path for path in Path("/run/netns").iterdir() if switch._prefix in path.name
    ]
    assert len(made) == 3
    with switch.at("left"):
        sleeping = subprocess.Popen(["sleep", "1000"])
    switch.close()
    assert not any(path.exists() for path in made)
    assert sleeping.wait() < 0
