"""The file of the sealing key: made by the directory, and read by who serves secrets."""

import secrets
from contextlib import suppress
from pathlib import Path

from domicile.config import BadConfiguration
from domicile.model.sealing import (
    BadSealingKey,
    new_sealing_key,
    sealing_key_from_text,
    sealing_key_to_text,
)
from domicile.runtime.durable import write_durably

_SECRET = 0o600


def read_sealing_key(path: Path) -> bytes:
    """Read the key; raises BadConfiguration with the file, and what is wrong."""
    try:
        return sealing_key_from_text(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError, BadSealingKey) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadConfiguration(
            f"{path} is to hold the directory's sealing key: {reason}"
        ) from error


def have_sealing_key(path: Path) -> bytes:
    """Read the key, made if there is none; raises BadConfiguration."""
    if not path.exists():
        _make(path)
    return read_sealing_key(path)


def _make(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    text = f"{sealing_key_to_text(new_sealing_key())}\n"
    write_durably(draft, text.encode(), _SECRET)
    # Of two directories that start, one's key is both's: a rename would replace it.
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()
