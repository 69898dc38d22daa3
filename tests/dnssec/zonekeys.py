"""Keys of zones, as a directory would have made and sealed them."""

from domicile.dns.keys import Algorithm, make_key
from domicile.model.sealing import context_of, seal
from domicile.model.zone_records import KeyRole, KeyState, ZoneKey

SEALING_KEY = bytes(range(32))


def made(
    zone,
    role=KeyRole.CSK,
    state=KeyState.ACTIVE,
    algorithm=Algorithm.ECDSAP256SHA256,
    now=1.0,
):
    key = make_key(algorithm, 256 if role is KeyRole.ZSK else 257)
    context = context_of(ZoneKey.kind, f"{zone}/{key.tag}")
    sealed = seal(SEALING_KEY, key.to_pem(), context)
    return ZoneKey(zone, key.tag, role, state, key.rdata, sealed, now, now)
