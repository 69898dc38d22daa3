"""Who may do what: bearer tokens with a role, and one table of what a role may do.

What the table does not allow is refused. A token is 32 random bytes and is kept only
as its SHA-256, by which it is looked up: no secret is ever compared, so the time that
it takes says nothing about one.
"""

import hashlib
import secrets
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import delete, insert, select

from domicile.errors import DomicileError
from domicile.store.schema import tokens
from domicile.store.transaction import Reading, Transaction

_TOKEN_BYTES = 32


class Unauthenticated(DomicileError):
    """Nobody that we know sent the request."""


class Forbidden(DomicileError):
    """Who sent the request may not do that."""


class Role(StrEnum):
    """What somebody is to the directory."""

    OPERATOR = "operator"
    OWNER = "owner"
    CLUSTER = "cluster"
    NAMESERVER = "nameserver"


class Operation(StrEnum):
    """What can be asked of the directory."""

    OWNER_ADD = "owner.add"
    OWNER_LIST = "owner.list"
    OWNER_SHOW = "owner.show"
    CLUSTER_ADD = "cluster.add"
    CLUSTER_LIST = "cluster.list"
    CLUSTER_SHOW = "cluster.show"
    CLUSTER_CHANGE = "cluster.change"
    CLUSTER_DECLARE = "cluster.declare"
    NAMESERVER_ADD = "nameserver.add"
    APP_DEPLOY = "app.deploy"
    APP_LIST = "app.list"
    APP_SHOW = "app.show"
    APP_STOP = "app.stop"
    APP_START = "app.start"
    APP_DELETE = "app.delete"
    APP_LOGS = "app.logs"
    APP_EVENTS = "app.events"
    APP_MOVE = "app.move"
    APP_MOVE_TO = "app.move-to"
    MOVE_LIST = "move.list"
    MOVE_SHOW = "move.show"
    MOVE_WITHDRAW = "move.withdraw"
    DOMAIN_LINK = "domain.link"
    DOMAIN_LIST = "domain.list"
    DOMAIN_CHECK = "domain.check"
    DOMAIN_UNLINK = "domain.unlink"
    CHALLENGE_LIST = "challenge.list"
    CHALLENGE_SHOW = "challenge.show"
    CHALLENGE_PUT = "challenge.put"
    CHALLENGE_DELETE = "challenge.delete"
    CHALLENGE_UPDATE = "challenge.update"
    KEY_ADD = "key.add"
    KEY_LIST = "key.list"
    KEY_REMOVE = "key.remove"
    BLOB_PUT = "blob.put"
    BLOB_GET = "blob.get"
    LINK_CERTIFICATE = "link.certificate"
    LINK_SHOW = "link.show"
    LINK_ROTATE = "link.rotate"
    FEED = "feed"
    REPORT = "report"
    SIGHTING = "sighting"
    STATUS = "status"
    EXPLAIN = "explain"
    FOLLOWER_ACCEPT = "follower.accept"
    ZONE_LIST = "zone.list"
    ZONE_SHOW = "zone.show"
    ZONE_SIGN = "zone.sign"
    ZONE_ROLL = "zone.roll"
    ZONE_INSECURE = "zone.insecure"
    ZONE_CONFIRM = "zone.confirm"


class Reach(StrEnum):
    """Whose things an operation may touch."""

    ALL = "all"
    OWN = "own"


_OPERATOR_NOT = {
    Operation.FEED,
    Operation.REPORT,
    Operation.SIGHTING,
    Operation.LINK_CERTIFICATE,
    Operation.CHALLENGE_UPDATE,
}

ALLOWED: dict[Role, dict[Operation, Reach]] = {
    # What a cluster says of itself, or a key has signed, nobody else says.
    Role.OPERATOR: {
        operation: Reach.ALL for operation in Operation if operation not in _OPERATOR_NOT
    },
    Role.OWNER: {
        Operation.OWNER_SHOW: Reach.OWN,
        Operation.APP_DEPLOY: Reach.OWN,
        Operation.APP_LIST: Reach.OWN,
        Operation.APP_SHOW: Reach.OWN,
        Operation.APP_STOP: Reach.OWN,
        Operation.APP_START: Reach.OWN,
        Operation.APP_DELETE: Reach.OWN,
        Operation.APP_LOGS: Reach.OWN,
        Operation.APP_EVENTS: Reach.OWN,
        Operation.APP_MOVE: Reach.OWN,
        Operation.MOVE_LIST: Reach.OWN,
        Operation.MOVE_SHOW: Reach.OWN,
        Operation.DOMAIN_LINK: Reach.OWN,
        Operation.DOMAIN_LIST: Reach.OWN,
        Operation.DOMAIN_CHECK: Reach.OWN,
        Operation.DOMAIN_UNLINK: Reach.OWN,
        # A blob bears no name: who can name its digest has its bytes.
        Operation.BLOB_PUT: Reach.ALL,
    },
    Role.CLUSTER: {
        Operation.BLOB_GET: Reach.ALL,
        Operation.LINK_CERTIFICATE: Reach.OWN,
        Operation.FEED: Reach.OWN,
        Operation.REPORT: Reach.OWN,
        Operation.SIGHTING: Reach.OWN,
    },
    Role.NAMESERVER: {
        Operation.FEED: Reach.ALL,
        Operation.SIGHTING: Reach.OWN,
        Operation.CHALLENGE_UPDATE: Reach.ALL,
    },
}  # fmt: skip


class Caller(NamedTuple):
    """Who sent a request; `subject` names the owner, cluster or name server.

    `digest` is the token's, to tell callers of one name apart; `seal` is a key that
    only who has the token itself can give.
    """

    role: Role
    subject: str
    digest: bytes
    seal: bytes = b""

    def may_at_all(self, operation: Operation) -> bool:
        """Say whether there is anything that the caller may do that to."""
        return operation in ALLOWED.get(self.role, {})

    def may(self, operation: Operation, subject: str = "") -> bool:
        """Say whether the caller may do that to what is `subject`'s."""
        reach = ALLOWED.get(self.role, {}).get(operation)
        if reach is Reach.OWN:
            return bool(subject) and subject == self.subject
        return reach is Reach.ALL

    def demand(self, operation: Operation, subject: str = "") -> None:
        """Go on only if the caller may do that; raises Forbidden."""
        if not self.may(operation, subject):
            name = f" {self.subject}" if self.subject else ""
            whose = f" of {subject}" if subject else ""
            raise Forbidden(
                f"the {self.role} token{name} does not allow {operation}{whose}"
            )


async def grant(tx: Transaction, role: Role, subject: str) -> str:
    """Make a token; the caller sees it now and nobody ever again."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    await remember(tx, token, role, subject)
    return token


async def remember(tx: Transaction, token: str, role: Role, subject: str) -> None:
    """Let a token in that was made elsewhere; once more writes nothing.

    So a directory starts also where its disk is full.
    """
    row = {"digest": _digest(token), "role": role.value, "subject": subject}
    columns = (tokens.c.digest, tokens.c.role, tokens.c.subject)
    known = await tx.execute(select(*columns).where(tokens.c.digest == row["digest"]))
    if (found := known.one_or_none()) and found._asdict() == row:
        return
    await tx.execute(delete(tokens).where(tokens.c.digest == row["digest"]))
    await tx.execute(insert(tokens).values(**row, made_at=tx.now))


async def revoke(tx: Transaction, role: Role, subject: str) -> None:
    """Let none of its tokens in any more."""
    await tx.execute(
        delete(tokens).where(tokens.c.role == role, tokens.c.subject == subject)
    )


async def identify(reading: Reading, authorization: str | None) -> Caller:
    """Tell who sent the header `Authorization`; raises Unauthenticated."""
    # RFC 9110, section 11.1: "It uses a case-insensitive token to identify the
    # authentication scheme"
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated(
            "the request needs a token, in the header Authorization: Bearer TOKEN"
        )
    token = token.strip()
    digest = _digest(token)
    query = select(tokens.c.role, tokens.c.subject).where(tokens.c.digest == digest)
    row = (await reading.execute(query)).one_or_none()
    if row is None:
        raise Unauthenticated("the token is not one that this directory gave out")
    return Caller(Role(row.role), row.subject, digest, _digest(f"seal {token}"))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
