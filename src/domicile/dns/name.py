"""Domain names as they stand in a query: labels behind their lengths, then the root.

A name is the `bytes` of its wire form, uncompressed. Lengths are below 64 and capital
letters begin at 65, so folding the case of a whole name never touches a length.
"""

from domicile.errors import DomicileError

LONGEST_NAME = 255
LONGEST_LABEL = 63
ROOT = b"\x00"


class BadName(DomicileError):
    """The text is not a domain name that fits the wire."""


def read_name(packet: bytes, start: int) -> bytes | None:
    """Cut the uncompressed name that begins at `start`; None where there is none."""
    at = start
    # RFC 1035 3.1: "the total length of a domain name … is restricted to 255 octets".
    end = min(len(packet), start + LONGEST_NAME)
    while at < end:
        length = packet[at]
        if length == 0:
            return packet[start : at + 1]
        # RFC 1035 4.1.4: the first two bits 11 are a pointer, 01 and 10 are reserved.
        if length > LONGEST_LABEL:
            return None
        at += length + 1
    return None


def fold(name: bytes) -> bytes:
    """Lower the ASCII letters, and those only (RFC 4343 3)."""
    return name.lower()


def labels_of(name: bytes) -> tuple[bytes, ...]:
    """Split a name into its labels, leftmost first, without the root."""
    labels = []
    at = 0
    while name[at]:
        end = at + 1 + name[at]
        labels.append(name[at + 1 : end])
        at = end
    return tuple(labels)


def offset_of_suffix(name: bytes, suffix: bytes) -> int | None:
    """Find where in `name`, on the edge of a label, `suffix` begins."""
    wanted = len(name) - len(suffix)
    at = 0
    while at < wanted:
        at += name[at] + 1
    return at if at == wanted and name[at:] == suffix else None


def name_from_text(text: str) -> bytes:
    """Write a host name of ASCII labels for the wire; raises BadName."""
    if text in {"", "."}:
        return ROOT
    wire = b"".join(_label_from_text(label, text) for label in _split(text)) + ROOT
    if len(wire) > LONGEST_NAME:
        raise BadName(
            f"The name {text!r} takes {len(wire)} octets, and a name has at most 255.",
        )
    return wire


def name_to_text(name: bytes) -> str:
    r"""Show a name to people, without the last dot; odd octets as \DDD."""
    return ".".join(_label_to_text(label) for label in labels_of(name)) or "."


def _split(text: str) -> list[str]:
    return text.removesuffix(".").split(".")


def _label_from_text(label: str, text: str) -> bytes:
    if not label.isascii() or not 0 < len(label) <= LONGEST_LABEL:
        raise BadName(
            f"The label {label!r} of the name {text!r} must be 1 to 63 ASCII letters.",
        )
    return bytes((len(label),)) + label.encode("ascii")


def _label_to_text(label: bytes) -> str:
    return "".join(
        chr(octet)
        if 0x21 <= octet <= 0x7E and octet not in b'."\\'
        else f"\\{octet:03}"
        for octet in label
    )
