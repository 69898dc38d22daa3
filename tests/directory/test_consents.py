"""An operator lets followers take in what they hold back."""

from domicile.model.feed import Ask, FrameReader, encode_ask
from domicile.model.records import Consent, decode

CHAIN = b"c" * 16
NS1 = "nameserver/ns1/f"
TROUBLE = "HeldBack: 40 of 40 placements would go"


async def ask(client, **more):
    asked = Ask("f", ("consent",), 7, CHAIN, holds=CHAIN, **more)
    answer = await client.post("/v1/feed", content=encode_ask(asked))
    assert answer.status_code == 200, answer.text
    frames = list(FrameReader().feed(answer.content))[1:-1]
    return [decode(frame.change.kind, frame.change.value) for frame in frames]


async def accept(client, *names):
    return await client.post("/v1/followers/accept", json={"followers": names})


async def test_what_a_follower_holds_back_is_a_problem_until_it_is_accepted(
    operator, ns1
):
    await ask(ns1, trouble=TROUBLE)
    status = (await operator.get("/v1/status")).json()
    assert f"{NS1} says: {TROUBLE}" in status["problems"]
    (row,) = [each for each in status["followers"] if each["name"] == NS1]
    assert row["trouble"] == TROUBLE
    answer = await accept(operator, NS1)
    assert (answer.status_code, answer.json()) == (201, {"followers": [NS1]})
    assert await ask(ns1) == [Consent("loss", 1, {NS1: CHAIN})]
    status = (await operator.get("/v1/status")).json()
    assert not any("says:" in each for each in status["problems"])


async def test_each_consent_is_another(operator, ns1):
    for number in (1, 2):
        await ask(ns1, trouble=TROUBLE)
        await accept(operator, NS1)
        assert [each.number for each in await ask(ns1)] == [number]


async def test_who_holds_nothing_back_or_is_not_known_is_refused(operator, ns1):
    answer = await accept(operator, NS1)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:domicile:NotFound")
    assert "`domicile follower list` names them all" in answer.json()["detail"]
    await ask(ns1)
    answer = await accept(operator, NS1)
    assert (answer.status_code, answer.json()["detail"]) == (
        400, f"{NS1} holds nothing back",
    )  # fmt: skip
    assert (await accept(operator)).status_code == 400
    assert await ask(ns1) == []


async def test_only_an_operator_says_so(ada, ns1):
    await ask(ns1, trouble=TROUBLE)
    for client in (ada, ns1):
        assert (await accept(client, NS1)).status_code == 403
