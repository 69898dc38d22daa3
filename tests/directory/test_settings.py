"""The directory's settings, and the operator's token."""

import stat

import pytest

from domicile.config import BadConfiguration
from domicile.directory.settings import Settings, load_settings

WHOLE = """
data = "/var/lib/domicile"
listen = "127.0.0.1:8053"
url = "https://directory.test/"

[[zones]]
name = "apps.test"
landing = ["127.0.0.10"]
[zones.nameservers]
"ns1.apps.test" = ["127.0.0.1"]
"""


def loaded(tmp_path, text):
    file = tmp_path / "directory.toml"
    file.write_text(text)
    return load_settings(file)


def test_a_whole_file_is_read(tmp_path):
    settings = loaded(tmp_path, WHOLE)
    (zone,) = settings.zones
    assert zone.nameservers == {"ns1.apps.test": ("127.0.0.1",)}
    assert settings.public_url == "https://directory.test"


def test_the_url_is_where_it_listens_unless_given(tmp_path):
    settings = loaded(tmp_path, 'data = "d"\nlisten = "[::1]:8053"')
    assert settings.public_url == "http://[::1]:8053"


def test_a_resolver_is_an_address_and_a_port(tmp_path):
    told = '["192.0.2.53:53", "[2001:db8::53]:5300"]'
    settings = loaded(tmp_path, f'data = "d"\nresolvers = {told}')
    assert settings.resolvers == ("192.0.2.53:53", "[2001:db8::53]:5300")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "data"),
        ('data = "d"\ncolour = "red"', "colour"),
        ('data = "d"\nzones = ["apps.test"]', "zones"),
        ('data = ""', "data is empty"),
        ('data = "d"\nlisten = ""', "listen: '' is not an address"),
        ('data = "d"\nadmin = "localhost"', "admin: 'localhost' is not an address"),
        ('data = "d"\nurl = "directory.test"', "url is 'directory.test'"),
        ('data = "d"\nplans.free.nap = 9', "plans"),
        (
            'data = "d"\nplans.free.sleep_seconds = -1',
            "plans.free.sleep_seconds is -1.0",
        ),
        (
            'data = "d"\nplans.free.sleep_seconds = nan',
            "plans.free.sleep_seconds is nan",
        ),
        ('data = "d"\nresolvers = ["192.0.2.53"]', "resolvers: '192.0.2.53' is not an"),
        (
            'data = "d"\nresolvers = ["dns.test:53"]',
            "resolvers: 'dns.test:53' is not an",
        ),
        (WHOLE.replace("127.0.0.10", "127.0.0"), r"zones\[0\].landing '127.0.0' is"),
    ],
)
def test_a_bad_file_is_refused_by_its_name_and_key(tmp_path, text, says):
    with pytest.raises(BadConfiguration, match=rf"directory\.toml.*{says}"):
        loaded(tmp_path, text)


def test_the_operators_token_is_made_once_and_for_its_owner_only(tmp_path):
    settings = Settings(data=str(tmp_path))
    token = settings.read_operator_token()
    assert settings.read_operator_token() == token
    file = tmp_path / "operator.token"
    assert file.read_text().strip() == token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_short_token_is_refused_by_its_file(tmp_path):
    file = tmp_path / "own.token"
    file.write_text("secret\n")
    with pytest.raises(BadConfiguration, match=r"own\.token.*6 characters"):
        Settings(data=str(tmp_path), operator_token=str(file)).read_operator_token()
