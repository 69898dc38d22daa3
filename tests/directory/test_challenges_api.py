"""Challenges and keys over the API, and name servers that are waited for."""

import asyncio

import pytest

from domicile.directory import challenges
from domicile.model.feed import Ask, Begin, FrameReader, encode_ask

PATH = "/v1/challenges/_acme-challenge.ada.apps.test"
UPDATE = {
    "key": "acme", "mac": "01",
    "changes": [{
        "name": "_acme-challenge.ada.apps.test", "action": "add", "value": "a",
    }],
}  # fmt: skip
KEY = {"name": "acme", "names": ["ada.apps.test"]}


class Nameserver:
    """Follows as a name server does, and takes in no more than it is told to."""

    def __init__(self, client):
        self._client = client
        self._at = (0, b"")

    async def follow(self):
        """Acknowledge what came before, and take what is new."""
        serial, chain = self._at
        more = {"chain": chain} if chain else {}
        ask = Ask("ns1", ("zone", "challenge", "update-key"), after=serial, **more)
        answer = await self._client.post("/v1/feed", content=encode_ask(ask))
        begin = next(iter(FrameReader().feed(answer.content)))
        assert isinstance(begin, Begin)
        self._at = begin.up_to, begin.chain


@pytest.fixture
async def nameserver(ns1):
    nameserver = Nameserver(ns1)
    await nameserver.follow()
    await nameserver.follow()
    return nameserver


async def following(nameserver):
    while True:
        await nameserver.follow()


async def test_without_a_name_server_nobody_is_waited_for(operator):
    answer = await operator.put(PATH, json={"values": ["a", "b"]})
    assert answer.status_code == 200, answer.text
    shown = (await operator.get(PATH)).json()
    assert shown["name"] == "_acme-challenge.ada.apps.test"
    assert [each["value"] for each in shown["values"]] == ["a", "b"]
    assert (await operator.get("/v1/challenges")).json() == {"rows": [shown]}
    assert (await operator.delete(PATH)).status_code == 200
    assert (await operator.get(PATH)).status_code == 404
    assert (await operator.delete(PATH)).status_code == 200


async def test_an_answer_means_that_every_name_server_has_it(operator, nameserver):
    setting = asyncio.create_task(operator.put(PATH, json={"values": ["a"]}))
    await nameserver.follow()
    assert not setting.done()
    going_on = asyncio.create_task(following(nameserver))
    assert (await setting).status_code == 200
    going_on.cancel()


async def test_who_hangs_is_named_and_the_value_is_written(
    operator, nameserver, monkeypatch
):
    monkeypatch.setattr(challenges, "EVERYWHERE_SECONDS", 0.1)
    answer = await operator.put(PATH, json={"values": ["a"]})
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:domicile:NotYetEverywhere"
    assert "not yet with nameserver/ns1/ns1: ask again" in answer.json()["detail"]
    assert (await operator.get(PATH)).status_code == 200
    # Again, though there is nothing to change.
    await operator.delete(PATH)
    assert (await operator.delete(PATH)).status_code == 503


async def test_who_is_behind_is_not_waited_for(operator, nameserver, monkeypatch):
    monkeypatch.setattr(challenges, "BEHIND_SECONDS", 0.3)
    monkeypatch.setattr(challenges, "EVERYWHERE_SECONDS", 60)
    answer = await operator.put(PATH, json={"values": ["a"]})
    assert answer.status_code == 200, answer.text


async def test_a_name_server_brings_what_a_key_has_signed(operator, ns1):
    assert (await ns1.post("/v1/updates", json=UPDATE)).status_code == 403
    added = (await operator.post("/v1/keys", json=KEY)).json()
    assert added.keys() > {"secret"}
    answer = await ns1.post("/v1/updates", json=UPDATE)
    assert answer.status_code == 200, answer.text
    assert answer.json()["unmet"] is None
    assert (await operator.get(PATH)).status_code == 200
    assert (await operator.post("/v1/updates", json=UPDATE)).status_code == 403
    shown = KEY | {"algorithm": "hmac-sha256", "transfers": []}
    assert (await operator.get("/v1/keys")).json() == {"rows": [shown]}
    assert (await operator.post("/v1/keys/acme/remove", json={})).json() == shown
    again = UPDATE | {"mac": "02"}
    assert (await ns1.post("/v1/updates", json=again)).status_code == 403


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        (PATH, {"values": [""]}, "printable ASCII"),
        (PATH, {}, "missing required field `values`"),
        ("/v1/challenges/ada.apps.test", {"values": ["a"]}, "no place for challenges"),
        ("/v1/challenges/_acme-challenge.x.example", {"values": []}, "no zone of ours"),
    ],
)
async def test_what_no_challenge_can_be_is_refused(operator, path, body, says):
    answer = await operator.put(path, json=body)
    assert answer.status_code == 400
    assert says in answer.json()["detail"]
