"""Leases: one of several processes does a thing, and one that lost it does no harm.

A holder prolongs its lease by its beat, a number that grows. Another may take the lease
that it has seen at one beat for long enough, by its own clock, which nobody sets: no
time of day is compared, and none is written. That is only for liveness. What makes it
safe is the fence, a number that grows with every new holder: whoever writes in the name
of a lease checks the fence in the same transaction.
"""

from typing import NamedTuple

from sqlalchemy import insert, select, update

from domicile.errors import DomicileError
from domicile.store.schema import leases
from domicile.store.transaction import Reading, Transaction


class LostLease(DomicileError):
    """Another has taken the lease meanwhile, or it was given back."""


class Lease(NamedTuple):
    """The right to do a thing; `holder` is unique to one life of one process.

    Without a holder it was given back.
    """

    name: str
    holder: str
    fence: int
    beat: int


async def look_at_lease(reading: Reading, name: str) -> Lease | None:
    """Give the lease as it is; None where nobody ever took it."""
    found = await reading.execute(select(leases).where(leases.c.name == name))
    row = found.one_or_none()
    return None if row is None else Lease(row.name, row.holder, row.fence, row.beat)


async def take_lease(
    tx: Transaction, name: str, holder: str, stale: Lease | None = None
) -> Lease | None:
    """Take or prolong a lease; None while another holds it.

    `stale` is another's lease that was seen without a beat for too long: it is taken, if
    it is so still.
    """
    held = await look_at_lease(tx, name)
    if held is None:
        lease = Lease(name, holder, 1, 1)
        await tx.execute(insert(leases).values(lease._asdict()))
        return lease
    if held.holder == holder:
        lease = held._replace(beat=held.beat + 1)
    elif not held.holder or held == stale:
        lease = Lease(name, holder, held.fence + 1, 1)
    else:
        return None
    await _write(tx, lease)
    return lease


async def check_lease(tx: Transaction, lease: Lease) -> None:
    """Raise LostLease unless nobody has taken the lease since.

    One without a beat, and that nobody took, still holds: we lock out who would take it.
    """
    held = await look_at_lease(tx, lease.name)
    if held is None or (held.fence, held.holder) != (lease.fence, lease.holder):
        raise LostLease(
            f"the lease {lease.name} of {lease.holder} (fence {lease.fence}) is held "
            f"no more: take it again before writing"
        )


async def release_lease(tx: Transaction, lease: Lease) -> None:
    """Give a lease back, for whoever comes next; raises LostLease."""
    await check_lease(tx, lease)
    # The row stays: its fence must never be used again.
    await _write(tx, lease._replace(holder="", beat=0))


async def _write(tx: Transaction, lease: Lease) -> None:
    await tx.execute(
        update(leases).where(leases.c.name == lease.name).values(lease._asdict())
    )
