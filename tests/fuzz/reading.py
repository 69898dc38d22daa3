"""How a stream of octets is read as one message: by us, cut anywhere, and by others.

A reading ends in one of three: `Taken`, whole; `Partial`, where more must come; or
`Refused`.
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

CUT = 0
"""The status of a body that breaks: its response has begun already."""

Fields = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Taken:
    """A message; `line` is method and target, or the status; it ends at `end`."""

    line: tuple[bytes, bytes] | int
    fields: Fields
    body: bytes
    end: int
    keeps_alive: bool | None
    head: object = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Partial:
    """More must come."""


@dataclass(frozen=True)
class Refused:
    status: int
    reason: str


Reading = Taken | Partial | Refused
PARTIAL = Partial()


def cut(random: Random, stream: bytes, size: int = 0) -> list[bytes]:
    """Cut a stream into pieces of that size, or anywhere.

    What is long enough to be refused for it is cut into fewer: each piece has us look
    at all that came before.
    """
    least = 1 + len(stream) // 500
    most = least * random.choice((1, 2, 9, 80))
    pieces = []
    at = 0
    while at < len(stream):
        end = at + max(least, size or random.randint(1, most))
        pieces.append(stream[at:end])
        at = end
    return pieces


def read_request(http, pieces: Iterable[bytes], **limits) -> Reading:
    """Read one request with the modules of a twin, as a conversation does."""
    parse = functools.partial(http.head.parse_request_head, **limits)
    return _Reader(http, parse, _accept_request, 400).read(pieces)


def read_response(http, pieces: Iterable[bytes], method: bytes, **limits) -> Reading:
    """Read one response, and the end of its connection, as an exchange does."""
    parse = functools.partial(http.head.parse_response_head, method=method, **limits)
    return _Reader(http, parse, _accept_response, CUT).read([*pieces, b""])


def _accept_request(http, head):
    asked = http.host.read_host(head)
    if isinstance(asked, http.head.Refusal):
        return asked
    client = http.fields.Client("192.0.2.7", "https")
    fields = http.fields.forward_request(head, asked, client)
    return fields if isinstance(fields, http.head.Refusal) else None


def _accept_response(http, head):
    fields = http.fields.forward_response(head)
    return fields if isinstance(fields, http.head.Refusal) else None


class _Reader:
    """Feeds what comes to the parser of heads, then to the decoder of the body."""

    def __init__(self, http, parse: Callable, accept: Callable, bad_body: int) -> None:
        self._http = http
        self._parse = parse
        self._accept = accept
        self._bad_body = bad_body
        self._buffer = bytearray()
        self._fed = 0
        self._head = None
        self._body = None
        self._content = b""

    def read(self, pieces: Iterable[bytes]) -> Reading:
        for piece in pieces:
            self._buffer += piece
            self._fed += len(piece)
            if self._head is None and (refused := self._read_head()):
                return refused
            if self._head is None:
                continue
            try:
                self._read_body(ended=not piece)
            except self._http.body.BadBody as error:
                return Refused(self._bad_body, str(error))
            if self._body.done:
                return self._taken()
        return PARTIAL

    def _read_head(self) -> Refused | None:
        http = self._http
        while self._head is None:
            head = self._parse(self._buffer)
            if isinstance(head, http.head.NeedMore):
                return None
            refusal = head
            if not isinstance(head, http.head.Refusal):
                refusal = self._accept(http, head)
            if refusal is not None:
                return Refused(refusal.status, refusal.reason)
            del self._buffer[: head.end]
            if _is_interim(head):
                continue
            self._head = head
            self._body = http.body.start_body(head.framing, head.length)
        return None

    def _read_body(self, *, ended: bool) -> None:
        body = self._body
        if not body.done and self._buffer:
            data = bytes(self._buffer)
            self._buffer.clear()
            for piece in body.feed(data):
                assert piece.obj is data, "a piece of a body is no view of what came"
                self._content += piece
            assert len(getattr(body, "_line", b"")) <= 4096
            assert body.done or not body.excess
            self._buffer += body.excess
        if ended and not body.done:
            body.finish()

    def _taken(self) -> Taken:
        head = self._head
        line = head.status if hasattr(head, "status") else (head.method, head.target)
        return Taken(
            line,
            head.fields,
            self._content,
            self._fed - len(self._buffer),
            head.keeps_alive,
            head,
        )


def _is_interim(head) -> bool:
    return hasattr(head, "status") and head.status < 200 and head.status != 101
