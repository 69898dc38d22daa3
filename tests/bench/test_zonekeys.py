"""Our name server signs with the key that a benchmark gives it."""

import dns.dnssec
import dns.message
import dns.name
import dns.query
import dns.rdatatype

from domicile.bench.names import ZONE, host_of
from domicile.bench.nameservers import Wanted, fill_ours, signs
from domicile.bench.quiet import quiet_directory


def ask(port, name, rdtype):
    query = dns.message.make_query(name, rdtype, want_dnssec=True)
    return dns.query.udp(query, "127.0.0.1", port=port, timeout=5).answer


def test_its_answers_are_signed_by_the_key_of_its_zone(folder, start):
    fill_ours(folder, 100, signed=True)
    with quiet_directory() as url:
        port = start(Wanted(folder, directory=url), "domicile")["domicile"].port
        assert signs(port)
        keys = {dns.name.from_text(ZONE): ask(port, ZONE, "DNSKEY")[0]}
        dns.dnssec.validate(*ask(port, host_of(7), "A"), keys)


def test_without_one_they_are_not(folder, start):
    fill_ours(folder, 100, signed=False)
    with quiet_directory() as url:
        assert not signs(
            start(Wanted(folder, directory=url), "domicile")["domicile"].port
        )
