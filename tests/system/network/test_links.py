"""Links between clusters that are cut, silent or refused: what breaks looks broken."""

import http.client
import itertools
import random
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from waiting import wait_until

SIZE = 3 << 16
LATE = "amber"
"""Where the stage does not live any more."""


class Broken(Exception):
    """The response broke off."""


def connect(demo):
    return http.client.HTTPConnection(*demo.place(LATE), timeout=20)


def ask(demo, host, method, path, body=None):
    """Ask where the app was before; gives status and body, or raises Broken."""
    with closing(connect(demo)) as connection:
        return ask_over(connection, host, method, path, body)


def ask_over(connection, host, method, path, body=None):
    try:
        connection.request(method, path, body, {"Host": host})
        answer = connection.getresponse()
    except (http.client.RemoteDisconnected, ConnectionError) as error:
        raise AssertionError("a request got no answer at all") from error
    try:
        return answer.status, answer.read()
    except (http.client.IncompleteRead, ConnectionError) as error:
        raise Broken from error


def how_it_ended(ask_it):
    """Give `whole`, `broken` or the status of a page of the proxy's own."""
    try:
        status, body = ask_it()
    except Broken:
        return "broken", b""
    return ("whole" if status == 200 else str(status)), body


@pytest.fixture
def link(bad):
    """The way from amber to birch, where the stage lives."""
    return bad.link["birch"]


@pytest.mark.soak
@pytest.mark.parametrize("how", ["bytes", "chunks"])
@pytest.mark.parametrize("reset", [False, True])
def test_a_response_cut_on_its_way_through_a_tombstone_never_looks_whole(
    bad, stage, link, effort, figure, how, reset
):
    """It breaks off, or is a 502 where nothing of it was written yet."""
    chance, ends = random.Random(6), Counter()
    for _ in range(12 * effort):
        cuts = link.cuts
        most = chance.choice((300, 3000, SIZE))
        link.cut_after(link.down, chance.randrange(1, most), reset=reset)
        end, body = how_it_ended(lambda: ask(bad.demo, stage, "GET", f"/{how}/{SIZE}"))
        assert link.cuts == cuts + 1
        # Where not a byte of a response had come, it is asked for once more.
        assert end in {"broken", "502", "whole"}
        if end == "whole":
            assert len(body) == SIZE
        ends[end] += 1
    assert ends["broken"]
    assert ask(bad.demo, stage, "GET", f"/{how}/{SIZE}")[0] == 200
    figure(f"ends of responses cut within the link ({how})", dict(ends))


@pytest.mark.soak
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_post_cut_on_its_way_through_a_tombstone_is_not_repeated(
    bad, stage, link, effort, figure, way
):
    """Neither over a new connection nor over one that was kept, with a body or none."""
    ends, chance = Counter(), random.Random(7)
    for number in range(16 * effort):
        cuts, path = link.cuts, f"/count/{way}-{number}"
        body, kept = chance.choice((b"", bytes(SIZE))), chance.random() < 0.5
        most = (300 if kept else 2000) if way == "down" or not body else SIZE
        with closing(connect(bad.demo)) as client:
            if kept:
                assert ask_over(client, stage, "GET", "/")[0] == 200
            link.cut_after(getattr(link, way), chance.randrange(1, most))
            end, told = how_it_ended(
                lambda client=client, path=path, body=body: ask_over(
                    client, stage, "POST", path, body
                )
            )
        link.cut_after(getattr(link, way), None)
        ends[end] += 1
        came = int(bad.demo.fetch(stage, path, at="birch").text)
        assert came <= 1
        if link.cuts == cuts:
            assert (end, told, came) == ("whole", b"1", 1)
        else:
            assert end in {"502", "broken"}
    assert ends["502"]
    figure(f"ends of POSTs whose link was cut {way}", dict(ends))


def test_a_link_that_falls_silent_is_waited_for_as_long_as_was_told(bad, stage, link):
    """Whether a connection is kept or has to be made, and whatever is to be sent."""
    demo = bad.demo
    assert ask(demo, stage, "GET", "/")[0] == 200
    link.blackhole()
    with ThreadPoolExecutor() as pool:
        bodies = (None, b"small", bytes(1 << 23))
        asked = [
            pool.submit(ask, demo, stage, "POST" if body else "GET", "/digest", body)
            for body in bodies
        ]
        for each in asked:
            status, page = each.result()
            assert (status, b"504" in page) == (504, True)
    link.heal()
    assert ask(demo, stage, "POST", "/digest", b"small")[0] == 200


def test_a_link_that_falls_silent_within_a_response_breaks_it_off(bad, stage, link):
    link.down.rate = 100_000
    with bad.demo.connect(LATE) as client:
        path = f"/bytes/{1 << 22}"
        client.sendall(f"GET {path} HTTP/1.0\r\nHost: {stage}\r\n\r\n".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        link.blackhole()
        with pytest.raises(ConnectionResetError):
            read_all(client)


def read_all(client):
    while client.recv(1 << 16):
        pass


def test_a_link_that_refuses_is_a_502_and_is_found_again(bad, stage, link):
    link.refuse()
    assert ask(bad.demo, stage, "GET", "/")[0] == 502
    assert ask(bad.demo, stage, "POST", "/digest", b"body")[0] == 502
    assert bad.demo.fetch(stage, at="birch").status_code == 200
    link.heal()
    assert ask(bad.demo, stage, "POST", "/digest", b"body")[0] == 200


def test_a_slow_link_passes_everything_on(bad, stage, link):
    link.up.delay = link.down.delay = 0.2
    assert ask(bad.demo, stage, "POST", "/digest", b"body")[0] == 200
    status, body = ask(bad.demo, stage, "GET", f"/chunks/{1 << 16}")
    assert (status, len(body)) == (200, 1 << 16)


def test_a_second_link_is_taken_where_the_first_refuses(bad, stage, link):
    """A cluster's record may have several."""
    path = "/clusters/birch"
    record = bad.demo.api("GET", path).json()
    both = [*record["links"], "{}:{}".format(*link.target)]
    bad.demo.api("PUT", path, record | {"links": both}).raise_for_status()
    try:
        wait_until(lambda: bad.has_all("proxy-amber"))
        link.refuse()
        wait_until(lambda: ask(bad.demo, stage, "GET", "/")[0] == 200)
        for _ in itertools.repeat(None, 5):
            assert ask(bad.demo, stage, "POST", "/digest", b"body")[0] == 200
    finally:
        bad.demo.api("PUT", path, record).raise_for_status()


def test_a_client_that_is_cut_off_ends_its_request_behind_the_tombstone(
    bad, stage, link, tmp_path
):
    """The app's copy is not asked for ever for nobody: the drain would wait for it."""
    with socket.create_connection(bad.demo.place(LATE), timeout=20) as client:
        client.sendall(
            f"GET /until{tmp_path}/never HTTP/1.1\r\nHost: {stage}\r\n\r\n".encode()
        )
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        link.cut()
    wait_until(lambda: bad.metric("proxy-birch", "in_flight") == 0)
