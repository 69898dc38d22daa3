"""The API over real sockets: what each route gives, and to whom."""

import asyncio
import hashlib

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from litestar import get
from sqlalchemy import select

from domicile.directory.access import Caller, Operation, Role
from domicile.directory.api import ROUTES, follower_name, make_app
from domicile.directory.service import open_directory
from domicile.directory.settings import Settings
from domicile.model.feed import Ask, Begin, End, Entry, FrameReader, encode_ask
from domicile.model.records import decode
from domicile.store.schema import followers
from domicile.store.store import Store

AMBER = {"name": "amber", "addresses": ["127.0.0.11"], "links": ["127.0.0.11:8444"]}
BLOB = b"release" * 100_000
DIGEST = hashlib.sha256(BLOB).hexdigest()


def is_problem(answer, status, says=""):
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert says in problem["detail"]
    return True


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.fn.__name__)
def test_every_route_names_its_operation(route):
    assert isinstance(route.opt["operation"], Operation)


async def test_an_owner_is_added_listed_and_shown(operator):
    added = await operator.post("/v1/owners", json={"name": "ada", "plan": "pro"})
    ada = {"name": "ada", "zone": "apps.test", "plan": "pro"}
    assert (added.status_code, added.json()["owner"]) == (201, ada)
    assert (await operator.get("/v1/owners")).json() == {"rows": [ada]}
    assert (await operator.get("/v1/owners/ada")).json() == ada


async def test_an_owner_sees_itself_and_nobody_else(ada, operator):
    await operator.post("/v1/owners", json={"name": "bob"})
    assert (await ada.get("/v1/owners/ada")).json()["name"] == "ada"
    assert is_problem(await ada.get("/v1/owners/bob"), 403, "owner.show of bob")
    assert is_problem(await ada.get("/v1/owners/eve"), 403)
    assert is_problem(await ada.get("/v1/owners"), 403, "owner.list")


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"name": "www"}, 400, "reserved"),
        ({"name": 7}, 400, "Expected `str`"),
        ({}, 400, "missing required field `name`"),
        ({"name": "ada", "colour": "red"}, 400, "colour"),
        ({"name": "ada", "zone": "moon.test"}, 404, "no zone"),
    ],
)
async def test_a_bad_body_is_one_clear_problem(operator, body, status, says):
    assert is_problem(await operator.post("/v1/owners", json=body), status, says)


@pytest.mark.usefixtures("ada")
async def test_a_second_owner_of_that_name_is_refused(operator):
    again = await operator.post("/v1/owners", json={"name": "ada"})
    assert is_problem(again, 409, "exists already")


async def test_a_cluster_is_told_how_to_join(running, operator):
    added = await operator.post("/v1/clusters", json=AMBER)
    join = added.json()
    assert (added.status_code, join["name"], join["url"]) == (201, "amber", running.url)
    x509.load_pem_x509_certificate(join["authority"][0].encode())
    shown = await operator.get("/v1/clusters/amber")
    assert shown.json() == AMBER
    assert (await operator.get("/v1/clusters")).json() == {"rows": [AMBER]}


async def test_a_cluster_is_changed_whole_or_not(operator):
    await operator.post("/v1/clusters", json=AMBER)
    moved = AMBER | {"addresses": ["127.0.0.21"]}
    assert (await operator.put("/v1/clusters/amber", json=moved)).json() == moved
    bad = await operator.put("/v1/clusters/amber", json=AMBER | {"links": ["x"]})
    assert is_problem(bad, 400, "not an address")
    assert (await operator.get("/v1/clusters/amber")).json() == moved


async def test_nobody_gets_in_without_a_token(running):
    async with running.client("") as nobody, running.client("guessed") as guesser:
        for client in (nobody, guesser):
            # Who is nobody learns nothing of what a right body would be.
            answer = await client.post("/v1/owners", json={"wrong": 1})
            assert is_problem(answer, 401)
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_an_unknown_path_and_method_are_problems(operator):
    assert is_problem(await operator.get("/v1/nothing"), 404)
    assert is_problem(await operator.delete("/v1/owners"), 405)


async def test_a_repeated_post_is_answered_as_before(operator):
    key = {"Idempotency-Key": "k1"}
    first, second = [
        await operator.post("/v1/owners", json={"name": "ada"}, headers=key)
        for _ in range(2)
    ]
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    other = await operator.post("/v1/owners", json={"name": "bob"}, headers=key)
    assert is_problem(other, 422, "k1")


async def test_of_the_same_post_sent_at_once_one_is_done(operator):
    key = {"Idempotency-Key": "k1"}
    posts = [operator.post("/v1/clusters", json=AMBER, headers=key) for _ in range(5)]
    answers = await asyncio.gather(*posts)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1


async def test_a_post_that_failed_may_be_tried_again_with_its_key(operator):
    key = {"Idempotency-Key": "k1"}
    bad = await operator.post("/v1/owners", json={"name": "www"}, headers=key)
    assert is_problem(bad, 400)
    good = await operator.post("/v1/owners", json={"name": "ada"}, headers=key)
    assert good.status_code == 201


async def pieces():
    for start in range(0, len(BLOB), 65_536):
        yield BLOB[start : start + 65_536]


async def test_a_blob_goes_in_by_its_owner_and_out_to_a_cluster(ada, amber):
    taken = await ada.put(f"/v1/blobs/{DIGEST}", content=pieces())
    assert (taken.status_code, taken.json()["size"]) == (201, len(BLOB))
    given = await amber.get(f"/v1/blobs/{DIGEST}")
    assert given.content == BLOB
    assert is_problem(await ada.get(f"/v1/blobs/{DIGEST}"), 403)


async def test_a_blob_that_is_not_its_digest_is_refused(operator):
    wrong = await operator.put(f"/v1/blobs/{DIGEST}", content=BLOB + b"!")
    assert is_problem(wrong, 400, DIGEST)
    assert is_problem(await operator.get(f"/v1/blobs/{DIGEST}"), 404)


@pytest.mark.parametrize("digest", ["x", DIGEST.upper(), DIGEST + "0"])
async def test_a_blob_by_what_is_no_digest_is_refused(operator, digest):
    put = await operator.put(f"/v1/blobs/{digest}", content=b"")
    assert is_problem(put, 400, "not a SHA-256")
    assert is_problem(await operator.get(f"/v1/blobs/{digest}"), 400, "not a SHA-256")


async def test_an_upload_that_breaks_off_leaves_nothing(ada, tmp_path):
    async def breaks():
        yield BLOB[:100]
        raise ConnectionResetError

    blobs = tmp_path / "data" / "blobs"
    before = list(blobs.iterdir())
    with pytest.raises(ConnectionResetError):
        await ada.put(f"/v1/blobs/{DIGEST}", content=breaks())
    async with asyncio.timeout(20):
        while list(blobs.iterdir()) != before:
            await asyncio.sleep(0.05)


def signing_request():
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )


async def test_a_cluster_gets_a_link_certificate_for_itself(amber):
    answer = await amber.post("/v1/link-certificate", json={"csr": signing_request()})
    given = answer.json()
    certificate = x509.load_pem_x509_certificate(given["certificate"].encode())
    authority = x509.load_pem_x509_certificate(given["authority"][0].encode())
    certificate.verify_directly_issued_by(authority)
    assert certificate.subject.rfc4514_string() == "CN=amber.link"


async def test_only_a_cluster_gets_a_link_certificate(operator, ada):
    for client in (operator, ada):
        body = {"csr": signing_request()}
        assert is_problem(await client.post("/v1/link-certificate", json=body), 403)


async def test_a_bad_signing_request_is_a_problem(amber):
    answer = await amber.post("/v1/link-certificate", json={"csr": "x"})
    assert is_problem(answer, 400, "PEM")


async def test_a_rotation_reaches_the_followers(operator, amber):
    shown = (await operator.post("/v1/link-authority/rotate")).json()
    assert (shown["epoch"], shown["pending"]) == (1, 2)
    assert (await operator.get("/v1/link-authority")).json() == shown
    _, _, records = await followed(amber, ("authority",), "amber")
    assert [(record.epoch, len(record.bundle)) for record in records] == [(1, 2)]


async def test_an_operator_may_give_up_who_is_away(operator, amber):
    shown = (await operator.post("/v1/link-authority/rotate?now=true")).json()
    assert (shown["epoch"], shown["pending"], len(shown["trusted"])) == (2, 0, 2)
    _, _, records = await followed(amber, ("authority",), "amber")
    assert [(record.epoch, len(record.bundle)) for record in records] == [(2, 2)]


async def asked(client, kinds, cluster="", **more):
    ask = Ask(follower="f", kinds=kinds, cluster=cluster, **more)
    return await client.post("/v1/feed", content=encode_ask(ask))


async def followed(client, kinds, cluster="", **more):
    answer = await asked(client, kinds, cluster, **more)
    assert answer.status_code == 200
    begin, *entries, end = FrameReader().feed(answer.content)
    assert isinstance(begin, Begin)
    assert end == End(len(entries))
    assert all(isinstance(entry, Entry) for entry in entries)
    latest = {
        (entry.change.kind, entry.change.key): entry.change.value for entry in entries
    }
    records = [decode(kind, value) for (kind, _), value in latest.items()]
    return begin, end, records


@pytest.mark.usefixtures("ada", "amber")
async def test_a_name_server_follows_what_it_answers_from(ns1):
    kinds = ("zone", "owner", "placement", "cluster")
    _, _, records = await followed(ns1, kinds)
    assert {record.key for record in records} == {"apps.test", "ada", "amber"}


async def test_a_poll_is_answered_by_the_next_commit(ns1, operator):
    begin, _, _ = await followed(ns1, ("owner",))
    after = {"after": begin.up_to, "chain": begin.chain}
    news = asyncio.create_task(followed(ns1, ("owner",), **after))
    await operator.post("/v1/owners", json={"name": "ada"})
    _, _, records = await news
    assert [record.name for record in records] == ["ada"]


@pytest.mark.parametrize("kind", ["owner", "app", "placement", "release", "zone"])
async def test_a_cluster_does_not_follow_what_is_not_its_own(amber, kind):
    assert is_problem(await asked(amber, ("residence", kind), "amber"), 403, kind)


@pytest.mark.parametrize("cluster", ["birch", ""])
async def test_a_cluster_follows_no_other_cluster(amber, cluster):
    assert is_problem(await asked(amber, ("residence",), cluster), 403)


@pytest.mark.parametrize("kind", ["residence", "release", "app", "domain"])
async def test_a_name_server_does_not_follow_what_it_need_not_know(ns1, kind):
    assert is_problem(await asked(ns1, ("zone", kind)), 403, kind)


async def test_owners_and_operators_follow_nothing(operator, ada):
    for client in (operator, ada):
        assert is_problem(await asked(client, ("zone",)), 403)


@pytest.mark.parametrize("name", ["ns1", "nameserver/ns1/f", ""])
def test_a_follower_is_named_after_its_token(name):
    """A cluster that calls itself a name server is still a cluster."""
    caller = Caller(Role.CLUSTER, "amber", b"")
    given = follower_name(caller, Ask(follower=name, kinds=()))
    assert given == f"cluster/amber/{name}"


async def test_who_followed_is_remembered_under_its_tokens_name(ns1, tmp_path):
    await followed(ns1, ("zone",))
    store = await Store.open(tmp_path / "data" / "directory.db")
    async with store.reading() as reading:
        names = (await reading.execute(select(followers.c.name))).scalars().all()
    await store.close()
    assert names == ["nameserver/ns1/f"]


async def test_a_question_that_is_none_is_a_problem(amber):
    answer = await amber.post("/v1/feed", content=b"\xc1")
    assert is_problem(answer, 400, "not a frame")


def report(cluster):
    return {"app": "a", "cluster": cluster, "generation": 1, "status": "serving"}


async def test_a_cluster_reports_for_itself_only(amber, operator):
    own = await amber.post("/v1/reports", json=[report("amber")])
    assert own.status_code == 204
    both = await amber.post("/v1/reports", json=[report("amber"), report("birch")])
    assert is_problem(both, 403, "report of birch")
    assert is_problem(await operator.post("/v1/reports", json=[report("amber")]), 403)


async def test_the_api_describes_itself(running):
    async with running.client("") as anyone:
        page = (await anyone.get("/v1/schema/openapi.json")).json()
    assert page["openapi"].startswith("3.")
    for path in ("/v1/owners", "/v1/clusters", "/v1/feed", "/v1/blobs/{digest}"):
        assert path in page["paths"]


@get("/broken", operation=Operation.STATUS)
async def broken() -> None:
    raise RuntimeError("the secret path")


@get("/closed")
async def closed() -> None:
    """Name no operation."""


async def called(route, tmp_path):
    """Call a route of our own over the API's own machinery."""
    settings = Settings(data=str(tmp_path / "other"))
    async with open_directory(settings) as directory:
        app = make_app(directory, [route])
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {settings.read_operator_token()}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://directory", headers=headers
        ) as client:
            (path,) = route.paths
            return await client.get(f"/v1{path}")


async def test_an_unexpected_error_tells_its_caller_nothing(tmp_path):
    answer = await called(broken, tmp_path)
    assert is_problem(answer, 500)
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


async def test_a_route_that_names_no_operation_is_closed_to_all(tmp_path):
    assert is_problem(await called(closed, tmp_path), 403)
