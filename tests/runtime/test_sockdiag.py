"""The kernel's own list of who listens."""

import os
import socket

import pytest

from domicile.config import Address
from domicile.runtime import sockdiag


@pytest.mark.parametrize(
    ("host", "family"), [("127.0.0.9", socket.AF_INET), ("::1", socket.AF_INET6)]
)
def test_who_listens_is_told_and_who_is_only_connected_is_not(host, family):
    with (
        socket.create_server((host, 0), family=family) as listener,
        socket.create_connection(listener.getsockname()[:2]),
    ):
        port = listener.getsockname()[1]
        found = [each for each in sockdiag.ask(family) if each.address.port == port]
        inode = os.fstat(listener.fileno()).st_ino
        assert found == [(Address(host, port), inode)]


def test_very_many_are_all_told():
    listeners = [socket.create_server(("127.0.0.9", 0)) for _ in range(500)]
    mine = {os.fstat(each.fileno()).st_ino for each in listeners}
    told = {each.inode for each in sockdiag.ask(socket.AF_INET)}
    for each in listeners:
        each.close()
    assert mine <= told


def test_what_the_kernel_does_not_know_is_an_error():
    with pytest.raises(OSError, match="does not tell"):
        list(sockdiag.ask(250))
