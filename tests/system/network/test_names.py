"""A name server behind a network that loses, doubles, reorders and cuts."""

import contextlib
import random
import socket
from concurrent.futures import ThreadPoolExecutor

import dns.message
import dns.query
import dns.rcode
import dns.resolver
import pytest

HELLO = "hello.ada.apps.test"
CHAT = "chat.bob.apps.test"


@pytest.fixture(scope="module")
def homes(relayed):
    """What is right: asked of the name server itself."""
    hosts = (HELLO, CHAT, "ns1.apps.test", "nobody.ada.apps.test")
    return {host: relayed.demo.resolve(host) for host in hosts}


def spoil(weather):
    weather.loss = weather.double = weather.late = 0.3


def retrying(relay):
    client = dns.resolver.Resolver(configure=False)
    client.nameservers = [relay.place[0]]
    client.port = relay.place[1]
    client.timeout, client.lifetime = 0.2, 60
    return client


def ask(client, host):
    try:
        return str(client.resolve(host)[0])
    except dns.resolver.NXDOMAIN:
        return None


@pytest.mark.soak
def test_who_asks_again_is_always_told_what_is_right(bad, homes, effort, figure):
    spoil(bad.names.up)
    spoil(bad.names.down)
    hosts = [random.Random(1).choice(list(homes)) for _ in range(100 * effort)]
    client = retrying(bad.names)
    with ThreadPoolExecutor(50) as pool:
        told = list(pool.map(lambda host: ask(client, host), hosts))
    assert told == [homes[host] for host in hosts]
    assert bad.names.up.lost
    assert bad.names.down.lost
    lost = bad.names.up.lost + bad.names.down.lost
    figure("DNS questions answered rightly by a bad network", len(told))
    figure("of their datagrams, lost", lost)


@pytest.mark.parametrize("kind", ["A", "AAAA", "SOA", "NS"])
@pytest.mark.parametrize("host", [HELLO, "apps.test", "nobody.ada.apps.test"])
def test_a_doubled_question_gets_the_same_answer_twice(bad, host, kind):
    bad.names.up.double = bad.names.down.double = 1.0
    query = dns.message.make_query(host, kind).to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.connect(bad.names.place)
        client.send(query)
        answers = [client.recv(4096) for _ in range(4)]
    assert len(set(answers)) == 1
    assert answers[0][:2] == query[:2]


def ask_framed(relay, queries):
    """Ask by TCP, all at once; gives all that comes until the end."""
    framed = b"".join(len(query).to_bytes(2, "big") + query for query in queries)
    received = b""
    with (
        socket.create_connection(relay.place, timeout=10) as client,
        contextlib.suppress(ConnectionError),
    ):
        client.sendall(framed)
        client.shutdown(socket.SHUT_WR)
        while data := client.recv(4096):
            received += data
    return received


@pytest.mark.soak
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_tcp_conversation_cut_within_a_message_has_whole_answers_until_there(
    bad, effort, figure, way
):
    """And none that only looks whole; whoever comes next is served."""
    relay, chance = bad.names_tcp, random.Random(2)
    queries = [
        dns.message.make_query(host, "A", id=number).to_wire()
        for number, host in enumerate((HELLO, CHAT, "apps.test") * 4)
    ]
    whole = ask_framed(relay, queries)
    size = len(whole) if way == "down" else sum(2 + len(query) for query in queries)
    for _ in range(20 * effort):
        relay.cut_after(getattr(relay, way), chance.randrange(1, size))
        received = ask_framed(relay, queries)
        assert len(received) < len(whole)
        assert whole.startswith(received)
    assert ask_framed(relay, queries) == whole
    figure(f"DNS conversations cut {way}", 20 * effort)


def test_a_slow_tcp_conversation_is_served(bad, homes):
    bad.names_tcp.up.delay = bad.names_tcp.down.delay = 0.2
    query = dns.message.make_query(HELLO, "A")
    host, port = bad.names_tcp.place
    answer = dns.query.tcp(query, host, timeout=10, port=port)
    assert str(answer.answer[0][0]) == homes[HELLO]
