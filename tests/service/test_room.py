"""A disk that is nearly full is told of, before it is."""

from domicile.service import room
from domicile.service.room import lack_of_room


def test_a_disk_with_room_is_not_worth_a_word(tmp_path):
    assert lack_of_room(tmp_path) == ""


def test_a_disk_that_is_nearly_full_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "_LEAST", 2**80)
    said = lack_of_room(tmp_path)
    assert said.startswith(f"there is no room: {tmp_path} has ")


def test_a_folder_that_is_gone_is_told_of(tmp_path):
    assert "none cannot be looked at" in lack_of_room(tmp_path / "none")
