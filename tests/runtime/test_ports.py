"""Ports that are free, and ports that are not."""

import socket

import pytest

from domicile.config import Address
from domicile.runtime import ports


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


def test_the_port_asked_for_is_the_apps_own_else_its_lowest():
    found = [Address("127.0.0.1", 5000), Address("127.0.0.1", 6000)]
    assert ports.of_the_app(found, 6000) == found[1]
    assert ports.of_the_app(found, 7000) == found[0]
    assert ports.of_the_app([], 6000) is None
