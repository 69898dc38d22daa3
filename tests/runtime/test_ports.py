"""Ports of real processes that really listen."""

import os
import socket
import sys

import psutil
import pytest

from domicile.config import Address
from domicile.runtime import ports

LISTEN = (
    f"exec {sys.executable} -c 'import socket, signal; "
    's = socket.create_server(("127.0.0.1", 0)); '
    "print(s.getsockname()[1], flush=True); signal.pause()'"
)


def test_a_free_port_can_be_bound():
    port = ports.free_port()
    socket.create_server(("127.0.0.1", port)).close()


def test_a_port_where_somebody_listens_is_never_given():
    """On whichever address, since an app may bind all of them."""
    port = ports.free_port()
    with socket.create_server(("127.0.0.9", port)), pytest.raises(ports.NoFreePort):
        ports.free_port(among=range(port, port + 1))


def test_a_port_that_still_belongs_to_an_app_is_never_given():
    port = ports.free_port()
    with pytest.raises(ports.NoFreePort, match=str(port)):
        ports.free_port(avoid={port}, among=range(port, port + 1))


def test_listening_sockets_are_found_and_others_are_not():
    me = psutil.Process(os.getpid())
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
    ):
        found = ports.listening([me])
        assert Address(*listener.getsockname()) in found
        assert Address(*client.getsockname()) not in found


def test_an_app_that_ignores_its_port_is_found_in_its_process_tree(yard):
    """Behind a shell that stays its parent."""
    app = yard.start(f"({LISTEN}) & wait", port=1)
    (port,) = yard.lines(1)
    assert ports.listening(app.members()) == [Address("127.0.0.1", int(port))]


def test_a_process_that_has_ended_listens_nowhere(yard):
    app = yard.start(LISTEN)
    yard.lines(1)
    members = app.members()
    for each in members:
        each.kill()
    while app.alive:
        pass
    assert ports.listening(members) == []


def test_the_port_asked_for_is_the_apps_own_else_its_lowest():
    found = [Address("127.0.0.1", 5000), Address("127.0.0.1", 6000)]
    assert ports.of_the_app(found, 6000) == found[1]
    assert ports.of_the_app(found, 7000) == found[0]
    assert ports.of_the_app([], 6000) is None
