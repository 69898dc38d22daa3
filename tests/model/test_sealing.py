"""A sealed secret is opened by its key, for its record, and by nothing else."""

import pytest

from domicile.model.sealing import (
    BadSealingKey,
    CannotUnseal,
    context_of,
    new_sealing_key,
    seal,
    sealing_key_from_text,
    sealing_key_to_text,
    unseal,
)

KEY = new_sealing_key()
CONTEXT = context_of("zone-key", "apps.test/12345")


def test_what_was_sealed_is_unsealed():
    sealed = seal(KEY, b"a secret", CONTEXT)
    assert b"a secret" not in sealed
    assert unseal(KEY, sealed, CONTEXT) == b"a secret"
    assert seal(KEY, b"a secret", CONTEXT) != sealed, "nobody sees that it is the same"


@pytest.mark.parametrize("at", [0, 12, -1])
def test_what_was_changed_is_not(at):
    sealed = bytearray(seal(KEY, b"a secret", CONTEXT))
    sealed[at] ^= 1
    with pytest.raises(CannotUnseal, match="zone-key apps"):
        unseal(KEY, bytes(sealed), CONTEXT)


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(12), bytes(27)])
def test_what_is_too_short_is_not(sealed):
    with pytest.raises(CannotUnseal):
        unseal(KEY, sealed, CONTEXT)


def test_another_key_or_record_opens_nothing():
    sealed = seal(KEY, b"a secret", CONTEXT)
    with pytest.raises(CannotUnseal, match="another key"):
        unseal(new_sealing_key(), sealed, CONTEXT)
    with pytest.raises(CannotUnseal):
        unseal(KEY, sealed, context_of("zone-key", "apps.test/12346"))


def test_a_key_is_read_as_it_was_written():
    assert sealing_key_from_text(sealing_key_to_text(KEY) + "\n") == KEY


@pytest.mark.parametrize("text", ["", "ab", "zz" * 32, "00" * 33])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(BadSealingKey, match="64 hexadecimal digits"):
        sealing_key_from_text(text)
