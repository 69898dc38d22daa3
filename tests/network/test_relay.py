"""The relay does to others what it is told, and nothing else."""

import contextlib
import socket
import threading
import time

import pytest
from relay import Network


@pytest.fixture
def network():
    with Network() as network:
        yield network


@pytest.fixture
def echo():
    """A server that says again what it hears; gives its place."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection):
        with connection, contextlib.suppress(ConnectionError):
            while data := connection.recv(1 << 16):
                connection.sendall(data)

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    yield listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@pytest.fixture
def relay(network, echo):
    return network.tcp(echo)


def connect(relay):
    return socket.create_connection(relay.place, timeout=10)


def read(connection, count):
    received = b""
    while len(received) < count and (data := connection.recv(count - len(received))):
        received += data
    return received


def test_bytes_go_to_and_fro_as_they_are(relay):
    data = bytes(range(256)) * 1000
    with connect(relay) as connection:
        threading.Thread(target=connection.sendall, args=(data,)).start()
        assert read(connection, len(data)) == data
    assert (relay.up.carried, relay.down.carried) == (len(data), len(data))


def test_who_ends_its_sending_still_reads(relay):
    with connect(relay) as connection:
        connection.sendall(b"last words")
        connection.shutdown(socket.SHUT_WR)
        assert read(connection, 100) == b"last words"


@pytest.mark.parametrize("count", [1, 5, 99])
def test_a_connection_is_cut_just_where_it_was_told(relay, count):
    relay.cut_after(relay.down, count)
    with connect(relay) as connection:
        connection.sendall(bytes(100))
        assert read(connection, 100) == bytes(count)
        assert connection.recv(1) == b""
    with connect(relay) as connection:
        connection.sendall(b"the next one is whole")
        assert read(connection, 21) == b"the next one is whole"
    assert (relay.cuts, relay.accepted) == (1, 2)


def test_a_cut_can_be_a_reset(relay):
    with connect(relay) as connection:
        connection.sendall(b"hello")
        assert read(connection, 5) == b"hello"
        relay.cut(reset=True)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_a_hole_swallows_all_until_it_is_healed(relay):
    with connect(relay) as early:
        early.sendall(b"before")
        assert read(early, 6) == b"before"
        relay.blackhole()
        with connect(relay) as late:
            for each in (early, late):
                each.sendall(b"within")
                each.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    each.recv(1)
            assert relay.up.carried == 6
            relay.heal()
            for each in (early, late):
                each.settimeout(10)
                assert read(each, 6) == b"within"


def test_it_refuses_and_is_there_again_at_the_same_port(relay):
    with connect(relay) as connection:
        connection.sendall(b"hello")
        assert read(connection, 5) == b"hello"
        relay.refuse()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(relay)
    relay.heal()
    with connect(relay) as connection:
        connection.sendall(b"again")
        assert read(connection, 5) == b"again"


def test_a_slow_way_is_overtaken_by_a_fast_one(network, echo):
    slow, fast = network.tcp(echo), network.tcp(echo)
    slow.down.delay = 0.3
    with connect(slow) as first, connect(fast) as second:
        first.sendall(b"a")
        second.sendall(b"b")
        assert second.recv(1) == b"b"
        first.setblocking(False)
        with pytest.raises(BlockingIOError):
            first.recv(1)
        first.settimeout(10)
        assert first.recv(1) == b"a"


@pytest.fixture
def target():
    """A socket that datagrams arrive at."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.settimeout(10)
        yield bound


@pytest.fixture
def client():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.settimeout(10)
        yield bound


@pytest.fixture
def datagrams(network, target):
    return network.udp(target.getsockname(), seed=1)


def test_datagrams_go_to_and_fro(datagrams, client, target):
    client.sendto(b"ping", datagrams.place)
    data, via = target.recvfrom(100)
    target.sendto(data + b" pong", via)
    assert client.recvfrom(100) == (b"ping pong", datagrams.place)


def wait_until_seen(weather, count):
    while weather.seen < count:
        time.sleep(0.01)


def test_datagrams_are_lost_and_doubled_as_often_as_told(datagrams, client, target):
    datagrams.up.loss = datagrams.up.double = 0.5
    for number in range(200):
        client.sendto(b"%d" % number, datagrams.place)
    wait_until_seen(datagrams.up, 200)
    datagrams.up.loss = datagrams.up.double = 0.0
    client.sendto(b"the last", datagrams.place)
    came = []
    while (data := target.recv(100)) != b"the last":
        came.append(data)
    up = datagrams.up
    assert len(came) == up.carried - 1 == 200 - up.lost + up.doubled
    assert len(set(came)) == 200 - up.lost
    assert 0 < up.lost < 200
    assert 0 < up.doubled < 200


def test_a_late_datagram_is_overtaken(datagrams, client, target):
    datagrams.up.late = 1.0
    client.sendto(b"first", datagrams.place)
    wait_until_seen(datagrams.up, 1)
    datagrams.up.late = 0.0
    client.sendto(b"second", datagrams.place)
    assert (target.recv(100), target.recv(100)) == (b"second", b"first")


def test_the_same_seed_loses_the_same(network, client, target):
    fates = []
    for _ in range(2):
        relay = network.udp(target.getsockname(), seed=7)
        relay.up.loss = 0.5
        for number in range(20):
            client.sendto(b"%d" % number, relay.place)
        wait_until_seen(relay.up, 20)
        relay.up.loss = 0.0
        client.sendto(b"end", relay.place)
        came = []
        while (data := target.recv(100)) != b"end":
            came.append(data)
        fates.append(came)
    assert fates[0] == fates[1]
