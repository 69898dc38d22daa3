"""The customer's DNS says what it was told, and nobody keeps it from that."""

import socket

import dns.message
import dns.query
import dns.rcode
import pytest

from domicile.config import Address
from domicile.demo.tour.customer import CustomerDns

HOST = "www.ada.example"


@pytest.fixture
def customer():
    with CustomerDns() as served:
        yield served


def ask(customer, name, kind):
    place = Address.parse(customer.address)
    query = dns.message.make_query(name, kind)
    return dns.query.udp(query, place.host, timeout=10, port=place.port)


def test_it_answers_with_the_records_that_were_set_last(customer):
    customer.set(HOST, "CNAME old.example")
    customer.set(HOST, "CNAME a.example")
    (rrset,) = ask(customer, "WWW.ada.example", "CNAME").answer
    assert [str(each) for each in rrset] == ["a.example."]
    assert ask(customer, HOST, "A").answer == []
    customer.set(HOST, "A 192.0.2.1", "A 192.0.2.2")
    (rrset,) = ask(customer, HOST, "A").answer
    assert {str(each) for each in rrset} == {"192.0.2.1", "192.0.2.2"}


def test_a_name_that_was_not_set_or_is_cleared_is_nxdomain(customer):
    assert ask(customer, HOST, "CNAME").rcode() == dns.rcode.NXDOMAIN
    customer.set(HOST, "CNAME a.example")
    customer.clear()
    assert ask(customer, HOST, "CNAME").rcode() == dns.rcode.NXDOMAIN


def test_what_is_no_question_is_not_answered_and_does_not_end_it(customer):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for data in (b"?", b"\0" * 12):
            client.sendto(data, tuple(Address.parse(customer.address)))
    assert ask(customer, HOST, "A").rcode() == dns.rcode.NXDOMAIN
