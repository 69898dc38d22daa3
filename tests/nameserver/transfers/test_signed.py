"""What the process of transfers knows of the zones that it gives."""

import dns.message
import dns.query
import dns.rcode
import dns.tsig
from primary import KEY, until
from zonekeys import made


def outcome(primary):
    query = dns.message.make_query("apps.test", "AXFR", use_edns=0)
    query.use_tsig(dns.tsig.Key(*KEY, dns.tsig.HMAC_SHA256))
    answer = dns.query.tcp(query, primary.address.host, 5, primary.address.port)
    return answer.rcode(), [each.code for each in answer.options]


def test_a_zone_is_given_until_it_is_signed_and_again_when_it_is_not(
    start_primary, store
):
    primary = start_primary()
    until(primary.serial)
    until(lambda: outcome(primary) == (dns.rcode.NOERROR, []))
    key = made("apps.test")
    store.write(key)
    until(lambda: outcome(primary) == (dns.rcode.REFUSED, [21]))
    store.delete(key)
    until(lambda: outcome(primary) == (dns.rcode.NOERROR, []))
