"""A worker has no descriptors left: who is connected is served, who comes waits."""

import contextlib
import http.client
import resource
import socket

import dns.message
import dns.query
import pytest
from waiting import wait_until

HELLO = "hello.ada.apps.test"
FEW = 100
FLOOD = 3 * FEW
WORKERS = {
    "nameserver": ("worker-1", "worker-2"),
    "proxy-amber": ("worker-0", "worker-1"),
}


@pytest.fixture
def demo(whole_demo):
    """Both workers may open few files more than they have."""
    workers = [
        whole_demo.children(name)[child].pid
        for name, children in WORKERS.items()
        for child in children
    ]
    kind = resource.RLIMIT_NOFILE
    before = {pid: resource.prlimit(pid, kind) for pid in workers}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, kind, (FEW, hard))
    yield whole_demo
    for pid, limits in before.items():
        resource.prlimit(pid, kind, limits)


@contextlib.contextmanager
def flooded(place):
    """Open more connections than there are descriptors, and say nothing."""
    with contextlib.ExitStack() as opened:
        for _ in range(FLOOD):
            opened.enter_context(socket.create_connection(place, timeout=20))
        yield


def get(connection):
    connection.request("GET", "/", headers={"Host": HELLO})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def test_a_proxy_without_descriptors_serves_who_is_there_and_recovers(demo):
    place = demo.place("amber")
    connection = http.client.HTTPConnection(*place, timeout=20)
    with contextlib.closing(connection):
        assert get(connection) == 200
        with flooded(place):
            assert [get(connection) for _ in range(5)] == [200] * 5
        wait_until(lambda: demo.fetch(HELLO, at="amber").status_code == 200)
        assert [demo.fetch(HELLO, at="amber").status_code for _ in range(20)] == [
            200
        ] * 20


def test_a_name_server_without_descriptors_answers_by_udp_and_recovers(demo):
    home = demo.place("amber")[0]
    place = ("127.0.0.1", demo.ports["nameserver"])
    query = dns.message.make_query(HELLO, "A")
    with socket.create_connection(place, timeout=20) as connection:
        assert dns.query.tcp(query, place[0], sock=connection, timeout=20).answer
        with flooded(place):
            assert [demo.resolve(HELLO) for _ in range(20)] == [home] * 20
            assert dns.query.tcp(query, place[0], sock=connection, timeout=20).answer
    wait_until(lambda: answers_by_tcp(demo, 20) == [home] * 20)


def answers_by_tcp(demo, count):
    """Give no answers while the connections of the flood are not all gone."""
    with contextlib.suppress(OSError, EOFError):
        return [demo.resolve(HELLO, ask=dns.query.tcp) for _ in range(count)]
    return []
