"""Who may be connected, and who goes when there are too many."""

import asyncio
import contextlib
import socket

import pytest

from domicile.nameserver.connection import Service
from domicile.nameserver.connections import Connections, Limits


class Peer:
    """A connection, as far as it is counted."""

    def __init__(self, connections, prefix):
        self.prefix = prefix
        self.connections = connections
        self.is_in = connections.add(self)

    def cut(self):
        self.is_in = False
        self.connections.remove(self)

    def close(self):
        self.cut()


@pytest.fixture
def connections():
    return Connections(Limits(most=20, most_of_one_peer=8))


def come(connections, *prefixes):
    return [Peer(connections, prefix) for prefix in prefixes]


def test_a_network_has_no_more_than_its_share(connections):
    assert [each.is_in for each in come(connections, *[1] * 9)] == [True] * 8 + [False]
    assert come(connections, 2)[0].is_in


def test_a_share_is_given_back(connections):
    mine = come(connections, *[1] * 8)
    mine[3].cut()
    assert come(connections, 1)[0].is_in


def test_when_full_the_one_idle_longest_goes_for_who_is_new(connections):
    there = come(connections, *range(20))
    connections.touch(there[0])
    assert come(connections, 99)[0].is_in
    assert [each.is_in for each in there[:3]] == [True, False, True]
    assert len(connections) == 20


def test_the_last_places_are_for_who_has_none(connections):
    """Networks that come again and again push out their own."""
    good = come(connections, *range(100, 110))
    crowd = come(connections, *[1] * 4, *[2] * 4)
    assert all(each.is_in for each in good + crowd)
    again = come(connections, *[1, 2] * 50)
    assert len(connections) == 18
    assert all(each.is_in for each in good)
    assert not any(each.is_in for each in crowd)
    assert [each.is_in for each in again] == [False] * 92 + [True] * 8
    assert all(each.is_in for each in come(connections, 201, 202))
    assert all(each.is_in for each in good)


async def test_a_thousand_connections_of_one_address_leave_room_for_others(
    serve, replies
):
    served = Service(Connections(), replies)
    port = await serve(served)
    with contextlib.ExitStack() as opened:
        for _ in range(1000):
            client = opened.enter_context(socket.socket())
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(("127.0.0.1", port))
            await asyncio.sleep(0)
        while len(served.connections) < 100:
            await asyncio.sleep(0.01)
        assert len(served.connections) == 100
        other = opened.enter_context(socket.socket())
        other.bind(("127.9.9.9", 0))
        other.setblocking(False)
        await asyncio.get_running_loop().sock_connect(other, ("127.0.0.1", port))
        while len(served.connections) < 101:
            await asyncio.sleep(0.01)
