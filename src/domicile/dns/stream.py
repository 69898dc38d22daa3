"""Messages over TCP: each behind its length in two octets (RFC 1035 4.2.2)."""

_LENGTH = 2


class Deframer:
    """Cuts a stream into messages, however its octets arrive."""

    __slots__ = ("_at", "_buffer")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0

    @property
    def has_message(self) -> bool:
        """Whether a whole message has arrived."""
        return self._end() <= len(self._buffer)

    @property
    def in_midst(self) -> bool:
        """Whether the next message has begun, and is not whole yet."""
        return self._at < len(self._buffer) < self._end()

    def receive(self, octets: bytes) -> None:
        del self._buffer[: self._at]
        self._at = 0
        self._buffer += octets

    def take(self) -> bytes | None:
        """Give the next message, if it is whole."""
        end = self._end()
        if end > len(self._buffer):
            return None
        message = bytes(self._buffer[self._at + _LENGTH : end])
        self._at = end
        return message

    def _end(self) -> int:
        """Where the next message ends, or would at least."""
        begin = self._at + _LENGTH
        return begin + int.from_bytes(self._buffer[self._at : begin], "big")


def frame(message: bytes) -> bytes:
    return len(message).to_bytes(_LENGTH, "big") + message
