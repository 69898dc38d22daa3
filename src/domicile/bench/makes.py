"""The makes of name servers that are measured, ours among them."""

from enum import StrEnum


class Make(StrEnum):
    """A name server, by how it is called in the rows."""

    DOMICILE = "domicile"
    FLOOR = "floor"
    KNOT = "knot"
    NSD = "nsd"
    MIEKG = "miekg"
    BIND = "bind"
    PDNS = "pdns"
