"""Real sockets that really listen, and whose they are."""

import contextlib
import os
import socket
import sys

import psutil
import pytest

from domicile.config import Address
from domicile.runtime import listeners, sockdiag

LISTEN = (
    f"exec {sys.executable} -c 'import socket, signal; "
    's = socket.create_server(("127.0.0.1", 0)); '
    "print(s.getsockname()[1], flush=True); signal.pause()'"
)


def test_listening_sockets_are_found_and_others_are_not():
    me = psutil.Process(os.getpid())
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
    ):
        found = listeners.listening([me])
        assert Address(*listener.getsockname()) in found
        assert Address(*client.getsockname()) not in found


def test_an_app_that_ignores_its_port_is_found_in_its_process_tree(yard):
    """Behind a shell that stays its parent."""
    app = yard.start(f"({LISTEN}) & wait", port=1)
    (port,) = yard.lines(1)
    assert listeners.listening(app.members()) == [Address("127.0.0.1", int(port))]


def test_a_process_that_has_ended_listens_nowhere(yard):
    app = yard.start(LISTEN)
    yard.lines(1)
    members = app.members()
    for each in members:
        each.kill()
    while app.alive:
        pass
    assert listeners.listening(members) == []


@contextlib.contextmanager
def listener(host, port=0, **more):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, **more) as opened:
        yield opened


def inode(opened):
    return os.fstat(opened.fileno()).st_ino


def reached(host, opened):
    address = Address(host, opened.getsockname()[1])
    return listeners.at(address, listeners.all_listeners())


@pytest.mark.parametrize(
    ("host", "reached_at"),
    [
        ("127.0.0.9", {"127.0.0.9"}),
        ("0.0.0.0", {"127.0.0.9", "127.0.0.1", "0.0.0.0"}),
        ("::1", {"::1"}),
        ("::", {"127.0.0.9", "127.0.0.1", "::1", "0.0.0.0"}),
        ("::ffff:127.0.0.9", {"127.0.0.9"}),
    ],
)
def test_who_listens_is_reached_where_connections_come_to_it(host, reached_at):
    both = {"dualstack_ipv6": True} if host in {"::", "::ffff:127.0.0.9"} else {}
    with listener(host, **both) as opened:
        for address in ("127.0.0.9", "127.0.0.1", "::1", "0.0.0.0"):
            found = {inode(opened)} if address in reached_at else set()
            assert reached(address, opened) == found


def test_who_is_not_told_by_the_kernel_reads_the_same_in_proc(monkeypatch):
    with listener("127.0.0.9"), listener("0.0.0.0"), listener("::1"), listener("::"):
        told = set(listeners.all_listeners())
        monkeypatch.setattr(sockdiag, "ask", refuse)
        mine = {inode for _, _, inode in listeners.holders([psutil.Process()])}
        assert {x for x in told if x.inode in mine} == {
            x for x in listeners.all_listeners() if x.inode in mine
        }
        assert len({x for x in told if x.inode in mine}) == 4


def refuse(_family):
    raise PermissionError


def test_who_listens_at_one_address_comes_before_who_listens_at_all():
    with listener("127.0.0.9", reuse_port=True) as one:
        port = one.getsockname()[1]
        with listener("0.0.0.0", port, reuse_port=True) as every:
            assert reached("127.0.0.9", one) == {inode(one)}
            assert reached("127.0.0.1", one) == {inode(every)}


def test_all_who_share_a_port_are_told():
    with listener("127.0.0.9", reuse_port=True) as one:
        port = one.getsockname()[1]
        with listener("127.0.0.9", port, reuse_port=True) as two:
            assert reached("127.0.0.9", one) == {inode(one), inode(two)}


def test_a_socket_is_held_until_it_is_closed():
    with listener("127.0.0.1") as opened:
        me = psutil.Process(os.getpid())
        (holder,) = [x for x in listeners.holders([me]) if x.inode == inode(opened)]
        assert holder == (os.getpid(), opened.fileno(), inode(opened))
        assert holder.holds_on()
    assert not holder.holds_on()


def test_a_socket_that_is_open_and_listens_no_more_is_no_listener():
    with listener("127.0.0.1") as opened:
        opened.shutdown(socket.SHUT_RDWR)
        assert reached("127.0.0.1", opened) == set()
