"""Bodies of HTTP/1 messages, piece by piece: views of what came, never a copy.

A decoder is fed what was received and hands back the pieces of the body in it.
Once it is done, `excess` is what came after the body. Nothing is gathered but the
bytes of one broken line.
"""

import re
from enum import Enum
from typing import Final

from domicile.errors import DomicileError
from domicile.http.head import (
    FIELD_LINE,
    FRAMING_NAMES,
    MAX_LENGTH,
    TOKEN,
    Framing,
)

MAX_CHUNK_LINE: Final = 4 * 1024
MAX_TRAILERS_SIZE: Final = 8 * 1024

LAST_CHUNK: Final = b"0\r\n\r\n"

_NOTHING: Final = memoryview(b"")
_NO_CHUNK_END: Final = "A chunk does not end in CRLF where its size says."

# RFC 9112 section 7.1.1, without the BWS that only attackers send.
_EXTENSION: Final = (
    rb";" + TOKEN + rb"(?:=(?:" + TOKEN + rb'|"(?:[\t !#-\[\]-~\x80-\xff]'
    rb'|\\[\t -~\x80-\xff])*+"))?+'
)
_CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})(?:" + _EXTENSION + rb")*+\r\n")
_TRAILER_LINE: Final = re.compile(FIELD_LINE + rb"\r\n")


class BadBody(DomicileError):
    """The body breaks HTTP/1: nothing that follows it can be trusted."""


class LengthBody:
    """A body that ends after a told number of bytes."""

    __slots__ = ("_left", "done", "excess")

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0
        self.excess = _NOTHING

    def feed(self, data: bytes) -> list[memoryview]:
        view = memoryview(data)
        size = len(data)
        if size < self._left:
            self._left -= size
            return [view] if size else []
        piece = view[: self._left]
        self.excess = view[self._left :]
        self._left = 0
        self.done = True
        return [piece] if piece else []

    def finish(self) -> None:
        """Hear that the connection has ended."""
        if not self.done:
            raise BadBody(f"The connection ended {self._left} bytes before the body.")


class CloseBody:
    """A body that ends with the connection."""

    __slots__ = ("done", "excess")

    def __init__(self) -> None:
        self.done = False
        self.excess = _NOTHING

    def feed(self, data: bytes) -> list[memoryview]:
        return [memoryview(data)] if data else []

    def finish(self) -> None:
        """Hear that the connection has ended."""
        self.done = True


class _Line(Enum):
    CHUNK = "begins a chunk"
    CHUNK_END = "ends a chunk"
    TRAILER = "is a trailer, or the end"


class ChunkedBody:
    """A body in chunks. Extensions and trailers are read, and dropped."""

    __slots__ = ("_left", "_line", "_line_is", "_trailers_size", "done", "excess")

    def __init__(self) -> None:
        self._left = 0
        self._line = b""
        self._line_is = _Line.CHUNK
        self._trailers_size = 0
        self.done = False
        self.excess = _NOTHING

    def feed(self, data: bytes) -> list[memoryview]:
        view = memoryview(data)
        pieces: list[memoryview] = []
        position = 0
        end = len(data)
        while position < end and not self.done:
            if self._left:
                piece = view[position : position + self._left]
                self._left -= len(piece)
                position += len(piece)
                pieces.append(piece)
                continue
            newline = data.find(b"\n", position, position + MAX_CHUNK_LINE + 1)
            if newline < 0:
                self._keep(data[position : position + MAX_CHUNK_LINE + 1])
                position = end
            else:
                line = self._line + data[position : newline + 1]
                self._line = b""
                position = newline + 1
                self._read_line(line)
        self.excess = view[position:]
        return pieces

    def finish(self) -> None:
        """Hear that the connection has ended."""
        if not self.done:
            raise BadBody("The connection ended before the last chunk.")

    def _keep(self, part: bytes) -> None:
        self._line += part
        if self._line_is is _Line.CHUNK_END:
            if self._line != b"\r":
                raise BadBody(_NO_CHUNK_END)
        elif len(self._line) >= MAX_CHUNK_LINE:
            raise BadBody("A line between chunks is longer than 4 KiB.")

    def _read_line(self, line: bytes) -> None:
        if self._line_is is _Line.CHUNK_END:
            self._read_chunk_end(line)
        elif len(line) > MAX_CHUNK_LINE:
            raise BadBody("A line between chunks is longer than 4 KiB.")
        elif self._line_is is _Line.CHUNK:
            self._read_chunk_line(line)
        else:
            self._read_trailer(line)

    def _read_chunk_line(self, line: bytes) -> None:
        matched = _CHUNK_LINE.fullmatch(line)
        if matched is None:
            raise BadBody("A chunk does not begin with its size in hex and CRLF.")
        size = int(matched[1], 16)
        if size > MAX_LENGTH:
            raise BadBody("A chunk is larger than 2^63-1.")
        self._left = size
        self._line_is = _Line.CHUNK_END if size else _Line.TRAILER

    def _read_chunk_end(self, line: bytes) -> None:
        if line != b"\r\n":
            raise BadBody(_NO_CHUNK_END)
        self._line_is = _Line.CHUNK

    def _read_trailer(self, line: bytes) -> None:
        if line == b"\r\n":
            self.done = True
            return
        self._trailers_size += len(line)
        if self._trailers_size > MAX_TRAILERS_SIZE:
            raise BadBody("The trailers are larger than 8 KiB.")
        if _TRAILER_LINE.fullmatch(line) is None:
            raise BadBody("A trailer is not `name: value` on one line.")
        # RFC 9110 section 6.5.1: "Many fields cannot be processed outside the header
        # section", and who takes these two from a trailer reads another message.
        if line.partition(b":")[0].lower() in FRAMING_NAMES:
            raise BadBody("A trailer tells how the body ends.")


Body = LengthBody | ChunkedBody | CloseBody


def start_body(framing: Framing, length: int) -> Body:
    """Begin to decode the body that a head announces."""
    if framing is Framing.CHUNKED:
        return ChunkedBody()
    if framing is Framing.CLOSE:
        return CloseBody()
    return LengthBody(length)


def write_chunk(piece: bytes | memoryview) -> tuple[bytes | memoryview, ...]:
    """Frame one chunk for `writelines`; nothing is nothing, not the last chunk."""
    if not piece:
        return ()
    return b"%x\r\n" % len(piece), piece, b"\r\n"
