import dns.message
import pytest

from domicile.dns.client import Transport
from domicile.nameserver.counts import FAMILIES, Tally
from domicile.service.counters import Counters

ANSWERS = "domicile_nameserver_answers"


def reply(*, rcode=0, truncated=False):
    message = dns.message.make_response(dns.message.make_query("a.test", "A"))
    message.set_rcode(rcode)
    if truncated:
        message.flags |= dns.flags.TC
    return message.to_wire()


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        (reply(), "noerror"),
        (reply(rcode=3), "nxdomain"),
        (reply(rcode=5), "refused"),
        (reply(rcode=10), "notzone"),
        (reply(rcode=11), "other"),
        (reply(truncated=True), "truncated"),
        (None, "none"),
    ],
)
def test_each_reply_counts_once(given, counted):
    counters = Counters(FAMILIES, 1)
    Tally(counters, counters.row(0)).count(given, Transport.TCP)
    counts = {value: counters.total(ANSWERS, value) for value in FAMILIES[1].values}
    assert counts == dict.fromkeys(FAMILIES[1].values, 0) | {counted: 1}
    assert counters.total("domicile_nameserver_queries", "tcp") == 1
