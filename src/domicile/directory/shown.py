"""Apps as the API shows them."""

import msgspec

from domicile.directory import journal
from domicile.directory.hosts import hosts_of_app
from domicile.model.moves import fulfils
from domicile.model.records import App, Placement, Residence, app_key
from domicile.store.transaction import Reading


class AppShown(msgspec.Struct, frozen=True):
    """An app as its owner sees it."""

    id: str
    name: str
    owner: str
    cluster: str
    generation: int
    state: str
    hosts: tuple[str, ...]
    detail: str = ""


class AppInFull(AppShown, frozen=True):
    """An app, and the clusters that have not yet done what is wanted of it there."""

    waits_for: tuple[str, ...] = ()


async def shown(reading: Reading, app: App) -> AppShown:
    placement = await reading.get(Placement, app.id)
    return AppShown(
        app.id,
        app.name,
        app.owner,
        placement.cluster if placement else "",
        placement.generation if placement else app.generation,
        app.state.value,
        await hosts_of_app(reading, app),
        app.detail,
    )


async def shown_in_full(reading: Reading, app: App) -> AppInFull:
    reports = await journal.reports_on(reading, app.id)
    waits_for = [
        residence.cluster
        for residence in await reading.find_all(Residence, app_key(app.id))
        if not fulfils(reports.get(residence.cluster), residence)
    ]
    fields = msgspec.structs.asdict(await shown(reading, app))
    return AppInFull(**fields, waits_for=tuple(waits_for))
