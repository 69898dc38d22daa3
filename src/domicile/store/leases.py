"""Leases: one of several processes does a thing, and one that lost it does no harm.

A lease runs out by the wall clock, and that is only for liveness. What makes it safe is
its fence, a number that grows with every new holder: whoever writes in the name of a
lease checks the fence in the same transaction.
"""

from typing import NamedTuple

from sqlalchemy import insert, select, update

from domicile.errors import DomicileError
from domicile.store.schema import leases
from domicile.store.transaction import Transaction


class LostLease(DomicileError):
    """Another has taken the lease meanwhile, or it was given back."""


class Lease(NamedTuple):
    """The right to do a thing; `holder` is unique to one life of one process."""

    name: str
    holder: str
    fence: int
    expires: float


async def take_lease(
    tx: Transaction, name: str, holder: str, seconds: float
) -> Lease | None:
    """Take or prolong a lease; None while another holds it."""
    held = await _stored(tx, name)
    expires = tx.now + seconds
    if held is None:
        lease = Lease(name, holder, 1, expires)
        await tx.execute(insert(leases).values(lease._asdict()))
        return lease
    if held.expires > tx.now:
        if held.holder != holder:
            return None
        lease = held._replace(expires=expires)
    else:
        lease = Lease(name, holder, held.fence + 1, expires)
    await _write(tx, lease)
    return lease


async def check_lease(tx: Transaction, lease: Lease) -> None:
    """Raise LostLease unless nobody has taken the lease since.

    One that ran out, and that nobody took, still holds: we lock out who would take it.
    """
    held = await _stored(tx, lease.name)
    if held is None or (held.fence, held.holder) != (lease.fence, lease.holder):
        raise LostLease(
            f"the lease {lease.name} of {lease.holder} (fence {lease.fence}) is held "
            f"no more: take it again before writing"
        )


async def release_lease(tx: Transaction, lease: Lease) -> None:
    """Give a lease back, for whoever comes next; raises LostLease."""
    await check_lease(tx, lease)
    # The row stays: its fence must never be used again.
    await _write(tx, lease._replace(holder="", expires=0.0))


async def _stored(tx: Transaction, name: str) -> Lease | None:
    found = await tx.execute(select(leases).where(leases.c.name == name))
    row = found.one_or_none()
    return None if row is None else Lease(row.name, row.holder, row.fence, row.expires)


async def _write(tx: Transaction, lease: Lease) -> None:
    await tx.execute(
        update(leases).where(leases.c.name == lease.name).values(lease._asdict())
    )
