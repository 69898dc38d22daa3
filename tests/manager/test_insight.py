"""What the manager tells operators, of its own and of a proxy that is asked."""

import pytest

from domicile.config import Address
from domicile.manager.insight import Insight
from domicile.model.feed import Ask, FrameReader
from domicile.model.records import Endpoint, EndpointState, Residence
from domicile.replica.answer import Answer
from domicile.replica.replica import Replica
from domicile.service.admin import Admin
from domicile.service.asking import open_client
from domicile.service.sockets import open_alone
from domicile.store.feed import Feed
from domicile.store.store import Store

APP = "i" * 26
HOST = "hello.ada.apps.test"
RUNNING = Endpoint(APP, 2, EndpointState.RUNNING, "127.0.0.1", 20000)


@pytest.fixture
async def insight(tmp_path, site):
    replica = Replica.open(tmp_path / "directory", writable=True)
    async with open_client() as client:
        yield Insight(
            "amber", replica, site.store, site.feed, site.releases, client
        )  # fmt: skip
    replica.close()


@pytest.fixture
async def follow(insight):
    """Follow the manager as a proxy with this admin address."""

    async def follow(name, admin):
        ask = Ask(name, ("residence",), cluster="amber", admin=admin)
        return [piece async for piece in insight.feed.answer(ask)]

    return follow


@pytest.fixture
async def proxy():
    """The admin listener of a proxy."""

    async def explain(query):
        return {"host": query["host"], "serial": 7, "outcome": "ToUpstream"}

    listener = open_alone(Address("127.0.0.1", 0))
    server = await Admin({"/explain": explain}).serve(listener)
    yield str(Address(*listener.getsockname()))
    server.close()
    await server.wait_closed()


async def test_a_host_is_explained_with_what_its_proxies_say(
    insight, follow, proxy, tmp_path
):
    await follow("proxy-1", proxy)
    await follow("proxy-2", "")
    await _have_it_live_here(insight, tmp_path)
    said = await insight.explain({"host": HOST.upper()})
    assert said["wanted"] == {"state": "here", "generation": 2}
    assert (said["residence"].generation, said["endpoint"]) == (2, RUNNING)
    assert (said["serial"], said["store_serial"]) == (1, 2)
    one, two = said["proxies"]
    assert one == {
        "proxy": "proxy-1", "host": HOST, "serial": 7, "outcome": "ToUpstream",
    }  # fmt: skip
    assert two["proxy"] == "proxy-2"
    assert "admin listener is unknown" in two["error"]


async def test_of_an_unknown_host_nothing_is_said(insight):
    said = await insight.explain({})
    assert said["wanted"] is said["residence"] is said["endpoint"] is None
    assert said["proxies"] == []


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ({}, [str(number) for number in range(20, 120)]),
        ({"lines": "2"}, ["118", "119"]),
        ({"lines": "x"}, [str(number) for number in range(20, 120)]),
        ({"lines": "0"}, []),
        ({"app": "b" * 26}, []),
        ({"app": "../" * 8 + "aa"}, []),
        ({"app": ""}, []),
    ],
)
async def test_an_apps_log_is_given_from_its_end(insight, query, lines):
    log = insight.releases.folder_of(APP) / "log"
    log.write_text("".join(f"{number}\n" for number in range(120)))
    said = await insight.logs({"app": APP} | query)
    assert said["lines"] == lines
    assert said["cluster"] == "amber"


@pytest.mark.parametrize(
    ("others", "lines"),
    [("", ["three"]), ("birch:1-1,nonsense,", ["three"])],
)
async def test_an_apps_log_goes_on_after_our_own_mark(insight, others, lines):
    log = insight.releases.folder_of(APP) / "log"
    log.write_text("one\ntwo\n")
    end = (await insight.logs({"app": APP}))["end"]
    with log.open("a") as file:
        file.write("three\n")
    said = await insight.logs({"app": APP, "after": others + end})
    assert said["lines"] == lines
    assert (await insight.logs({"app": APP, "after": said["end"]}))["lines"] == []


@pytest.mark.parametrize("after", ["birch:1-1", "amber:0-0", "amber:x", "amber"])
async def test_after_a_mark_that_is_not_ours_a_log_is_given_from_its_end(
    insight, after
):
    log = insight.releases.folder_of(APP) / "log"
    log.write_text("one\ntwo\n")
    said = await insight.logs({"app": APP, "after": after, "lines": "1"})
    assert said["lines"] == ["two"]


async def _have_it_live_here(insight, tmp_path):
    residence = Residence(APP, "amber", 2, "here", hosts=(HOST,))
    async with insight.store.transaction() as tx:
        await tx.put(residence)
        await tx.put(RUNNING)
    directory = await Store.open(tmp_path / "directory.db")
    async with directory.transaction() as tx:
        await tx.put(residence)
    ask = Ask("manager", ("residence",), cluster="amber")
    await _replicate(insight.replica, await Feed.open(directory), ask)
    await directory.close()


async def _replicate(replica, feed, ask):
    answer, reader = Answer(replica, from_start=False), FrameReader()
    async for piece in feed.answer(ask):
        for frame in reader.feed(piece):
            answer.take(frame)
    answer.finish()
