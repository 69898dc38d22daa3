"""Which cluster a host is sent to, told by DNS itself: TXT at `_where.<host>`."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address

from domicile.dns.answer import Answer, Ede, ExtendedError
from domicile.dns.name import labels_of
from domicile.dns.rdata import Rdtype, RRset, txt
from domicile.model.resolution import InCluster, resolve
from domicile.nameserver.live import ServedView, text_labels

Network = IPv4Network | IPv6Network

_PREFIX = b"\x06_where"
_NO_APP = ExtendedError(Ede.OTHER, "_where tells of apps' names, and this is none")


def is_where(name: bytes) -> bool:
    return name.startswith(_PREFIX)


def may_ask(networks: Iterable[Network], address: bytes) -> bool:
    """Whether an address, of 4 or 16 octets, lies in one of the networks."""
    asking = ip_address(address)
    return any(asking in network for network in networks)


def tell_where(view: ServedView, name: bytes, rdtype: int) -> Answer:
    """Answer for a name, folded, that `is_where`; nobody may keep what is said."""
    labels = text_labels(labels_of(name[len(_PREFIX) :]))
    match resolve(view, labels):
        case InCluster(cluster=cluster, generation=generation) if rdtype == Rdtype.TXT:
            told = (
                f"cluster={cluster.name}",
                f"generation={generation}",
                f"serial={view.serial}",
                *(["behind"] if view.behind else []),
            )
            strings = (each.encode() for each in told)
            return Answer.data(RRset(name, Rdtype.TXT, 0, (txt(*strings),)))
        case _:
            return Answer.refused(_NO_APP)
