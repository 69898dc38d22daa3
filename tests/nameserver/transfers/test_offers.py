"""What may be taken by whom is judged before anything starts."""

import pytest

from domicile.config import Address, BadConfiguration
from domicile.dns.tsig import Key
from domicile.nameserver.transfers.offers import Transfer, read_offers


@pytest.fixture
def key_file(tmp_path):
    file = tmp_path / "key"
    file.write_text("hmac-sha512:Secondary.example:c2VjcmV0\n")
    return str(file)


def test_an_offer_is_read_whole(tmp_path, key_file):
    given = Transfer("Apps.Test", ("192.0.2.0/24",), "", key_file, ("[::1]:53",))
    (offer,) = read_offers([given], tmp_path)
    assert offer.apex == b"\x04apps\x04test\x00"
    assert offer.key == Key("secondary.example", "hmac-sha512", b"secret")
    assert offer.notify == (Address("::1", 53),)
    assert offer.journal == tmp_path / "apps.test.db"
    assert offer.admits(bytes((192, 0, 2, 9)))
    assert not offer.admits(bytes((192, 0, 3, 9)))
    assert not offer.admits(bytes(16))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (Transfer("apps.test"), "apps.test networks, a key or a key_file"),
        (Transfer("apps.test", ("192.0.2.1/24",)), "apps.test: .*host bits"),
        (
            Transfer("apps.test", (), "one", "two"),
            "apps.test there are a key and a key_file",
        ),
        (Transfer("a..b", ("192.0.2.0/24",)), "a..b"),
        (
            Transfer("apps.test", (), "", "/nowhere/key"),
            "key_file /nowhere/key .*NotFound",
        ),
        (Transfer("apps.test", ("::/0",), "", "", ("ns2",)), "'ns2' is not an address"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, given, says):
    with pytest.raises(BadConfiguration, match=says):
        read_offers([given], tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "secret",
        "hmac-md5:k:c2VjcmV0",
        "hmac-sha256:k:no base64!",
        "hmac-sha256:a..b:c2Vj",
    ],
)
def test_what_is_no_key_is_refused_and_not_told(tmp_path, line):
    file = tmp_path / "key"
    file.write_text(line)
    with pytest.raises(BadConfiguration, match="algorithm:name:secret") as caught:
        read_offers([Transfer("apps.test", (), "", str(file))], tmp_path)
    assert "c2VjcmV0c" not in str(caught.value)


def test_a_zone_is_there_once(tmp_path):
    twice = [Transfer("apps.test", ("::/0",)), Transfer("APPS.test.", ("::/0",))]
    with pytest.raises(BadConfiguration, match="there twice"):
        read_offers(twice, tmp_path)
