"""Which hosts lead to an app: those of its name and id, and its active domains.

Read and written in the transaction of whoever asks, so that every residence of an app
has the same.
"""

import msgspec

from domicile.model.names import hosts_of
from domicile.model.records import App, Domain, Residence, app_key
from domicile.store.transaction import Reading, Transaction


async def hosts_of_app(reading: Reading, app: App) -> tuple[str, ...]:
    """Give the hosts that the app answers to; what is pending is not among them."""
    domains = await reading.find_all(Domain, app_key(app.id))
    active = (each.host for each in domains if each.active)
    return (*hosts_of(app.name, app.owner, app.id, app.zone), *active)


async def tell_hosts(tx: Transaction, app: App) -> None:
    """Have the hosts that lead to the app be those that it answers to, everywhere.

    Its tombstones too: who comes late is forwarded by any of its names. No generation
    is taken, for the app stays as it is.
    """
    hosts = await hosts_of_app(tx, app)
    for residence in await tx.find_all(Residence, app_key(app.id)):
        await _put_hosts(tx, residence, hosts)


async def take_host(tx: Transaction, host: str, from_all_but: App) -> None:
    """Have the host lead nowhere else: an app that is gone may have had it."""
    for residence in await tx.find_all(Residence, host):
        if residence.app != from_all_but.id:
            left = tuple(each for each in residence.hosts if each != host)
            await _put_hosts(tx, residence, left)


async def give_up_names(tx: Transaction, app: App) -> None:
    """Have a deleted app's names lead to it no more: its id's host and domains stay."""
    *names, _ = hosts_of(app.name, app.owner, app.id, app.zone)
    for residence in await tx.find_all(Residence, app_key(app.id)):
        left = tuple(each for each in residence.hosts if each not in names)
        await _put_hosts(tx, residence, left)


async def _put_hosts(
    tx: Transaction, residence: Residence, hosts: tuple[str, ...]
) -> None:
    if residence.hosts != hosts:
        await tx.put(msgspec.structs.replace(residence, hosts=hosts))
