"""The sealing key's file: made once, for us alone, and refused by name if it is none."""

import pytest

from domicile.config import BadConfiguration
from domicile.service.sealing import have_sealing_key, read_sealing_key


def test_a_key_is_made_once_for_us_alone(tmp_path):
    path = tmp_path / "sealing.key"
    made = have_sealing_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert have_sealing_key(path) == read_sealing_key(path) == made
    assert have_sealing_key(tmp_path / "other.key") != made


def test_what_is_no_key_is_named_with_its_file(tmp_path):
    path = tmp_path / "sealing.key"
    with pytest.raises(BadConfiguration, match=r"sealing\.key .*No such file"):
        read_sealing_key(path)
    for text in ("", "none", "é" * 64):
        path.write_text(text)
        with pytest.raises(BadConfiguration, match=r"sealing\.key .*sealing key"):
            have_sealing_key(path)
