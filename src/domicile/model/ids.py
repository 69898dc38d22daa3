"""App ids: permanent, unguessable, and a valid DNS label."""

import secrets
from collections.abc import Callable

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
LENGTH = 26
BITS = 5 * LENGTH

RandomBits = Callable[[int], int]


def new_id(random_bits: RandomBits = secrets.randbits) -> str:
    """Make an app id: 26 characters of a–z and 2–7 from 130 random bits."""
    number = random_bits(BITS)
    return "".join(ALPHABET[number >> 5 * place & 31] for place in range(LENGTH))


def looks_like_id(label: str) -> bool:
    return len(label) == LENGTH and all(character in ALPHABET for character in label)
