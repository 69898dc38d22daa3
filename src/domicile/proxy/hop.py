"""The field `Domicile-Hop`: what one cluster's proxy tells another's of a request.

    app=<id>; generation=<n>; client=<address>; scheme=<http|https>; request=<id>

It is believed on the link and nowhere else, and no app ever sees it.
"""

import ipaddress
import re
from typing import Final

from domicile.errors import DomicileError
from domicile.model.routing import Hop

FIELD: Final = b"domicile-hop"

_HOP: Final = re.compile(
    rb"app=([a-z2-7]{26}); generation=(0|[1-9][0-9]{0,18}); client=([0-9a-f.:]{2,45});"
    rb" scheme=(https?); request=([0-9a-f]{32})"
)


class BadHop(DomicileError):
    """The field is not as a proxy of ours writes it."""


def write_hop(hop: Hop) -> bytes:
    return (
        f"app={hop.app}; generation={hop.generation}; client={hop.client};"
        f" scheme={hop.scheme}; request={hop.request_id}"
    ).encode("ascii")


def read_hop(values: list[bytes]) -> Hop:
    """Read the one field there must be on the link; raises BadHop."""
    matched = _HOP.fullmatch(values[0]) if len(values) == 1 else None
    if matched is None:
        raise BadHop("on the link there is exactly one Domicile-Hop, of five parts")
    app, generation, client, scheme, request_id = (
        part.decode("ascii") for part in matched.groups()
    )
    try:
        ipaddress.ip_address(client)
    except ValueError as error:
        raise BadHop("the client of a Domicile-Hop is an IP address") from error
    return Hop(app, int(generation), client, scheme, request_id)
