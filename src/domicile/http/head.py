"""Heads of HTTP/1 messages: strict, bounded, the same however the bytes are cut.

A head is judged whole. Before it is whole only three things are refused: a first
line that is too long, a bare LF, and fields that are too large. Each of them is
found at a fixed place of the stream, so that a cut elsewhere changes nothing.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from domicile.errors import DomicileError

Field = tuple[bytes, bytes]

MAX_LINE: Final = 8 * 1024
MAX_LENGTH: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Limits:
    """How many fields a head may have, how large all of them, and how large each."""

    fields: int
    fields_size: int
    field: int


FROM_OUTSIDE: Final = Limits(fields=100, fields_size=32 * 1024, field=16 * 1024)
# A hop writes who asked, and a space behind each colon: what one of our proxies took,
# the next one must take.
FROM_A_HOP: Final = Limits(fields=110, fields_size=34 * 1024, field=16 * 1024 + 1)

# RFC 9110 section 5.6.2: token = 1*tchar
TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
# RFC 9110 section 5.5: no CTL but HTAB; obs-text is opaque.
FIELD_LINE: Final = TOKEN + rb":[\t\x20-\x7e\x80-\xff]*+"

_REQUEST_LINE: Final = re.compile(rb"(" + TOKEN + rb") ([!-~]++) HTTP/([0-9])\.([0-9])")
_STATUS_LINE: Final = re.compile(
    rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*+))?"
)
_FIELDS: Final = re.compile(rb"(?:" + FIELD_LINE + rb"\r\n)*+")

# What this package itself looks at, gathered while the fields are read.
_SINGLED_OUT: Final = frozenset(
    (
        b"connection",
        b"content-length",
        b"expect",
        b"host",
        b"transfer-encoding",
        b"upgrade",
    )
)
FRAMING_NAMES: Final = frozenset((b"content-length", b"transfer-encoding"))


class Framing(Enum):
    """How the end of the body is known."""

    NONE = "there is no body"
    LENGTH = "its length is told"
    CHUNKED = "the last chunk ends it"
    CLOSE = "the end of the connection ends it"


@dataclass(slots=True)
class RequestHead:
    """A request as it was asked, names of fields in lower case."""

    method: bytes
    target: bytes
    minor: int
    fields: list[Field]
    singled: dict[bytes, list[bytes]]
    framing: Framing
    length: int
    keeps_alive: bool
    expects_continue: bool
    end: int


@dataclass(slots=True)
class ResponseHead:
    """A response as it was given, names of fields in lower case."""

    status: int
    reason: bytes
    minor: int
    fields: list[Field]
    singled: dict[bytes, list[bytes]]
    framing: Framing
    length: int
    keeps_alive: bool
    end: int


@dataclass(frozen=True, slots=True)
class NeedMore:
    """The head is not whole yet."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Answer this status, then close."""

    status: int
    reason: str


NEED_MORE: Final = NeedMore()


class BadHead(DomicileError):
    """The head breaks HTTP/1, and the message says where."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def parse_request_head(
    buffer: bytes | bytearray, *, limits: Limits = FROM_OUTSIDE
) -> RequestHead | NeedMore | Refusal:
    """Read the head at the front of the buffer; its body begins at `end`."""
    # RFC 9112 section 2.2: ignore at least one empty line before the request-line.
    start = 2 if buffer.startswith(b"\r\n") else 0
    try:
        line_end, end = _find_ends(buffer, start, limits)
        if end < 0:
            return NEED_MORE
        head = bytes(buffer[start:end])
        return _read_request(head, line_end - start, end, limits)
    except BadHead as bad:
        return Refusal(bad.status, bad.reason)


def parse_response_head(
    buffer: bytes | bytearray, *, method: bytes, limits: Limits = FROM_OUTSIDE
) -> ResponseHead | NeedMore | Refusal:
    """Read the head of the response to a request of this method."""
    try:
        line_end, end = _find_ends(buffer, 0, limits)
        if end < 0:
            return NEED_MORE
        return _read_response(bytes(buffer[:end]), line_end, method, limits)
    except BadHead as bad:
        return Refusal(502, bad.reason)


def list_members(values: list[bytes]) -> list[bytes]:
    """Split comma-separated lists into their members, in lower case."""
    members = (part.strip(b" \t") for v in values for part in v.lower().split(b","))
    return [member for member in members if member]


def _find_ends(
    buffer: bytes | bytearray, start: int, limits: Limits
) -> tuple[int, int]:
    """Find where the first line ends and where the head ends, -1 if not yet."""
    newline = buffer.find(b"\n", start, start + MAX_LINE + 2)
    if newline < 0:
        if len(buffer) >= start + MAX_LINE + 2:
            raise BadHead(414, "The first line is longer than 8 KiB.")
        return -1, -1
    line_end = newline - 1
    if line_end < start or buffer[line_end] != 13:
        raise BadHead(400, "The first line does not end in CRLF.")
    limit = newline + 1 + limits.fields_size + 2
    blank = buffer.find(b"\r\n\r\n", line_end, limit)
    stop = blank + 4 if blank >= 0 else min(limit, len(buffer))
    # RFC 9112 section 2.2 lets us take a bare LF as the end of a line; who does
    # and who does not is what smuggling lives on.
    if buffer.count(b"\n", start, stop) != buffer.count(b"\r\n", start, stop):
        raise BadHead(400, "A line of the head does not end in CRLF.")
    if blank < 0:
        if len(buffer) >= limit:
            size = limits.fields_size // 1024
            raise BadHead(431, f"The fields are larger than {size} KiB.")
        return line_end, -1
    return line_end, stop


def _read_request(head: bytes, line_end: int, end: int, limits: Limits) -> RequestHead:
    line = _REQUEST_LINE.fullmatch(head, 0, line_end)
    if line is None:
        raise BadHead(400, "The first line is not `method target HTTP/1.1`.")
    method, target, major, minor_digit = line.groups()
    if major != b"1" or minor_digit not in b"01":
        raise BadHead(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
    minor = minor_digit[0] - 48
    fields, singled = _read_fields(head, line_end, limits)
    framing, length = _frame(singled, minor)
    return RequestHead(
        method=method,
        target=target,
        minor=minor,
        fields=fields,
        singled=singled,
        framing=framing,
        length=length,
        keeps_alive=_keeps_alive(singled, minor),
        expects_continue=_expects_continue(singled, minor),
        end=end,
    )


def _read_response(
    head: bytes, line_end: int, method: bytes, limits: Limits
) -> ResponseHead:
    line = _STATUS_LINE.fullmatch(head, 0, line_end)
    if line is None:
        raise BadHead(502, "The first line is not `HTTP/1.1 status reason`.")
    minor = line[1][0] - 48
    status = int(line[2])
    fields, singled = _read_fields(head, line_end, limits)
    framing, length = _frame(singled, minor)
    # RFC 9112 section 6.3: responses to HEAD and any 1xx, 204 or 304 end with the
    # head, whatever its fields say.
    if method == b"HEAD" or status < 200 or status in (204, 304):
        framing, length = Framing.NONE, 0
    # "Otherwise, this is a response message without a declared message body
    # length, so [it ends when] the connection is closed."
    elif framing is Framing.NONE:
        framing = Framing.CLOSE
    return ResponseHead(
        status=status,
        reason=line[3] or b"",
        minor=minor,
        fields=fields,
        singled=singled,
        framing=framing,
        length=length,
        keeps_alive=framing is not Framing.CLOSE and _keeps_alive(singled, minor),
        end=len(head),
    )


def _read_fields(
    head: bytes, line_end: int, limits: Limits
) -> tuple[list[Field], dict[bytes, list[bytes]]]:
    first = line_end + 2
    last = len(head) - 2
    fields: list[Field] = []
    singled: dict[bytes, list[bytes]] = {}
    if first >= last:
        return fields, singled
    if head.count(b"\r\n", first, last) > limits.fields:
        raise BadHead(431, f"There are more than {limits.fields} fields.")
    if _FIELDS.fullmatch(head, first, last) is None:
        raise BadHead(400, "A field is not `name: value` on one line.")
    most = limits.field
    for line in head[first : last - 2].split(b"\r\n"):
        if len(line) > most:
            raise BadHead(431, "A field is larger than 16 KiB.")
        name, _, raw = line.partition(b":")
        name = name.lower()
        value = raw.strip(b" \t")
        fields.append((name, value))
        if name in _SINGLED_OUT:
            # RFC 9110 section 5.6.3 allows it, but llhttp takes `chunked` before a tab
            # for some other coding: where two differ, smuggling begins.
            if b"\t" in raw and name in FRAMING_NAMES:
                raise BadHead(400, "A tab is beside what tells how the body ends.")
            singled.setdefault(name, []).append(value)
    return fields, singled


def _frame(singled: dict[bytes, list[bytes]], minor: int) -> tuple[Framing, int]:
    """Tell how the body ends as far as the fields say it."""
    codings = singled.get(b"transfer-encoding")
    lengths = singled.get(b"content-length")
    if codings is not None:
        # RFC 9112 section 6.1: both together "ought to be handled as an error".
        if lengths is not None:
            raise BadHead(400, "Content-Length and Transfer-Encoding come together.")
        _require_chunked(codings, minor)
        return Framing.CHUNKED, 0
    if lengths is not None:
        return Framing.LENGTH, _read_length(lengths)
    return Framing.NONE, 0


def _require_chunked(codings: list[bytes], minor: int) -> None:
    # RFC 9112 section 6.1: Transfer-Encoding in HTTP/1.0 "MUST be treated as if
    # the framing is faulty".
    if minor == 0:
        raise BadHead(400, "Transfer-Encoding is not for HTTP/1.0.")
    if len(codings) == 1 and codings[0].lower() == b"chunked":
        return
    if any(coding != b"chunked" for coding in list_members(codings)):
        raise BadHead(501, "The only transfer coding known here is chunked.")
    raise BadHead(400, "Transfer-Encoding is not exactly one chunked.")


def _read_length(lengths: list[bytes]) -> int:
    digits = lengths[0]
    if len(lengths) != 1 or not digits.isdigit() or len(digits) > 19:
        raise BadHead(400, "Content-Length is not one decimal number.")
    length = int(digits)
    if length > MAX_LENGTH:
        raise BadHead(400, "Content-Length is larger than 2^63-1.")
    return length


def _keeps_alive(singled: dict[bytes, list[bytes]], minor: int) -> bool:
    options = singled.get(b"connection")
    if options is None:
        return minor == 1
    members = list_members(options)
    # RFC 9112 section 9.3: close wins; HTTP/1.0 persists only on keep-alive.
    return b"close" not in members and (minor == 1 or b"keep-alive" in members)


def _expects_continue(singled: dict[bytes, list[bytes]], minor: int) -> bool:
    expected = singled.get(b"expect")
    if expected is None:
        return False
    if len(expected) != 1 or expected[0].lower() != b"100-continue":
        raise BadHead(417, "The only expectation met here is 100-continue.")
    # RFC 9110 section 10.1.1: an HTTP/1.0 client's 100-continue MUST be ignored.
    return minor == 1
