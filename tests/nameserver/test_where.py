"""Where an app is, told by DNS to those who may know."""

from ipaddress import ip_network

import dns.message
import pytest

from domicile.dns.client import Client, Transport
from domicile.dns.rdata import Rcode
from domicile.nameserver.replies import Own, Replies

INSIDE = Client(Transport.UDP, bytes((10, 1, 2, 3)))
OUTSIDE = Client(Transport.UDP, bytes((192, 0, 2, 1)))
OWN = Own(told=(ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")))


@pytest.fixture
def ask(replica):
    replies = Replies(replica, own=OWN)

    def ask(name, client=INSIDE, rdtype="TXT"):
        query = dns.message.make_query(name, rdtype, use_edns=0)
        with replies.batch() as reply:
            return dns.message.from_wire(reply(query.to_wire(), client))

    return ask


@pytest.mark.parametrize(
    "host",
    ["hello.ada.apps.test", "HELLO--ada.apps.test", f"{'k' * 26}.apps.test"],
)
def test_it_tells_the_cluster_the_generation_and_the_serial(ask, host):
    (rrset,) = ask(f"_where.{host}").answer
    assert rrset[0].to_text() == '"cluster=amber" "generation=2" "serial=4"'
    assert rrset.ttl == 0


def test_nobody_else_learns_more_than_that_there_is_no_such_name(ask):
    reply = ask("_where.hello.ada.apps.test", OUTSIDE)
    assert (reply.rcode(), reply.answer) == (Rcode.NXDOMAIN, [])
    again = ask("_where.hello.ada.apps.test", INSIDE)
    assert again.answer


@pytest.mark.parametrize(
    "host", ["ada.apps.test", "apps.test", "no.ada.apps.test", "x"]
)
def test_of_what_is_no_app_it_says_so(ask, host):
    reply = ask(f"_where.{host}")
    assert (reply.rcode(), reply.options[0].code) == (Rcode.REFUSED, 0)
