"""Octets made from a seed: changed copies of what is kept in the corpus, or noise.

Nothing here asks for anything but its `Random`, so that a seed makes the same octets
again.
"""

from contextlib import contextmanager
from pathlib import Path
from random import Random

CORPUS = Path(__file__).parents[1] / "corpus"

# Where a sign, a power of two, a label's kind, the end of a line or of a string is.
_TELLING = (0, 1, 9, 10, 13, 32, 44, 58, 59, 63, 64, 127, 128, 192, 255)


def load(*folder: str) -> dict[str, bytes]:
    """Read a folder of the corpus: what each file shows, and its octets."""
    root = CORPUS.joinpath(*folder)
    files = sorted(path for path in root.glob("*/*") if path.is_file())
    assert files, root
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


@contextmanager
def seeded(seed: int, octets: bytes):
    """Have whatever fails within tell how it comes again."""
    try:
        yield
    except Exception as error:
        error.add_note(f"Comes first again with --seed {seed}: {octets!r}")
        raise


def noise(random: Random, longest: int) -> bytes:
    return random.randbytes(random.randrange(longest))


def mutate(random: Random, octets: bytes, others: list[bytes]) -> bytes:
    """Change one thing or a few; `others` are what it may be crossed with."""
    changed = octets
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        changed = random.choice(_WAYS)(random, changed, random.choice(others))
    return changed


def _flip(random: Random, octets: bytes, _: bytes) -> bytes:
    at, _end = _stretch(random, octets)
    return (
        octets[:at]
        + bytes(each ^ 1 << random.randrange(8) for each in octets[at : at + 1])
        + octets[at + 1 :]
    )


def _replace(random: Random, octets: bytes, _: bytes) -> bytes:
    at, _end = _stretch(random, octets)
    return octets[:at] + bytes((random.choice(_TELLING),)) + octets[at + 1 :]


def _count(random: Random, octets: bytes, _: bytes) -> bytes:
    """Move one number by one, as lengths and counts go wrong."""
    at, _end = _stretch(random, octets)
    step = random.choice((-1, 1))
    return (
        octets[:at]
        + bytes((each + step) & 255 for each in octets[at : at + 1])
        + octets[at + 1 :]
    )


def _insert(random: Random, octets: bytes, _: bytes) -> bytes:
    at, _end = _stretch(random, octets)
    new = random.choice((bytes((random.choice(_TELLING),)), noise(random, 9)))
    return octets[:at] + new + octets[at:]


def _delete(random: Random, octets: bytes, _: bytes) -> bytes:
    at, end = _stretch(random, octets)
    return octets[:at] + octets[end:]


def _repeat(random: Random, octets: bytes, _: bytes) -> bytes:
    at, end = _stretch(random, octets)
    return octets[:end] + octets[at:end] * random.choice((1, 1, 2, 5)) + octets[end:]


def _move(random: Random, octets: bytes, _: bytes) -> bytes:
    at, end = _stretch(random, octets)
    rest = octets[:at] + octets[end:]
    to, _end = _stretch(random, rest)
    return rest[:to] + octets[at:end] + rest[to:]


def _cut(random: Random, octets: bytes, _: bytes) -> bytes:
    return octets[: random.randrange(len(octets) + 1)]


def _cross(random: Random, octets: bytes, other: bytes) -> bytes:
    """Put a piece of the other one in, or go on as it does."""
    at, end = _stretch(random, octets)
    start, stop = _stretch(random, other)
    if random.random() < 0.5:
        return octets[:at] + other[start:]
    return octets[:at] + other[start:stop] + octets[end:]


def _stretch(random: Random, octets: bytes) -> tuple[int, int]:
    at = random.randrange(len(octets) + 1)
    return at, min(len(octets), at + random.choice((1, 1, 2, 4, 12, 40)))


_WAYS = (_flip, _flip, _replace, _count, _insert, _delete, _repeat, _move, _cut, _cross)
