"""Record data, read back by dnspython."""

from ipaddress import IPv4Address, IPv6Address

import dns.rdata
import pytest

from domicile.dns import rdata
from domicile.dns.name import name_from_text
from domicile.dns.rdata import Rdtype, Soa

SOA = Soa(
    name_from_text("ns1.apps.test"), name_from_text("host.apps.test"), 2**32 - 1, 2, 3, 4, 5
)  # fmt: skip


@pytest.mark.parametrize(
    ("rdtype", "wire", "text"),
    [
        (Rdtype.A, rdata.a(IPv4Address("192.0.2.1")), "192.0.2.1"),
        (Rdtype.AAAA, rdata.aaaa(IPv6Address("2001:db8::1")), "2001:db8::1"),
        (Rdtype.NS, rdata.ns(name_from_text("ns1.apps.test")), "ns1.apps.test."),
        (Rdtype.HINFO, rdata.hinfo(b"RFC8482", b""), '"RFC8482" ""'),
        (Rdtype.TXT, rdata.txt(b"one value"), '"one value"'),
        (Rdtype.HTTPS, rdata.https(["http/1.1"], []), "1 ."),
        (
            Rdtype.HTTPS,
            rdata.https(
                ["h3", "h2", "http/1.1"],
                [
                    IPv6Address("::1"),
                    IPv4Address("192.0.2.1"),
                    IPv4Address("192.0.2.2"),
                ],
            ),
            '1 . alpn="h3,h2" ipv4hint="192.0.2.1,192.0.2.2" ipv6hint="::1"',
        ),
        # RFC 9460 7.1.2: who does not speak the default has to say so.
        (Rdtype.HTTPS, rdata.https(["h2"], []), '1 . alpn="h2" no-default-alpn'),
        (
            Rdtype.SOA,
            rdata.soa(SOA),
            "ns1.apps.test. host.apps.test. 4294967295 2 3 4 5",
        ),
    ],
)
def test_dnspython_reads_what_we_write(rdtype, wire, text):
    assert dns.rdata.from_wire(1, rdtype, wire, 0, len(wire)).to_text() == text
