"""Apps as the API shows them."""

from collections.abc import Collection

import msgspec

from domicile.directory import journal
from domicile.directory.hosts import hosts_of_app
from domicile.model.moves import fulfils
from domicile.model.records import App, AppState, Placement, Residence, app_key
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
    """An app, and the clusters that have not yet done what is wanted of it there.

    `scheduled` says to where, and when, it is to move.
    """

    waits_for: tuple[str, ...] = ()
    scheduled: str = ""


# How an app's state is called that runs for all that is wanted, and sleeps.
ASLEEP = "asleep"

Asleep = Collection[tuple[str, str, int]]


def state_of(app: App, placement: Placement | None, asleep: Asleep) -> str:
    """Give the app's state, as its cluster reports it where that is more than ours."""
    if placement and app.state is AppState.RUNNING:
        here = (app.id, placement.cluster, placement.generation)
        return ASLEEP if here in asleep else app.state.value
    return app.state.value


async def shown(reading: Reading, app: App, asleep: Asleep) -> AppShown:
    placement = await reading.get(Placement, app.id)
    return AppShown(
        app.id,
        app.name,
        app.owner,
        placement.cluster if placement else "",
        placement.generation if placement else app.generation,
        state_of(app, placement, asleep),
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
    asleep = await journal.asleep(reading, app.id)
    fields = msgspec.structs.asdict(await shown(reading, app, asleep))
    scheduled = [
        f"to {entry.move.target} at {entry.move.at}"
        for entry in await journal.scheduled_moves(reading, app.id)
    ]
    return AppInFull(
        **fields, waits_for=tuple(waits_for), scheduled=", ".join(scheduled)
    )
