"""What can be wrong with a replica, and which of it passes by itself.

LMDB's errors end here. Whoever reads catches ReplicaFault at its border: what cannot be
read is no answer, and so never a confident no.
"""

import errno
from typing import Final

import lmdb

from domicile.errors import DomicileError


class ReplicaFault(DomicileError):
    """The local copy could not tell, or take in, what it was asked to."""


class DamagedReplica(ReplicaFault):
    """The local copy cannot be trusted; a new one has to be followed."""


class NoRoom(ReplicaFault):
    """The machine had no room or no right for it; the local copy is as good as before."""


class UnreadableRecord(ReplicaFault):
    """A record is as it was written, in a form that this version does not read."""


_NO_ROOM: Final = (
    lmdb.MapFullError,
    lmdb.MapResizedError,
    lmdb.ReadersFullError,
    lmdb.DbsFullError,
    lmdb.TlsFullError,
)
# LMDB hands the system's own errors on, as positive numbers.
_NO_ROOM_CODES: Final = frozenset(
    (
        errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM, errno.EMFILE,
        errno.ENFILE, errno.EAGAIN, errno.EINTR, errno.EACCES, errno.EPERM, errno.EROFS,
    )
)  # fmt: skip


def fault_of(error: lmdb.Error) -> ReplicaFault:
    """Translate an error of LMDB's; what does not pass by itself is damage."""
    name = type(error).__name__
    code = getattr(error, "code", 0)
    if isinstance(error, _NO_ROOM) or code in _NO_ROOM_CODES:
        return NoRoom(f"the replica has no room: {name}: {error}")
    return DamagedReplica(f"the replica is damaged: {name}: {error}")
