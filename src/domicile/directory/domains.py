"""Domains: a customer's own host names, linked to apps by a record in the DNS.

    link ──> pending ──the CNAME is seen──> active: its host is in the app's residences
                └───────── unlink ─────────────┘

Each function is one transaction. A pending domain leads nowhere, so anybody may link any
host: what proves it is that its CNAME names the app's permanent host, and nobody else's.
"""

import msgspec

from domicile.directory.apps import (
    AlreadyThere,
    NotFound,
    NotLive,
    refuse_open_move,
)
from domicile.directory.hosts import take_host, tell_hosts
from domicile.directory.lookup import Seen
from domicile.errors import DomicileError
from domicile.model.names import check_domain, hosts_of
from domicile.model.records import App, AppState, Domain, Placement, app_key
from domicile.model.zone_records import Zone
from domicile.store.transaction import Reading, Transaction

MOST_DOMAINS = 1000
"""So many an app has, pending ones too: each is in all of the app's residences."""


class TooManyDomains(DomicileError):
    """An app has as many domains as one may."""


class DomainShown(msgspec.Struct, frozen=True):
    """A domain, and the record that its owner is to set for it."""

    host: str
    app: str
    id: str
    wanted: str
    active: bool


class DomainChecked(DomainShown, frozen=True):
    """A domain, and what resolvers say of it; `why` where that is not as wanted."""

    seen: tuple[str, ...] = ()
    why: str = ""


def wanted_record(app: App) -> str:
    """Give the record that leads a domain to the app, and proves whose it is."""
    return f"CNAME {hosts_of('', app.owner, app.id, app.zone)[0]}"


async def link_domain(
    tx: Transaction, app: App, host: str, seen: Seen | None = None
) -> Domain:
    """Link the host; again is no change. Raises BadName, AlreadyThere, NotLive.

    `seen` is what resolvers say of a host that leads to another app: where that is this
    app's record already, whoever keeps its DNS wants it here, and here it goes.
    """
    check_domain(host, [zone.name for zone in await tx.all(Zone)])
    if app.state in {AppState.DELETED, AppState.FAILED}:
        raise NotLive(f"{app.name}.{app.owner} is {app.state}: nothing leads to it")
    known = await tx.get(Domain, host)
    if known is not None and known.app == app.id:
        return known
    if len(await tx.find_all(Domain, app_key(app.id))) >= MOST_DOMAINS:
        raise TooManyDomains(
            f"{app.name}.{app.owner} has {MOST_DOMAINS} domains, and no app has more:"
            " unlink what it needs no longer"
        )
    domain = Domain(host, app.id)
    if known is not None and known.active:
        if seen is None or wanted_record(app) not in seen.records:
            raise AlreadyThere(
                f"domain {host!r} is linked to another app: if it is yours, set"
                f" {wanted_record(app)} for it and link it then, or unlink it there"
            )
        return await _activate(tx, domain, app)
    await tx.put(domain)
    return domain


async def find_domain(reading: Reading, host: str) -> tuple[Domain, App]:
    """Find a domain and its app; raises NotFound."""
    domain = await reading.get(Domain, host)
    if domain is None:
        raise no_domain(host)
    app = await reading.get(App, domain.app)
    assert app is not None, "an app's record stays for ever"
    return domain, app


def no_domain(host: str) -> NotFound:
    return NotFound(f"no domain {host!r}: link it with `domicile domain link`")


async def take_sight(
    tx: Transaction, domain: Domain, app: App, seen: Seen
) -> DomainChecked:
    """Activate the domain if what was seen is as wanted; raises MoveInProgress.

    What is active stays so: a resolver that fails takes nobody's site away.
    """
    wanted = wanted_record(app)
    if wanted not in seen.records:
        why = seen.why or f"{', '.join(seen.records)} is set, where {wanted} is wanted"
        return _checked(domain, app, seen.records, why)
    if not domain.active:
        domain = await _activate(tx, domain, app)
    return _checked(domain, app, seen.records, "")


async def _activate(tx: Transaction, domain: Domain, app: App) -> Domain:
    await refuse_open_move(tx, app)
    if await tx.get(Placement, app.id) is None:
        raise NotLive(f"{app.name}.{app.owner} is {app.state}: it lives nowhere")
    active = msgspec.structs.replace(domain, active=True)
    await tx.put(active)
    await take_host(tx, domain.host, from_all_but=app)
    await tell_hosts(tx, app)
    return active


async def unlink_domain(tx: Transaction, domain: Domain, app: App) -> None:
    """Have the domain lead nowhere; raises MoveInProgress where it has led somewhere."""
    if domain.active:
        await refuse_open_move(tx, app)
    await tx.delete(Domain, domain.key)
    if domain.active:
        await tell_hosts(tx, app)


def shown_domain(domain: Domain, app: App) -> DomainShown:
    name = f"{app.name}.{app.owner}"
    return DomainShown(domain.host, name, app.id, wanted_record(app), domain.active)


def _checked(
    domain: Domain, app: App, seen: tuple[str, ...], why: str
) -> DomainChecked:
    fields = msgspec.structs.asdict(shown_domain(domain, app))
    return DomainChecked(**fields, seen=seen, why=why)
