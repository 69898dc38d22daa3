"""The plain twin: from source, whole, and nothing of it stays behind."""

import sys

from mutation import load
from reading import read_request
from twins import find_twins, load_plain

import domicile.dns.message
from domicile.dns import responder


def test_a_plain_twin_is_another_module_from_the_same_source():
    plain = load_plain("domicile.dns", "message", "responder")
    assert plain.responder is not responder
    assert plain.responder.__file__.endswith("responder.py")
    assert plain.responder.parse_query is plain.message.parse_query
    assert plain.message.parse_query(b"") == plain.message.Ignored()


def test_what_is_installed_stays_where_it_was():
    load_plain("domicile.dns", "responder")
    assert sys.modules["domicile.dns.responder"] is responder
    assert domicile.dns.responder is responder


def test_where_nothing_is_compiled_there_is_one_of_each():
    (installed, *plain) = find_twins("domicile.dns", "message")
    assert installed.message is domicile.dns.message
    assert bool(plain) == (not domicile.dns.message.__file__.endswith(".py"))


def test_the_plain_twin_reads_the_corpus_as_the_installed_one_does():
    names = ("head", "host", "body", "fields")
    (installed, *_) = find_twins("domicile.http", *names)
    plain = load_plain("domicile.http", *names)
    for stream in load("http", "requests").values():
        assert read_request(plain, [stream]) == read_request(installed, [stream])
