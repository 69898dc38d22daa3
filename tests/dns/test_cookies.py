"""The cookies of RFC 9018, by its own examples, and what is wrong with others."""

from socket import AF_INET6, inet_aton, inet_pton

import pytest

from domicile.dns.cookies import Standing, make_server_cookie, read_cookie
from domicile.dns.siphash import siphash

SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
ADDRESS = inet_aton("198.51.100.100")
CLIENT = bytes.fromhex("2464c4abcf10c957")
THEN = 1559731985


def test_the_hash_is_that_of_its_authors():
    """The vectors of the reference: inputs 00, 00 01, … under the key 00 … 0f."""
    key = bytes(range(16))
    assert siphash(key, b"").hex() == "310e0edd47db6f72"
    assert siphash(key, bytes(range(1))).hex() == "fd67dc93c539f874"
    assert siphash(key, bytes(range(8))).hex() == "6224939a79f5f593"
    assert siphash(key, bytes(range(15))).hex() == "e545be4961ca29a1"


def test_a_new_client_is_given_the_cookie_of_the_rfc():
    """RFC 9018 A.1."""
    read = read_cookie(CLIENT, ADDRESS, [SECRET], THEN)
    assert read.standing is Standing.NONE
    assert read.reply.hex() == "2464c4abcf10c957010000005cf79f111f8130c3eee29480"


def test_a_cookie_that_is_old_is_valid_and_renewed():
    sent = CLIENT + make_server_cookie(CLIENT, ADDRESS, SECRET, THEN)
    read = read_cookie(sent, ADDRESS, [SECRET], THEN + 1800)
    assert read.standing is Standing.VALID
    assert read.reply == CLIENT + make_server_cookie(
        CLIENT, ADDRESS, SECRET, THEN + 1800
    )


def test_a_cookie_over_ipv6_after_a_change_of_secrets():
    """RFC 9018 A.4: made with the old secret, renewed with the new one."""
    old = bytes.fromhex("dd3bdf9344b678b185a6f5cb60fca715")
    new = bytes.fromhex("445536bcd2513298075a5d379663c962")
    address = inet_pton(AF_INET6, "2001:db8:220:1:59de:d0f4:8769:82b8")
    sent = bytes.fromhex("22681ab97d52c298010000005cf7c57926556bd0934c72f8")
    read = read_cookie(sent, address, [new, old], 1559741961)
    assert read.standing is Standing.VALID
    assert read.reply.hex() == "22681ab97d52c298010000005cf7c609a6bb79d16625507a"


def test_a_cookie_that_is_young_is_sent_back_as_it_is():
    sent = CLIENT + make_server_cookie(CLIENT, ADDRESS, SECRET, THEN)
    for now in (THEN - 299, THEN, THEN + 1799):
        read = read_cookie(sent, ADDRESS, [SECRET], now)
        assert (read.standing, read.reply) == (Standing.VALID, sent)


@pytest.mark.parametrize("later", [-301, 3601, 2**31, 86_400 * 365])
def test_one_of_another_time_is_stale(later):
    sent = CLIENT + make_server_cookie(CLIENT, ADDRESS, SECRET, THEN)
    read = read_cookie(sent, ADDRESS, [SECRET], THEN + later)
    assert read.standing is Standing.STALE
    assert read.reply[:8] == CLIENT
    assert len(read.reply) == 24


def test_the_clock_of_32_bits_may_wrap_between():
    sent = CLIENT + make_server_cookie(CLIENT, ADDRESS, SECRET, 2**32 - 10)
    read = read_cookie(sent, ADDRESS, [SECRET], 2**32 + 100)
    assert read.standing is Standing.VALID


@pytest.mark.parametrize("at", range(24))
def test_one_that_was_changed_anywhere_is_stale(at):
    sent = bytearray(CLIENT + make_server_cookie(CLIENT, ADDRESS, SECRET, THEN))
    sent[at] ^= 1
    read = read_cookie(bytes(sent), ADDRESS, [SECRET], THEN)
    assert read.standing is Standing.STALE


def test_one_of_another_address_is_stale():
    sent = CLIENT + make_server_cookie(CLIENT, ADDRESS, SECRET, THEN)
    other = inet_aton("198.51.100.101")
    assert read_cookie(sent, other, [SECRET], THEN).standing is Standing.STALE


@pytest.mark.parametrize("size", [0, 1, 7, 9, 15, 41, 100])
def test_a_length_that_there_is_not_is_malformed(size):
    read = read_cookie(bytes(size), ADDRESS, [SECRET], THEN)
    assert (read.standing, read.reply) == (Standing.MALFORMED, b"")


@pytest.mark.parametrize("size", [16, 40])
def test_one_of_another_make_is_stale(size):
    read = read_cookie(bytes(size), ADDRESS, [SECRET], THEN)
    assert read.standing is Standing.STALE
