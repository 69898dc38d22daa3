"""Sightings and losses over the API."""

import asyncio

AMBER = {
    "name": "amber",
    "addresses": ["192.0.2.1", "192.0.2.2"],
    "links": [],
    "port": 8080,
}
SEEN = [
    {"cluster": "amber", "address": "192.0.2.1", "well": False, "row": 3,
     "detail": "Connection refused"},
    {"cluster": "amber", "address": "192.0.2.2", "well": True, "row": 9},
]  # fmt: skip


async def say(client, seen):
    return await client.post("/v1/sightings", json=seen)


async def test_what_a_cluster_and_a_name_server_see_withdraws_an_address(
    running, operator, ns1
):
    await operator.post("/v1/clusters", json=AMBER)
    birch = AMBER | {"name": "birch", "addresses": ["192.0.2.9"]}
    token = (await operator.post("/v1/clusters", json=birch)).json()["token"]
    async with running.client(token) as birchs:
        for client in (ns1, birchs):
            assert (await say(client, SEEN)).status_code == 204
    async with asyncio.timeout(20):
        while "withdrawn" not in (
            shown := (await operator.get("/v1/clusters/amber")).json()
        ):
            await asyncio.sleep(0.05)
    assert shown["withdrawn"] == ["192.0.2.1"]
    (ailing,) = shown["ailing"]
    assert ailing["withdrawn"]
    assert ailing["said"] == (
        "cluster/birch: Connection refused; nameserver/ns1: Connection refused"
    )
    status = (await operator.get("/v1/status")).json()
    assert status["clusters"][0]["withdrawn"] == ["192.0.2.1"]
    (problem,) = [each for each in status["problems"] if "192.0.2.1" in each]
    assert problem == (
        f"cluster amber: 192.0.2.1 is withdrawn since {ailing['since']} "
        f"({ailing['said']})"
    )


async def test_only_clusters_and_name_servers_see_addresses(operator, ada):
    for client in (operator, ada):
        assert (await say(client, SEEN)).status_code == 403


async def test_what_is_no_sighting_is_refused(ns1):
    for wrong in ({"row": 0}, {"well": "yes"}, {"detail": "x" * 201}):
        answer = await say(ns1, [SEEN[0] | wrong])
        assert answer.status_code == 400, answer.text


async def test_a_cluster_is_lost_and_found(operator):
    await operator.post("/v1/clusters", json=AMBER)
    answer = await operator.post(
        "/v1/clusters/amber/lost", json={"fallback": ["192.0.2.80"]}
    )
    assert answer.status_code == 201, answer.text
    assert answer.json() == AMBER | {"lost": True, "fallback": ["192.0.2.80"]}
    problems = (await operator.get("/v1/status")).json()["problems"]
    said = "cluster amber is declared lost: its apps' names lead to 192.0.2.80"
    assert said in problems
    found = await operator.post("/v1/clusters/amber/found", json={})
    assert found.json() == AMBER


async def test_a_fallback_is_an_address_and_a_cluster_one_that_there_is(operator):
    await operator.post("/v1/clusters", json=AMBER)
    answer = await operator.post(
        "/v1/clusters/amber/lost", json={"fallback": ["page.example"]}
    )
    assert answer.status_code == 400
    assert "'page.example' is not an IP address" in answer.json()["detail"]
    answer = await operator.post("/v1/clusters/cedar/lost", json={})
    assert answer.status_code == 404


async def test_a_port_of_no_proxy_is_refused(operator):
    for port in (0, 65536):
        answer = await operator.post("/v1/clusters", json=AMBER | {"port": port})
        assert answer.status_code == 400, answer.text
