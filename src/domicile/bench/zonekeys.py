"""The key that our name server signs with, sealed as a directory would have."""

from pathlib import Path

from domicile.bench.names import ZONE
from domicile.dns.keys import SECURE_ENTRY_POINT, ZONE_KEY, Algorithm, make_key
from domicile.model.sealing import context_of, seal, sealing_key_to_text
from domicile.model.zone_records import KeyRole, KeyState, ZoneKey

_SEALING_KEY = bytes(32)
"""Of nothing but a benchmark."""


def make_zone_key() -> ZoneKey:
    """Make a key that signs for all it is asked, as if it had long been."""
    made = make_key(Algorithm.ECDSAP256SHA256, ZONE_KEY | SECURE_ENTRY_POINT)
    context = context_of(ZoneKey.kind, f"{ZONE}/{made.tag}")
    sealed = seal(_SEALING_KEY, made.to_pem(), context)
    return ZoneKey(
        zone=ZONE,
        tag=made.tag,
        role=KeyRole.CSK,
        state=KeyState.ACTIVE,
        public=made.rdata,
        sealed=sealed,
        made_at=1.0,
        since=1.0,
    )


def write_sealing_key(file: Path) -> None:
    file.write_text(f"{sealing_key_to_text(_SEALING_KEY)}\n")
