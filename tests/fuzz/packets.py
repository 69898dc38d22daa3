"""Queries made from a seed: nearly right, in each way in which a query goes wrong."""

import struct
from random import Random

from mutation import mutate, noise

ZONE = (b"apps", b"test")
_LABELS = (b"hello", b"ada", b"apps", b"test", b"HeLLo", b"ns1", b"in", b"_x", b"a.b",
           b"\0", b"\xff", b"x" * 63)  # fmt: skip
_NAMES = (
    (b"hello", b"ada"),
    (b"hELLo", b"AdA"),
    (b"ada",),
    (),
    (b"ns1",),
    (b"nobody",),
)
_TYPES = (1, 2, 6, 16, 28, 43, 46, 48, 65280)
_METAS = (0, 41, 128, 249, 250, 251, 252, 253, 254, 255)
_OPTIONS = (3, 8, 10, 11, 12, 15, 65001)


def make_packet(random: Random, corpus: list[bytes]) -> bytes:
    """Take a packet from the three sources: changed, built, or nothing but noise."""
    source = random.random()
    if source < 0.5:
        return mutate(random, random.choice(corpus), corpus)
    if source < 0.95:
        return _build(random)
    header = struct.pack("!6H", 7, 0, 1, 0, 0, random.randrange(3))
    return random.choice((b"", header)) + noise(random, 80)


def _build(random: Random) -> bytes:
    packet = bytearray(12)
    counts = [1, 0, 0, 0]
    _add_question(random, packet)
    while random.random() < 0.02:
        _add_question(random, packet)
        counts[0] += 1
    for section, chance in ((1, 0.02), (2, 0.05), (3, 0.5)):
        while random.random() < chance:
            _add_record(random, packet)
            counts[section] += 1
    if random.random() < 0.05:
        packet += noise(random, 4)
    if random.random() < 0.05:
        counts[random.randrange(4)] = random.choice((0, 1, 2, 3, 255, 65535))
    packet[:12] = struct.pack("!6H", random.randrange(65536), _flags(random), *counts)
    return bytes(packet)


def _flags(random: Random) -> int:
    if random.random() < 0.8:
        return random.choice((0, 0x0100, 0x0120, 0x0110))
    return random.randrange(65536)


def _add_question(random: Random, packet: bytearray) -> None:
    if random.random() < 0.7:
        _add_labels(packet, (*random.choice(_NAMES), *ZONE))
        packet += b"\0"
    else:
        _add_name(random, packet)
    rdtype = random.choice(_METAS if random.random() < 0.1 else _TYPES)
    rdclass = 1 if random.random() < 0.95 else random.choice((0, 3, 4, 254, 255))
    packet += struct.pack("!2H", rdtype, rdclass)


def _add_name(random: Random, packet: bytearray) -> None:
    most = random.choice((0, 1, 3, 3, 10, 130))
    _add_labels(packet, random.choices(_LABELS, k=random.randrange(most + 1)))
    end = random.random()
    if end < 0.6:
        packet += b"\0"
    elif end < 0.98:
        there = random.randrange(max(1, len(packet) + 2))
        packet += struct.pack("!H", 0xC000 | random.choice((12, there)))
    else:
        packet += bytes((random.choice((64, 128, 191)),))


def _add_labels(packet: bytearray, labels) -> None:
    for label in labels:
        packet += bytes((len(label),)) + label


def _add_record(random: Random, packet: bytearray) -> None:
    if random.random() < 0.6:
        _add_opt(random, packet)
        return
    if random.random() < 0.5:
        packet += b"\xc0\x0c"
    else:
        _add_name(random, packet)
    data = _rdata(random, len(packet) + 10)
    rdtype = random.choice((1, 2, 6, 16, 41, 250, 65280))
    packet += struct.pack("!2HIH", rdtype, 1, 0, _length(random, data)) + data


def _rdata(random: Random, at: int) -> bytes:
    """Give data in which names may begin that lead back, and round."""
    if random.random() < 0.5:
        return noise(random, 20)
    pointers = (
        random.choice((12, at, at + 2, at - 9)) for _ in range(random.randrange(9))
    )
    return struct.pack("!4B", 0, 1, 97, 0) + b"".join(
        struct.pack("!H", 0xC000 | pointer) for pointer in pointers
    )


def _add_opt(random: Random, packet: bytearray) -> None:
    options = b""
    while random.random() < 0.4:
        data = noise(random, 12)
        code = random.choice(_OPTIONS)
        options += struct.pack("!2H", code, _length(random, data)) + data
    size = random.choice((0, 511, 512, 513, 1232, 4096, 65535))
    ttl = random.choice(
        (0, 0, 0x8000, 0x8000, 0x7FFF, 1 << 16, random.randrange(2**32))
    )
    owner = b"\0" if random.random() < 0.97 else b"\xc0\x0c"
    length = _length(random, options)
    packet += owner + struct.pack("!2HIH", 41, size, ttl, length) + options


def _length(random: Random, data: bytes) -> int:
    """Tell the length of the data, and now and then another one."""
    if random.random() < 0.97:
        return len(data)
    return random.choice((max(0, len(data) - 1), len(data) + 1, 65535))
