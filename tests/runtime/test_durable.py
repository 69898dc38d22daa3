"""Files are replaced whole."""

import pytest

from domicile.runtime.durable import make_private, write_durably


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "record.json"
    write_durably(path, b"old")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "record.json"
    write_durably(path, b"old")
    with pytest.raises(TypeError):
        write_durably(path, "not bytes")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_of_the_old_file_goes_on_reading_it(tmp_path):
    path = tmp_path / "record.json"
    write_durably(path, b"old")
    with path.open("rb") as reader:
        write_durably(path, b"new")
        assert reader.read() == b"old"


def test_a_private_folder_is_its_owners_alone_also_where_it_was_there(tmp_path):
    folder = tmp_path / "new" / "run"
    make_private(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    make_private(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
