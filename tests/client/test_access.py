from pathlib import Path

import pytest

from domicile.client.access import (
    Access,
    BadToken,
    NoDirectory,
    data_folder,
    find_access,
    write_access,
)


def test_the_flag_wins_over_the_environment():
    told = {"DOMICILE_DATA": "/elsewhere"}
    assert data_folder(Path("/here"), told) == Path("/here")
    assert data_folder(None, told) == Path("/elsewhere")
    assert data_folder(None, {}) == Path("domicile-data")


def test_the_folder_tells_where_and_who(tmp_path):
    write_access(tmp_path, Access("http://127.0.0.1:1", "t"))
    write_access(tmp_path, Access("http://127.0.0.1:2", "u"))
    assert find_access(tmp_path, {}) == ("http://127.0.0.1:2", "u")
    assert (tmp_path / "client.json").stat().st_mode & 0o777 == 0o600
    told = {"DOMICILE_URL": "http://far", "DOMICILE_TOKEN": "v"}
    assert find_access(tmp_path, told) == ("http://far", "v")


def test_an_unknown_directory_says_what_would_help(tmp_path):
    with pytest.raises(NoDirectory, match="DOMICILE_URL"):
        find_access(tmp_path, {})


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "client.json").write_text("{")
    with pytest.raises(NoDirectory, match=r"client\.json cannot be used"):
        find_access(tmp_path, {})


@pytest.mark.parametrize("token", ["tökén", "two words", "line\n", "\udcff", "a=b"])
def test_a_token_that_can_be_none_is_said_where_it_was_found(tmp_path, token):
    told = {"DOMICILE_URL": "http://far", "DOMICILE_TOKEN": token}
    with pytest.raises(BadToken, match="DOMICILE_TOKEN is no token"):
        find_access(tmp_path, told)
    if token.isprintable():
        write_access(tmp_path, Access("http://127.0.0.1:1", token))
        with pytest.raises(BadToken, match=r"client\.json is no token"):
            find_access(tmp_path, {})
