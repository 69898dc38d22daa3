"""The customer's DNS says what it was told, and nobody keeps it from that."""

import socket

import dns.message
import dns.query
import dns.rcode
import dns.resolver
import pytest

from domicile.config import Address
from domicile.demo.customer import ANYWHERE, CustomerDns, ZoneFile

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


@pytest.fixture
def zone(tmp_path):
    """The demo's customers' DNS, with its file."""
    file = tmp_path / "customer-zone.txt"
    with ZoneFile(ANYWHERE, file) as served:
        served.file = file
        yield served


def told(served, name, kind="CNAME"):
    host, _, port = served.address.rpartition(":")
    query = dns.message.make_query(name, kind)
    return dns.query.udp(query, host, port=int(port), timeout=20)


def test_a_line_of_the_file_is_a_record_at_once(zone):
    assert told(zone, "www.ada.example").rcode() == dns.rcode.NXDOMAIN
    with zone.file.open("a") as file:
        file.write("WWW.ada.example.  CNAME  a.apps.test  # ours\n")
        file.write("ada.example A 192.0.2.1\nnonsense\n\n")
    answer = told(zone, "www.Ada.example")
    assert str(answer.answer[0][0]) == "a.apps.test."
    assert str(told(zone, "ada.example", "A").answer[0][0]) == "192.0.2.1"
    assert not told(zone, "ada.example").answer


def test_a_file_that_was_taken_away_is_an_empty_one(zone):
    zone.file.unlink()
    assert told(zone, "www.ada.example").rcode() == dns.rcode.NXDOMAIN


def test_what_was_written_before_stays(tmp_path):
    file = tmp_path / "zone"
    file.write_text("www.ada.example CNAME a.apps.test\n")
    with ZoneFile(ANYWHERE, file) as served:
        assert told(served, "www.ada.example").answer


def test_what_is_not_a_customer_s_is_asked_of_the_system_s_resolver(zone, monkeypatch):
    with CustomerDns() as world:
        world.set("www.elsewhere.test", "CNAME b.apps.test")
        host, _, port = world.address.rpartition(":")
        monkeypatch.setattr(dns.resolver, "get_default_resolver", lambda: system)
        system = dns.resolver.Resolver(configure=False)
        system.nameservers = [host]
        ask = dns.query.udp

        def at_its_port(query, where, timeout):
            return ask(query, where, timeout=timeout, port=int(port))

        monkeypatch.setattr("domicile.demo.customer.dns.query.udp", at_its_port)
        query = dns.message.make_query("www.elsewhere.test", "CNAME")
        answer = zone.answer(query)
    assert str(answer.answer[0][0]) == "b.apps.test."
