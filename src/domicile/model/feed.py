"""The feed's frames: what a follower asks and what the owner of a store answers.

An answer is a sequence of frames, each a msgpack value behind its length in four
bytes: a Begin, then its changes, then an End. What ends without an End was cut off and
counts for nothing. `Begin.snapshot` says whether the changes join `after`, or replace
all that the follower holds.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from domicile.errors import DomicileError
from domicile.model.bounds import Natural
from domicile.model.changes import NO_CHAIN, Change

FORMAT = 1
CONTENT_TYPE = "application/vnd.domicile.feed+msgpack"


class BadFeed(DomicileError):
    """What a feed's peer sent is not a feed."""


class WorkerNote(msgspec.Struct, frozen=True):
    """What one worker of a follower says of itself: the serial that it has seen, its
    requests in flight for apps that no longer live or listen here, and which copy of
    the replica it found damaged. `active` are the apps that had a request lately, each
    with a mark that another request changes.
    """

    serial: Natural
    in_flight: dict[str, int] = {}
    damaged: str = ""
    active: dict[str, float] = {}


class Ask(msgspec.Struct, frozen=True):
    """Ask for what comes after `after`; this acknowledges `after`.

    `trouble` is what is wrong with the follower, `behind` whether it is so by its own
    account, and `verify` asks for the digest of what it should hold. `holds` is the
    chain of what it serves from, also where it asks for everything anew.
    """

    follower: str
    kinds: tuple[str, ...]
    after: Natural = 0
    chain: bytes = NO_CHAIN
    cluster: str = ""
    admin: str = ""
    notes: dict[str, WorkerNote] = {}
    trouble: str = ""
    behind: bool = False
    verify: bool = False
    holds: bytes = NO_CHAIN
    format: int = FORMAT


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """A range of changes `after < serial <= up_to`, or a snapshot as of `up_to`.

    A filtered range is contiguous even where nothing of those kinds changed. `count` is
    how many records a snapshot has, for who waits for it; 0 where nobody counted.
    """

    after: int
    up_to: int
    chain: bytes
    snapshot: bool = False
    format: int = FORMAT
    count: Natural = 0


class Entry(msgspec.Struct, frozen=True, tag="entry"):
    """One change of the range, or one record of the snapshot."""

    change: Change


class End(msgspec.Struct, frozen=True, tag="end"):
    """The answer is whole: `count` entries came before.

    `digest` is that of the records which the follower then holds, if it was asked for.
    """

    count: int
    digest: bytes = b""


Frame = Begin | Entry | End
Message = TypeVar("Message")

_encoder = msgspec.msgpack.Encoder()
_ask: msgspec.msgpack.Decoder[Ask] = msgspec.msgpack.Decoder(Ask)
_frame: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)

_LENGTH = 4
_LONGEST_FRAME = 64 * 1024 * 1024


def encode_ask(ask: Ask) -> bytes:
    return _encoder.encode(ask)


def decode_ask(body: bytes) -> Ask:
    """Read a follower's question; raises BadFeed."""
    return _decode(_ask, body)


def encode_frame(frame: Frame) -> bytes:
    body = _encoder.encode(frame)
    return len(body).to_bytes(_LENGTH, "big") + body


def encode_answer(
    begin: Begin, changes: Iterable[Change], digest: bytes = b""
) -> Iterator[bytes]:
    """Give the frames of a whole answer, encoded, one by one."""
    yield encode_frame(begin)
    count = 0
    for change in changes:
        yield encode_frame(Entry(change))
        count += 1
    yield encode_frame(End(count, digest))


class FrameReader:
    """Cuts a byte stream into frames: feed it pieces, iterate over what is whole."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take in bytes and give the frames that they complete; raises BadFeed."""
        self._buffer += data
        start = 0
        while (body := self._body_at(start)) is not None:
            yield _decode(_frame, body)
            start += _LENGTH + len(body)
        del self._buffer[:start]

    def _body_at(self, start: int) -> bytes | None:
        begin = start + _LENGTH
        if len(self._buffer) < begin:
            return None
        length = int.from_bytes(self._buffer[start:begin], "big")
        if length > _LONGEST_FRAME:
            raise BadFeed(f"a feed frame of {length} bytes is more than is ever sent")
        if len(self._buffer) < begin + length:
            return None
        return bytes(self._buffer[begin : begin + length])


def _decode(decoder: "msgspec.msgpack.Decoder[Message]", body: bytes) -> Message:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadFeed(f"not a frame of a feed of format {FORMAT}: {error}") from error
