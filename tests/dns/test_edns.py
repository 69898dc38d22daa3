"""The OPT record, read and written as dnspython does."""

import dns.edns
import dns.message
import pytest

from domicile.dns.edns import (
    CO,
    OPT_SIZE,
    Edns,
    OptionCode,
    padding,
    read_edns,
    write_edns,
)
from domicile.dns.rdata import Rcode


def test_of_two_cookies_the_first_is_heeded():
    """RFC 7873 5.2."""
    edns = Edns(1232, 0, False, options=((3, b""), (10, b"first"), (10, b"second")))
    assert edns.option(OptionCode.COOKIE) == b"first"
    assert edns.option(OptionCode.PADDING) is None


@pytest.mark.parametrize("octets", [b"\0", b"\0\x0a\0", b"\0\x0a\0\x01", b"\0\3\0\0x"])
def test_options_that_do_not_fill_their_record_are_none(octets):
    assert read_edns(1232, 0, octets) is None


def test_what_is_written_is_read_by_dnspython():
    """The upper bits of an rcode, DO, and the options in their order."""
    edns = Edns(4096, 0, dnssec_ok=True, compact_ok=True)
    opt = write_edns(Rcode.BADVERS, edns, [(3, b"ns1"), (15, b"\0\x12no")])
    message = dns.message.from_wire(b"\0\1\x80\0" + bytes(7) + b"\1" + opt)
    assert message.rcode() == dns.rcode.BADVERS
    assert message.ednsflags & 0xFFFF == dns.flags.DO | CO
    assert [each.otype for each in message.options] == [3, 15]
    assert message.options[1].text == "no"


@pytest.mark.parametrize("size", [0, 1, 463, 464, 465, 468, 1000])
def test_padding_fills_whole_blocks(size):
    """RFC 8467 4.1: of 468 octets."""
    code, data = padding(size + OPT_SIZE)
    assert code == dns.edns.OptionType.PADDING
    assert (size + OPT_SIZE + 4 + len(data)) % 468 == 0
    assert len(data) < 468
