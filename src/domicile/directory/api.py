"""The directory's HTTP API, `/v1`: for operators, owners and everything that follows.

Each route names its operation; `access` says who may do that.
"""

import asyncio
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Litestar, Response, Router, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import File, Stream

from domicile.directory import (
    apps_api,
    challenges_api,
    domains_api,
    health_api,
    insight_api,
    journal,
    lifecycle,
    zones_api,
)
from domicile.directory.access import Caller, Forbidden, Operation, Role, grant
from domicile.directory.ailing import ClusterShown, cluster_shown
from domicile.directory.authority import LinkAuthority, Trusted
from domicile.directory.bodies import JsonRequest
from domicile.directory.conversation import (
    Asked,
    let_in,
    provide_directory,
    work_once,
)
from domicile.directory.problems import respond
from domicile.directory.registry import (
    NewCluster,
    NewOwner,
    add_cluster,
    add_owner,
    change_cluster,
    demand,
    put_if_new,
)
from domicile.directory.service import Directory
from domicile.errors import DomicileError
from domicile.model.feed import CONTENT_TYPE, Ask, decode_ask
from domicile.model.moves import Report
from domicile.model.names import check_cluster_name
from domicile.model.records import Cluster, Owner
from domicile.model.sealing import sealing_key_to_text
from domicile.store.transaction import Transaction

Opened = NamedDependency[Directory]

# What a follower of each role may know.
FEED_KINDS: dict[Role, frozenset[str]] = {
    Role.CLUSTER: frozenset({"residence", "cluster", "authority", "consent"}),
    Role.NAMESERVER: frozenset(
        {
            "zone", "owner", "placement", "cluster", "consent", "challenge",
            "update-key", "zone-key", "cookie-secrets",
        }
    ),
}  # fmt: skip


class Rows(msgspec.Struct, frozen=True):
    """A list, as every list of the API is given."""

    rows: list[Any]


class OwnerAdded(msgspec.Struct, frozen=True):
    """The owner, and its token, which is shown only here."""

    owner: Owner
    token: str


class Join(msgspec.Struct, frozen=True):
    """What the services of a cluster need to take part."""

    name: str
    url: str
    token: str
    authority: tuple[str, ...]


class NameserverJoin(Join, frozen=True):
    """As of a cluster, and the key that unseals what a name server serves by."""

    sealing_key: str


class NewNameserver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name server to let in."""

    name: str


class Blob(msgspec.Struct, frozen=True):
    """A blob that was taken in."""

    digest: str
    size: int


class SigningRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A certificate signing request, in PEM."""

    csr: str


class LinkCertificate(msgspec.Struct, frozen=True):
    """A link certificate, and whom the links trust."""

    certificate: str
    epoch: int
    authority: tuple[str, ...]


class AuthorityShown(msgspec.Struct, frozen=True):
    """Whom the links trust, who signs first, and the same in PEM.

    `pending` is the epoch that is announced and does not sign yet, or 0.
    """

    epoch: int
    pending: int
    trusted: tuple[Trusted, ...]
    bundle: tuple[str, ...]


@post("/owners", operation=Operation.OWNER_ADD)
async def post_owner(
    request: Asked, data: JSONBody[NewOwner], directory: Opened
) -> Response[bytes]:
    async def work(tx: Transaction) -> OwnerAdded:
        return OwnerAdded(*await add_owner(tx, data))

    return await work_once(request, directory, work)


@get("/owners", operation=Operation.OWNER_LIST)
async def list_owners(directory: Opened) -> Rows:
    async with directory.store.reading() as reading:
        return Rows(await reading.all(Owner))


@get("/owners/{name:str}", operation=Operation.OWNER_SHOW)
async def show_owner(request: Asked, name: FromPath[str], directory: Opened) -> Owner:
    request.user.demand(Operation.OWNER_SHOW, name)
    async with directory.store.reading() as reading:
        return await demand(reading, Owner, name)


@post("/clusters", operation=Operation.CLUSTER_ADD)
async def post_cluster(
    request: Asked, data: JSONBody[NewCluster], directory: Opened
) -> Response[bytes]:
    async def work(tx: Transaction) -> Join:
        cluster, token = await add_cluster(tx, data)
        return _join(directory, cluster.name, token)

    return await work_once(request, directory, work)


@get("/clusters", operation=Operation.CLUSTER_LIST)
async def list_clusters(directory: Opened) -> Rows:
    async with directory.store.reading() as reading:
        return Rows(await reading.all(Cluster))


@get("/clusters/{name:str}", operation=Operation.CLUSTER_SHOW)
async def show_cluster(name: FromPath[str], directory: Opened) -> ClusterShown:
    async with directory.store.reading() as reading:
        cluster = await demand(reading, Cluster, name)
        return await cluster_shown(reading, cluster, directory.clock())


@put("/clusters/{name:str}", operation=Operation.CLUSTER_CHANGE)
async def put_cluster(
    name: FromPath[str], data: JSONBody[NewCluster], directory: Opened
) -> Cluster:
    async with directory.store.transaction() as tx:
        return await change_cluster(tx, name, data)


@post("/nameservers", operation=Operation.NAMESERVER_ADD)
async def post_nameserver(
    request: Asked, data: JSONBody[NewNameserver], directory: Opened
) -> Response[bytes]:
    check_cluster_name(data.name)

    async def work(tx: Transaction) -> NameserverJoin:
        token = await grant(tx, Role.NAMESERVER, data.name)
        join = msgspec.structs.asdict(_join(directory, data.name, token))
        return NameserverJoin(
            **join, sealing_key=sealing_key_to_text(directory.sealing_key)
        )

    return await work_once(request, directory, work)


# A blob is streamed, so its size needs no bound for our memory's sake.
@put(
    "/blobs/{digest:str}",
    operation=Operation.BLOB_PUT,
    request_max_body_size=None,
    status_code=201,
)
async def put_blob(request: Asked, digest: FromPath[str], directory: Opened) -> Blob:
    size = 0
    with directory.blobs.writing(digest) as writer:
        async for piece in request.stream():
            await asyncio.to_thread(writer.write, piece)
            size += len(piece)
        await asyncio.to_thread(writer.sync)
    return Blob(digest, size)


@get("/blobs/{digest:str}", operation=Operation.BLOB_GET)
async def get_blob(digest: FromPath[str], directory: Opened) -> File:
    path = directory.blobs.find(digest)
    return File(path, media_type="application/octet-stream")


@post("/link-certificate", operation=Operation.LINK_CERTIFICATE)
async def post_link_certificate(
    request: Asked, data: JSONBody[SigningRequest], directory: Opened
) -> LinkCertificate:
    request.user.demand(Operation.LINK_CERTIFICATE, request.user.subject)
    authority = directory.authority
    certificate = authority.issue(request.user.subject, data.csr.encode())
    record = authority.record
    return LinkCertificate(certificate, record.epoch, record.bundle)


@get("/link-authority", operation=Operation.LINK_SHOW)
async def show_link_authority(directory: Opened) -> AuthorityShown:
    return _authority_shown(directory.authority)


@post("/link-authority/rotate", operation=Operation.LINK_ROTATE)
async def rotate_link_authority(
    request: Asked, directory: Opened, now: FromQuery[bool] = False
) -> Response[bytes]:
    """Announce the next CA, which signs once all trust it; or, with `now`, at once."""

    async def work(tx: Transaction) -> AuthorityShown:
        authority = directory.authority
        authority.announce()
        if now:
            authority.switch()
        await put_if_new(tx, authority.record)
        return _authority_shown(authority)

    return await work_once(request, directory, work)


@post("/reports", operation=Operation.REPORT, status_code=204)
async def post_reports(
    request: Asked, data: JSONBody[list[Report]], directory: Opened
) -> None:
    for report in data:
        request.user.demand(Operation.REPORT, report.cluster)
    async with directory.store.transaction() as tx:
        for report in data:
            if await journal.take_report(tx, report):
                await lifecycle.learn(tx, report)
    directory.reported.ring()


@post("/feed", operation=Operation.FEED, status_code=200)
async def post_feed(request: Asked, directory: Opened) -> Stream:
    ask = decode_ask(await request.body())
    request.user.demand(Operation.FEED, ask.cluster)
    _demand_kinds(request.user.role, ask)
    ask = msgspec.structs.replace(ask, follower=follower_name(request.user, ask))
    return Stream(directory.feed.answer(ask), media_type=CONTENT_TYPE)


def follower_name(caller: Caller, ask: Ask) -> str:
    """Name a follower after its token: nobody acknowledges in another's name.

    So `nameserver/` is the prefix of all name servers, and `cluster/amber/` of amber's
    followers.
    """
    return f"{caller.role}/{caller.subject}/{ask.follower}"


def _demand_kinds(role: Role, ask: Ask) -> None:
    secret = set(ask.kinds) - FEED_KINDS.get(role, frozenset())
    if secret:
        raise Forbidden(
            f"a {role} does not follow {', '.join(sorted(secret))}, only "
            f"{', '.join(sorted(FEED_KINDS.get(role, ())))}"
        )


def _authority_shown(authority: LinkAuthority) -> AuthorityShown:
    record = authority.record
    return AuthorityShown(
        record.epoch, authority.pending, authority.trusted, record.bundle
    )


def _join(directory: Directory, name: str, token: str) -> Join:
    return Join(name, directory.url, token, directory.authority.record.bundle)


ROUTES: Sequence[Any] = (
    post_owner, list_owners, show_owner,
    post_cluster, list_clusters, show_cluster, put_cluster,
    post_nameserver,
    put_blob, get_blob,
    post_link_certificate, show_link_authority, rotate_link_authority,
    post_reports, post_feed,
    *apps_api.ROUTES, *challenges_api.ROUTES, *domains_api.ROUTES,
    *health_api.ROUTES, *insight_api.ROUTES,
    *zones_api.ROUTES,
)  # fmt: skip


def make_app(directory: Directory, routes: Sequence[Any] = ROUTES) -> Litestar:
    """Put the API together, over a directory that is open."""
    return Litestar(
        [Router("/v1", route_handlers=routes, guards=[let_in])],
        dependencies={"directory": Provide(provide_directory)},
        exception_handlers={
            DomicileError: respond,
            HTTPException: respond,
            Exception: respond,
        },
        openapi_config=OpenAPIConfig(
            title="Domicile directory",
            version=version("domicile"),
            path="/v1/schema",
            render_plugins=[JsonRenderPlugin()],
        ),
        state=State({"directory": directory}),
        logging_config=None,
        request_class=JsonRequest,
    )
