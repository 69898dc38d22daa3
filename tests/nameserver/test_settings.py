"""A name server's settings are read whole, or refused with the file and the key."""

import pytest

from domicile.config import Address, BadConfiguration
from domicile.nameserver.settings import load_settings

GOOD = {
    "name": '"ns1"',
    "directory": '"http://127.0.0.1:1"',
    "token_file": '"token"',
    "data": '"replica"',
}


@pytest.fixture
def load(tmp_path):
    def load(**changed):
        file = tmp_path / "nameserver.toml"
        lines = (f"{key} = {value}\n" for key, value in (GOOD | changed).items())
        file.write_text("".join(lines))
        return load_settings(file)

    return load


def test_what_is_not_said_has_a_default(load):
    settings = load(listen='["127.0.0.1:53", "[::1]:53"]')
    assert settings.addresses == [Address("127.0.0.1", 53), Address("::1", 53)]
    assert (settings.workers, settings.admin, settings.idle) == (2, "", 10.0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", '""'),
        ("listen", "[]"),
        ("directory", '"ftp://127.0.0.1"'),
        ("workers", "0"),
        ("idle", "-1"),
        ("idle", "nan"),
        ("tcp_most", "0"),
        ("surprise", "1"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(load, key, value):
    with pytest.raises(BadConfiguration, match=rf"nameserver\.toml: .*{key}"):
        load(**{key: value})


def test_a_token_that_cannot_be_read_is_named(load, tmp_path):
    settings = load(token_file=f'"{tmp_path}/nowhere"')
    with pytest.raises(BadConfiguration, match="token_file"):
        settings.source()


def test_the_token_is_read_without_its_line_end(load, tmp_path):
    (tmp_path / "token").write_text("secret\n")
    assert load(token_file=f'"{tmp_path}/token"').source().token == "secret"
