"""An operator's word that what followers hold back is meant (see `replica.guard`)."""

from collections.abc import Sequence

import msgspec

from domicile.directory.apps import NotFound
from domicile.directory.registry import BadRequest
from domicile.model.records import LOSS, Consent
from domicile.store.feed import Feed
from domicile.store.transaction import Transaction


class Accepted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names of followers, as the status has them."""

    followers: tuple[str, ...]


async def accept_loss(tx: Transaction, feed: Feed, names: Sequence[str]) -> Consent:
    """Let followers take in what they hold back; raises NotFound, BadRequest.

    A cluster's manager passes it on to the proxies that it answers.
    """
    known = {each.name: each for each in feed.followers}
    if not names:
        raise BadRequest(
            "no follower is named: `domicile follower list` names them all"
        )
    for name in names:
        if name not in known:
            raise NotFound(
                f"no follower {name!r}: `domicile follower list` names them all"
            )
        if not known[name].trouble:
            raise BadRequest(f"{name} holds nothing back")
    before = await tx.get(Consent, LOSS)
    number = before.number + 1 if before else 1
    consent = Consent(LOSS, number, {name: known[name].word.chain for name in names})
    await tx.put(consent)
    return consent
