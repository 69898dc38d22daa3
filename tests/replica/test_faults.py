"""Which of LMDB's errors pass by themselves, and which mean a new copy."""

import errno

import lmdb
import pytest

from domicile.replica.faults import DamagedReplica, NoRoom, fault_of


def with_code(code: int) -> lmdb.Error:
    error = lmdb.Error("mdb_txn_commit")
    error.code = code
    return error


@pytest.mark.parametrize(
    "error",
    [
        lmdb.MapFullError("full"),
        lmdb.ReadersFullError("full"),
        with_code(errno.ENOSPC),
        with_code(errno.EMFILE),
    ],
)
def test_what_passes_by_itself_is_no_damage(error: lmdb.Error) -> None:
    assert isinstance(fault_of(error), NoRoom)


@pytest.mark.parametrize(
    "error",
    [
        lmdb.BadTxnError("bad"),
        lmdb.CorruptedError("page"),
        lmdb.PageNotFoundError("page"),
        lmdb.PanicError("panic"),
        lmdb.TxnFullError("too much for one"),
        lmdb.Error("of a kind that nobody thought of"),
        with_code(errno.EIO),
        with_code(errno.ENOENT),
    ],
)
def test_all_else_is_damage_and_says_what(error: lmdb.Error) -> None:
    fault = fault_of(error)
    assert isinstance(fault, DamagedReplica)
    assert type(error).__name__ in str(fault)


def test_the_systems_errors_are_told_apart_as_lmdb_raises_them(tmp_path) -> None:
    with pytest.raises(lmdb.Error) as raised:
        lmdb.open(str(tmp_path / "nowhere" / "deep"), readonly=True, create=False)
    assert isinstance(fault_of(raised.value), DamagedReplica)
    with pytest.raises(lmdb.Error) as raised:
        lmdb.open(str(tmp_path / "huge"), map_size=2**60)
    assert isinstance(fault_of(raised.value), NoRoom)
