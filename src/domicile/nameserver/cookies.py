"""The secrets of DNS cookies, as the directory has them: the same for all name servers."""

from typing import Protocol, TypeVar

from domicile.model.record import Record
from domicile.model.sealing import CannotUnseal, context_of, unseal
from domicile.model.zone_records import COOKIES, CookieSecrets

Kind = TypeVar("Kind", bound=Record)


class SecretsView(Protocol):
    """Whoever has the record of the secrets."""

    def get(self, kind: type[Kind], key: str, /) -> Kind | None: ...


def cookie_secrets(view: SecretsView, sealing_key: bytes | None) -> tuple[bytes, ...]:
    """Give the secrets, the one that signs first; none where they cannot be had.

    Then a server makes cookies of its own, which others do not know; nobody is refused
    for that.
    """
    record = view.get(CookieSecrets, COOKIES)
    if record is None or sealing_key is None:
        return ()
    context = context_of(record.kind, record.key)
    try:
        return tuple(unseal(sealing_key, each, context) for each in record.sealed)
    except CannotUnseal:
        return ()
