"""A POST that is sent again gets the answer that it got, and nothing is done twice.

The answer is kept in the transaction that did the work. It may hold a token, so it is
sealed with a key that only the caller's own token gives.
"""

import base64
import hashlib

import msgspec
from cryptography.fernet import Fernet
from sqlalchemy import delete, insert, select

from domicile.directory.access import Caller
from domicile.errors import DomicileError
from domicile.store.schema import idempotency
from domicile.store.transaction import Reading, Transaction

KEPT_SECONDS = 24 * 3600.0
LONGEST_KEY = 255


class BadIdempotencyKey(DomicileError):
    """The header Idempotency-Key cannot be used."""


class KeyReused(DomicileError):
    """The Idempotency-Key was sent before, with another request."""


class Answer(msgspec.Struct, frozen=True):
    """A status and a JSON body."""

    status: int
    body: bytes


def request_digest(method: str, path: str, body: bytes) -> bytes:
    return hashlib.sha256(f"{method} {path}\n".encode() + body).digest()


async def recall(
    reading: Reading, caller: Caller, key: str, request: bytes
) -> Answer | None:
    """Give the answer that this request got before; raises KeyReused."""
    if not 0 < len(key) <= LONGEST_KEY:
        raise BadIdempotencyKey(
            f"the Idempotency-Key has {len(key)} characters: 1 to {LONGEST_KEY} are "
            "allowed"
        )
    table = idempotency.c
    query = select(table.request, table.status, table.body).where(
        table.token == caller.digest, table.key == key
    )
    row = (await reading.execute(query)).one_or_none()
    if row is None:
        return None
    if row.request != request:
        raise KeyReused(
            f"the Idempotency-Key {key!r} was sent with another request: take a new one"
        )
    return Answer(row.status, _seal(caller).decrypt(row.body))


async def keep(
    tx: Transaction, caller: Caller, key: str, request: bytes, answer: Answer
) -> None:
    """Keep an answer for a day."""
    await tx.execute(
        insert(idempotency).values(
            token=caller.digest,
            key=key,
            request=request,
            status=answer.status,
            body=_seal(caller).encrypt(answer.body),
            made_at=tx.now,
        )
    )


async def drop_old(tx: Transaction) -> None:
    """Drop what is older than a day: all rows are gone through, so only now and again."""
    old = idempotency.c.made_at < tx.now - KEPT_SECONDS
    await tx.execute(delete(idempotency).where(old))


def _seal(caller: Caller) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(caller.seal))
