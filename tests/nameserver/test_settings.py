"""A name server's settings are read whole, or refused with the file and the key."""

import pytest

from domicile.config import Address, BadConfiguration
from domicile.dns.budget import prefix_of
from domicile.errors import DomicileError
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


def test_the_sealing_key_is_read_or_its_file_is_named(load, tmp_path):
    assert load().read_sealing_key() is None
    file = tmp_path / "sealing.key"
    settings = load(sealing_key_file=f'"{file}"')
    with pytest.raises(BadConfiguration, match=r"sealing\.key"):
        settings.read_sealing_key()
    file.write_text("0f" * 32)
    assert settings.read_sealing_key() == b"\x0f" * 32


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", '""'),
        ("data", '""'),
        ("token_file", '""'),
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


def test_without_a_directory_there_are_zones_and_no_token(tmp_path):
    file = tmp_path / "nameserver.toml"
    file.write_text('name = "ns1"\nzones = [{ name = "a.test", file = "a" }]\n')
    assert load_settings(file).source() is None
    file.write_text('name = "ns1"\n')
    with pytest.raises(BadConfiguration, match="neither a directory nor zones"):
        load_settings(file)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "is to hold the zone still.example"),
        (b"\xff", "is to hold the zone still.example"),
        (b"nothing", "at or just before line:1"),
        (b"@ 60 IN A 192.0.2.1", "one SOA is wanted"),
    ],
)
def test_a_zone_that_cannot_be_read_is_named(load, tmp_path, text, says):
    file = tmp_path / "still.zone"
    if text is not None:
        file.write_bytes(text)
    settings = load(zones=f'[{{ name = "still.example", file = "{file}" }}]')
    with pytest.raises(DomicileError, match=r"still\.example") as raised:
        settings.read_zones()
    assert says in str(raised.value)


def test_a_zone_is_there_once_and_has_a_name(load, tmp_path):
    file = tmp_path / "still.zone"
    file.write_text("@ 60 IN SOA ns host 1 2 3 4 5\n")
    one = f'{{ name = "still.example", file = "{file}" }}'
    assert list(load(zones=f"[{one}]").read_zones()) == [b"\x05still\x07example\0"]
    with pytest.raises(BadConfiguration, match=r"still\.example is there twice"):
        load(zones=f"[{one}, {one}]").read_zones()
    with pytest.raises(DomicileError, match=r"a\.\.b"):
        load(zones=f"[{one.replace('still.example', 'a..b')}]").read_zones()


@pytest.mark.parametrize("key", ["certificate_file", "key_file"])
def test_tls_needs_a_certificate_and_its_key(load, key):
    given = {"certificate_file": '"c.pem"', "key_file": '"k.pem"'} | {key: '""'}
    with pytest.raises(BadConfiguration, match=f"{key} is empty, and listen_tls"):
        load(listen_tls='["127.0.0.1:853"]', **given)


def test_a_certificate_that_cannot_be_read_is_named(load, tmp_path):
    missing = f'"{tmp_path}/none.pem"'
    settings = load(
        listen_tls='["127.0.0.1:853"]', certificate_file=missing, key_file=missing
    )
    with pytest.raises(BadConfiguration, match=r"certificate_file .*none\.pem"):
        settings.read_certificate()


def test_the_budget_is_divided_among_the_workers_or_there_is_none(load):
    now = 1_000_000
    budget = load(budget="1000", workers="2", budget_exempt="[]").make_budget()
    assert budget.allows(1, 0, 5 * 500, now)
    assert not budget.allows(1, 0, 10, now)
    assert load(budget="0").make_budget() is None
    exempt = load(budget="1000").make_budget()
    loopback = prefix_of(bytes((127, 0, 0, 1)))
    assert exempt.allows(loopback, 0, 10**6, now)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("budget", "-1"),
        ("budget_exempt", '["192.0.2.1/24"]'),
        ("listen_tls", '["nowhere"]'),
    ],
)
def test_what_is_wrong_with_budgets_and_tls_is_named(load, key, value):
    with pytest.raises(BadConfiguration, match=key if "budget" in key else "nowhere"):
        load(**{key: value})
