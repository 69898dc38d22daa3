"""Which host a request asks for: one name, or none at all."""

import re
from dataclasses import dataclass
from typing import Final

from domicile.http.head import Refusal, RequestHead

MAX_NAME: Final = 253

# Names here are A-labels; an underscore is DNS, not host name, but is asked for.
_LABEL: Final = rb"[a-z0-9_](?:[a-z0-9_\-]{0,61}[a-z0-9_])?"
_AUTHORITY: Final = re.compile(
    rb"(" + _LABEL + rb"(?:\." + _LABEL + rb")*|\[[0-9a-f:.]{2,45}\])\.?"
    rb"(?::([0-9]{1,5}))?"
)
_ABSOLUTE: Final = re.compile(rb"https?://([^/?#]*)([^#]*)", re.IGNORECASE)

# RFC 9113 11.6 reserves PRI: the first words of HTTP/2, for which an app behind us may take
# a request that begins so.
_NOT_PASSED_ON: Final = {
    b"CONNECT": Refusal(405, "CONNECT is not for here: nothing is tunnelled."),
    b"PRI": Refusal(501, "PRI begins HTTP/2, which is not spoken here."),
}


@dataclass(slots=True)
class Asked:
    """What is asked, and of whom; both as they go upstream."""

    name: str
    authority: bytes
    target: bytes

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address, and so no name of anybody's."""
        # RFC 1123, section 2.1: "the highest-level component label will be alphabetic"
        return self.name.startswith("[") or self.name.rpartition(".")[2].isdigit()


def read_host(head: RequestHead) -> Asked | Refusal:
    """Find the host and the path that a request asks for."""
    if refusal := _NOT_PASSED_ON.get(head.method):
        return refusal
    hosts = head.singled.get(b"host", ())
    # RFC 9112 section 3.2: 400 to "any HTTP/1.1 request message that lacks a Host
    # header field and to any request message that contains more than one".
    if len(hosts) != 1:
        return Refusal(400, "There is not exactly one Host.")
    asked = _read_authority(hosts[0], head.target)
    if isinstance(asked, Refusal) or head.target.startswith(b"/"):
        return asked if b"#" not in head.target else _BAD_TARGET
    if head.target == b"*":
        return asked if head.method == b"OPTIONS" else _BAD_TARGET
    return _read_absolute(head)


def _read_absolute(head: RequestHead) -> Asked | Refusal:
    """RFC 9112 section 3.2.2: the target's host replaces the Host field."""
    absolute = _ABSOLUTE.fullmatch(head.target)
    if absolute is None:
        return _BAD_TARGET
    authority, path = absolute.groups()
    if not path and head.method == b"OPTIONS":
        # RFC 9112 section 3.2.4: the last proxy sends `*` for an empty path.
        path = b"*"
    elif not path.startswith(b"/"):
        path = b"/" + path
    return _read_authority(authority, path)


def _read_authority(authority: bytes, target: bytes) -> Asked | Refusal:
    matched = _AUTHORITY.fullmatch(authority.lower())
    if matched is None:
        return Refusal(400, "The host is not a name with perhaps a port.")
    name, port = matched.groups()
    if len(name) > MAX_NAME:
        return Refusal(400, "The host is longer than 253 characters.")
    if port is not None:
        if not 0 < int(port) < 65536:
            return Refusal(400, "The port of the host is not in 1..65535.")
        return Asked(name.decode("ascii"), b"%b:%d" % (name, int(port)), target)
    return Asked(name.decode("ascii"), name, target)


_BAD_TARGET: Final = Refusal(400, "The target is neither a path nor an http URL.")
