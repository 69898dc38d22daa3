"""The API's routes for domains."""

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from domicile.directory.access import Caller, Operation
from domicile.directory.apps_api import (
    LONGEST_WAIT,
    Shown,
    found_app,
    work_after_moves,
)
from domicile.directory.conversation import Asked, work_once
from domicile.directory.domains import (
    DomainChecked,
    DomainShown,
    find_domain,
    link_domain,
    no_domain,
    shown_domain,
    take_sight,
    unlink_domain,
)
from domicile.directory.lookup import Seen, look_up
from domicile.directory.service import Directory
from domicile.model.records import App, Domain
from domicile.store.transaction import Reading, Transaction

Opened = NamedDependency[Directory]


class NewDomain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A host to link to an app, named `hello.ada` or by its id."""

    host: str
    app: str


@post("/domains", operation=Operation.DOMAIN_LINK)
async def post_domain(
    request: Asked, data: JSONBody[NewDomain], directory: Opened
) -> Response[bytes]:
    """Link a host to an app; it leads there once its record was seen."""
    seen = await _seen_of_taken(request, data, directory)

    async def work(tx: Transaction) -> DomainShown:
        app = await found_app(tx, request.user, Operation.DOMAIN_LINK, data.app)
        return shown_domain(await link_domain(tx, app, data.host, seen), app)

    return await work_once(request, directory, work)


@get("/domains", operation=Operation.DOMAIN_LIST)
async def list_domains(request: Asked, directory: Opened) -> Shown:
    async with directory.store.reading() as reading:
        apps = {app.id: app for app in await reading.all(App)}
        return Shown(
            [
                shown_domain(domain, apps[domain.app])
                for domain in await reading.all(Domain)
                if request.user.may(Operation.DOMAIN_LIST, apps[domain.app].owner)
            ]
        )


@post("/domains/{host:str}/check", operation=Operation.DOMAIN_CHECK)
async def post_check(
    request: Asked,
    host: FromPath[str],
    directory: Opened,
    wait: FromQuery[float] = LONGEST_WAIT,
) -> Response[bytes]:
    """Look the domain's record up, and have the domain active if it is as wanted.

    `wait` is for a move of its app that has not ended.
    """
    # Only hosts that the caller has linked are asked for in the world.
    async with directory.store.reading() as reading:
        await _found(reading, request.user, Operation.DOMAIN_CHECK, host)
    seen = await look_up(host, directory.resolvers)

    async def work(tx: Transaction) -> DomainChecked:
        found = await _found(tx, request.user, Operation.DOMAIN_CHECK, host)
        return await take_sight(tx, *found, seen)

    return await work_after_moves(request, directory, work, wait)


@post("/domains/{host:str}/unlink", operation=Operation.DOMAIN_UNLINK)
async def post_unlink(
    request: Asked,
    host: FromPath[str],
    directory: Opened,
    wait: FromQuery[float] = LONGEST_WAIT,
) -> Response[bytes]:
    """Have the domain lead nowhere; `wait` is for a move that has not ended."""

    async def work(tx: Transaction) -> DomainShown:
        domain, app = await _found(tx, request.user, Operation.DOMAIN_UNLINK, host)
        await unlink_domain(tx, domain, app)
        return shown_domain(msgspec.structs.replace(domain, active=False), app)

    return await work_after_moves(request, directory, work, wait)


async def _seen_of_taken(
    request: Asked, data: NewDomain, directory: Directory
) -> Seen | None:
    """Look up a host that leads to another app than it is to be linked to."""
    async with directory.store.reading() as reading:
        app = await found_app(reading, request.user, Operation.DOMAIN_LINK, data.app)
        known = await reading.get(Domain, data.host)
    if known is None or not known.active or known.app == app.id:
        return None
    return await look_up(data.host, directory.resolvers)


async def _found(
    reading: Reading, caller: Caller, operation: Operation, host: str
) -> tuple[Domain, App]:
    """Find a domain; another owner's is not found, like one that is not there."""
    domain, app = await find_domain(reading, host)
    if not caller.may(operation, app.owner):
        raise no_domain(host)
    return domain, app


ROUTES = (post_domain, list_domains, post_check, post_unlink)
