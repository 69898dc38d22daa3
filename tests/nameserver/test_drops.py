"""What the kernel dropped is told, and told on /metrics."""

import socket

import pytest

from domicile.nameserver.counts import FAMILIES, Tally
from domicile.nameserver.drops import dropped
from domicile.service.counters import Counters


@pytest.fixture
def client(udp):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.connect(udp.getsockname())
        yield sending


def take_all(udp):
    taken = 0
    try:
        while udp.recv(2048):
            taken += 1
    except BlockingIOError:
        return taken


def test_what_finds_a_full_queue_is_counted_and_nothing_else(udp, client):
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    assert dropped(udp) == 0
    for _ in range(100):
        client.send(bytes(500))
    taken = take_all(udp)
    assert 0 < taken < 100
    assert dropped(udp) == 100 - taken
    client.send(bytes(500))
    assert take_all(udp) == 1
    assert dropped(udp) == 100 - taken


def test_a_successor_of_a_worker_goes_on_with_its_number():
    counters = Counters(FAMILIES, 2)
    for row, count in ((0, 3), (1, 4), (0, 5)):
        Tally(counters, counters.row(row)).note_dropped(count)
    assert counters.total("domicile_nameserver_datagrams_dropped") == 5 + 4
