"""Secrets within records: sealed by one key, which no store and no feed ever has.

The directory has the key, and whoever serves what is sealed; a record bears its secret
as `seal` gave it. What is sealed for one record is nothing in another: the record's
kind and key are authenticated with it.
"""

import secrets
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from domicile.errors import DomicileError

KEY_BYTES = 32
_NONCE = 12

RandomBytes = Callable[[int], bytes]


class BadSealingKey(DomicileError):
    """What should be a sealing key is none."""


class CannotUnseal(DomicileError):
    """A secret was sealed by another key, or for another record."""


def seal(
    sealing_key: bytes,
    plain: bytes,
    context: str,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> bytes:
    """Seal a secret for the record that `context_of` names."""
    # RFC 8439 4: a nonce "MUST NOT" be used twice with a key. Of 12 random octets that
    # holds for as many secrets as a directory will ever have.
    nonce = random_bytes(_NONCE)
    cipher = ChaCha20Poly1305(sealing_key)
    return nonce + cipher.encrypt(nonce, plain, context.encode())


def unseal(sealing_key: bytes, sealed: bytes, context: str) -> bytes:
    """Give the secret; raises CannotUnseal."""
    nonce, cipher = sealed[:_NONCE], ChaCha20Poly1305(sealing_key)
    try:
        return cipher.decrypt(nonce, sealed[_NONCE:], context.encode())
    except (InvalidTag, ValueError) as error:
        raise CannotUnseal(
            f"the secret of {context} was sealed by another key: the sealing key is "
            "wanted that the directory had then"
        ) from error


def context_of(kind: str, key: str) -> str:
    """Name a record as the one that a secret is sealed for."""
    return f"{kind} {key}"


def new_sealing_key(random_bytes: RandomBytes = secrets.token_bytes) -> bytes:
    return random_bytes(KEY_BYTES)


def sealing_key_to_text(sealing_key: bytes) -> str:
    return sealing_key.hex()


def sealing_key_from_text(text: str) -> bytes:
    """Read a key as `sealing_key_to_text` wrote it; raises BadSealingKey."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise BadSealingKey(
            f"a sealing key is {2 * KEY_BYTES} hexadecimal digits, as the directory "
            "wrote them"
        )
    return key
