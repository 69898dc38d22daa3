"""The keys that sign updates, queries and transfers, as the records have them, sealed."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from domicile.dns.allowance import Allowance
from domicile.dns.tsig import Key
from domicile.errors import DomicileError
from domicile.model.sealing import context_of, unseal
from domicile.model.zone_records import UpdateKey

PER_SECOND = 100
"""So many signatures a worker verifies: each takes as long as a hundred answers, and
whoever sends it may be anybody. Beyond it datagrams are lost, and clients try again."""

NO_KEYS: Mapping[str, Key] = MappingProxyType({})


class CannotVerify(DomicileError):
    """What a key has signed cannot be told from what it has not."""


class KeyView(Protocol):
    """Whoever has the records of keys."""

    def update_key(self, name: str) -> UpdateKey | None: ...


class Keyring:
    """Finds keys, with their secrets; `allowance` is for what is to be verified."""

    def __init__(
        self, sealing_key: bytes | None, others: Mapping[str, Key] = NO_KEYS
    ) -> None:
        """`others` are no records: of a name that both have, theirs is found."""
        self._sealing_key = sealing_key
        self.allowance = Allowance(PER_SECOND)
        self._others = others

    def find(self, view: KeyView, name: str) -> Key | None:
        """Find a key by its name; raises CannotVerify, CannotUnseal."""
        if name in self._others:
            return self._others[name]
        record = view.update_key(name)
        if record is None:
            return None
        if self._sealing_key is None:
            raise CannotVerify(
                "sealing_key_file is not set, and by it the secrets of keys are sealed"
            )
        context = context_of(record.kind, record.key)
        secret = unseal(self._sealing_key, record.sealed, context)
        return Key(record.name, record.algorithm, secret)
