"""What plans mean: written as records at the start, and told to where their apps live.

The wanted residence carries it, so a manager needs to know neither plans nor owners. A
plan that is configured otherwise than before is told to its apps without a generation:
they stay where they are.
"""

from collections.abc import Iterable

import msgspec

from domicile.model.records import App, Owner, Plan, Residence, ResidenceState, app_key
from domicile.store.transaction import Reading, Transaction


async def sleep_seconds_of(reading: Reading, app: App) -> float:
    """Give after how many idle seconds the app sleeps, by its owner's plan; 0 never."""
    owner = await reading.get(Owner, app.owner)
    plan = await reading.get(Plan, owner.plan) if owner else None
    return plan.sleep_seconds if plan else 0.0


async def settle_plans(tx: Transaction, wanted: Iterable[Plan]) -> None:
    """Have the plans as they are configured, and tell the apps of those that changed."""
    known = {plan.name: plan for plan in await tx.all(Plan)}
    plans = {plan.name: plan for plan in wanted}
    changed = {
        name for name in known.keys() | plans if known.get(name) != plans.get(name)
    }
    for name in sorted(changed):
        if name in plans:
            await tx.put(plans[name])
        else:
            await tx.delete(Plan, name)
    if changed:
        owners = {each.name for each in await tx.all(Owner) if each.plan in changed}
        for app in await tx.all(App):
            if app.owner in owners:
                await _tell(tx, app)


async def _tell(tx: Transaction, app: App) -> None:
    seconds = await sleep_seconds_of(tx, app)
    for residence in await tx.find_all(Residence, app_key(app.id)):
        lives_here = residence.state is ResidenceState.HERE
        if lives_here and residence.sleep_seconds != seconds:
            await tx.put(msgspec.structs.replace(residence, sleep_seconds=seconds))
