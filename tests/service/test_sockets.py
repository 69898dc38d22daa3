"""Ports: taken ones are told clearly, free ones are shared by the workers."""

import socket

import pytest

from domicile.config import Address
from domicile.service.sockets import (
    CannotListen,
    PortTaken,
    Protocol,
    open_alone,
    open_for_workers,
)

BOTH = (Protocol.UDP, Protocol.TCP)
ANY = Address("127.0.0.1", 0)


def test_each_worker_gets_its_own_socket_on_one_port():
    listeners = open_for_workers(ANY, 3, BOTH)
    ports = {each.getsockname()[1] for each in (*listeners.tcp, *listeners.udp)}
    assert ports == {listeners.address.port}
    assert len(listeners.tcp) == len(listeners.udp) == 3
    listeners.close()


def test_connections_spread_over_the_workers():
    listeners = open_for_workers(ANY, 2)
    clients = [socket.create_connection(listeners.address) for _ in range(64)]
    accepted = [0, 0]
    for worker, listener in enumerate(listeners.tcp):
        try:
            while True:
                listener.accept()[0].close()
                accepted[worker] += 1
        except BlockingIOError:
            pass
    assert sum(accepted) == 64
    assert min(accepted) > 0
    for client in clients:
        client.close()
    listeners.close()


@pytest.mark.parametrize("protocol", Protocol)
def test_a_second_copy_of_ourselves_finds_the_port_taken(protocol):
    """Also though the first one opened it with SO_REUSEPORT."""
    first = open_for_workers(ANY, 2, [protocol])
    with pytest.raises(PortTaken) as caught:
        open_for_workers(first.address, 2, [protocol])
    line = str(caught.value)
    assert str(first.address) in line
    assert protocol.name in line
    assert "\n" not in line
    first.close()


def test_a_port_taken_in_one_protocol_only_is_taken():
    # A port that is free in both: others on this machine have connections.
    both = open_for_workers(ANY, 1, (Protocol.TCP, Protocol.UDP))
    both.close()
    first = open_for_workers(both.address, 1, [Protocol.UDP])
    open_for_workers(first.address, 1, [Protocol.TCP]).close()
    with pytest.raises(PortTaken, match=r"\(UDP\)"):
        open_for_workers(first.address, 1, (Protocol.TCP, Protocol.UDP))
    first.close()


def test_a_port_where_a_stranger_listens_is_taken():
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(ANY)
        stranger.listen()
        with pytest.raises(PortTaken):
            open_for_workers(Address(*stranger.getsockname()), 1)


def test_connections_in_time_wait_do_not_keep_us_from_our_port():
    first = open_for_workers(ANY, 1)
    first.tcp[0].setblocking(True)
    client = socket.create_connection(first.address)
    served, _ = first.tcp[0].accept()
    served.close()
    assert client.recv(1) == b""
    client.close()
    first.close()
    open_for_workers(first.address, 1).close()


def test_an_address_that_is_not_ours_is_told():
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1:53"):
        open_for_workers(Address("192.0.2.1", 53), 1)


def test_a_host_name_is_no_address():
    with pytest.raises(CannotListen, match="IP address"):
        open_alone(Address("no such host", 0))


def test_ipv6_and_ipv4_share_a_port():
    six = open_for_workers(Address("::1", 0), 1)
    four = open_for_workers(Address("127.0.0.1", six.address.port), 1)
    four.close()
    six.close()


def test_a_lone_listener_shares_with_nobody():
    with open_alone(ANY) as lone, pytest.raises(PortTaken):
        open_alone(Address(*lone.getsockname()))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_no_datagram_is_ever_fragmented(host):
    """RFC 9715; the numbers are those of <linux/in.h> and <linux/in6.h>."""
    listeners = open_for_workers(Address(host, 0), 1, BOTH)
    (udp,) = listeners.udp
    level, option = (41, 23) if ":" in host else (0, 10)
    assert udp.getsockopt(level, option) == 3
    listeners.close()
