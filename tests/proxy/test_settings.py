"""A proxy's settings: read whole, or refused with file and key."""

import pytest

from domicile.config import Address, BadConfiguration
from domicile.proxy.settings import load_settings

NEEDED = {
    "name": '"amber-1"',
    "cluster": '"amber"',
    "manager": '"http://127.0.0.11:8081"',
    "token_file": '"token"',
    "data": '"data"',
}


def write(folder, **changed):
    path = folder / "proxy.toml"
    keys = NEEDED | changed
    path.write_text("".join(f"{k} = {v}\n" for k, v in keys.items() if v))
    return path


def test_what_is_needed_is_enough(tmp_path):
    settings = load_settings(write(tmp_path, listen='["[::1]:80", "127.0.0.1:8080"]'))
    assert settings.public_addresses == [Address("::1", 80), Address("127.0.0.1", 8080)]
    assert settings.workers == 2


@pytest.mark.parametrize("key", sorted(NEEDED))
def test_a_key_that_is_missing_or_empty_is_named_with_the_file(tmp_path, key):
    for value in ("", '""'):
        with pytest.raises(BadConfiguration, match=rf"proxy\.toml: .*{key}"):
            load_settings(write(tmp_path, **{key: value}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("listen", "[]"),
        ("listen", '["localhost"]'),
        ("link", '"127.0.0.1:99999"'),
        ("admin", '"x"'),
        ("manager", '"127.0.0.1:8081"'),
        ("workers", "0"),
        ("workers", '"two"'),
        ("worker", "2"),
        ("answer_seconds", "0"),
        ("connections_per_client", "0"),
    ],
)
def test_a_bad_value_is_refused_with_the_file(tmp_path, key, value):
    with pytest.raises(BadConfiguration, match=r"proxy\.toml: "):
        load_settings(write(tmp_path, **{key: value}))
