"""Messages over TCP: each behind its length in two octets (RFC 1035 4.2.2)."""

_LENGTH = 2


class Deframer:
    """Cuts a stream into messages, however its octets arrive."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def in_midst(self) -> bool:
        """Whether a message has begun that is not whole yet."""
        return bool(self._buffer)

    def receive(self, octets: bytes) -> list[bytes]:
        """Take what arrived; give the messages that are whole now, in order."""
        buffer = self._buffer
        buffer += octets
        messages = []
        at = 0
        while at + _LENGTH <= len(buffer):
            end = at + _LENGTH + int.from_bytes(buffer[at : at + _LENGTH], "big")
            if end > len(buffer):
                break
            messages.append(bytes(buffer[at + _LENGTH : end]))
            at = end
        del buffer[:at]
        return messages


def frame(message: bytes) -> bytes:
    return len(message).to_bytes(_LENGTH, "big") + message
