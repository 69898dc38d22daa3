"""Hosts: one spelling for each name, and nothing taken that two could read as two."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domicile.http.head import Refusal, RequestHead, parse_request_head
from domicile.http.host import Asked, read_host


def ask(target, *hosts, method=b"GET"):
    lines = b"".join(b"Host: " + host + b"\r\n" for host in hosts)
    head = parse_request_head(
        method + b" " + target + b" HTTP/1.1\r\n" + lines + b"\r\n"
    )
    assert isinstance(head, RequestHead)
    return read_host(head)


LABELS = b".".join([b"a" * 63] * 3) + b"." + b"a" * 61


@pytest.mark.parametrize(
    ("host", "name", "authority"),
    [
        (b"a.example", "a.example", b"a.example"),
        (b"A.Example.", "a.example", b"a.example"),
        (b"a.example:8080", "a.example", b"a.example:8080"),
        (b"a.example.:080", "a.example", b"a.example:80"),
        (b"a--b_c.example", "a--b_c.example", b"a--b_c.example"),
        (b"xn--bcher-kva.example", "xn--bcher-kva.example", b"xn--bcher-kva.example"),
        (b"192.0.2.1", "192.0.2.1", b"192.0.2.1"),
        (b"[2001:DB8::1]:443", "[2001:db8::1]", b"[2001:db8::1]:443"),
        (LABELS, LABELS.decode(), LABELS),
        (LABELS + b".", LABELS.decode(), LABELS),
    ],
)
def test_a_host_has_one_spelling(host, name, authority):
    assert ask(b"/x?y", host) == Asked(name, authority, b"/x?y")


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [b""],
        [b"a", b"a"],
        [b"a", b"b"],
        *(
            [host]
            for host in (
                b".",
                b"a..",
                b".a",
                b"a..b",
                b"a, b",
                b"a b",
                b"a/b",
                b"a?b",
                b"a#b",
                b"a\\b",
                b"u@a",
                b"u:p@a",
                b"http://a",
                b"a:",
                b"a:0",
                b"a:65536",
                b"a:8x",
                b"a:+80",
                b"a:80:80",
                b":80",
                b"-a",
                b"a-",
                b"a%2eb",
                b"b\xc3\xbccher.example",
                b"a" * 64,
                LABELS + b"a",
                LABELS + b".a",
                b"[::1",
                b"::1",
                b"[::1%25eth0]",
            )
        ),
    ],
)
def test_a_bad_host_is_refused(hosts):
    refusal = ask(b"/", *hosts)
    assert isinstance(refusal, Refusal)
    assert refusal.status == 400


@pytest.mark.parametrize(
    ("method", "target", "asked"),
    [
        (b"GET", b"http://B.example/x?y", Asked("b.example", b"b.example", b"/x?y")),
        (b"GET", b"HTTPS://b:81?y", Asked("b", b"b:81", b"/?y")),
        (b"GET", b"http://b", Asked("b", b"b", b"/")),
        (b"OPTIONS", b"http://b", Asked("b", b"b", b"*")),
        (b"OPTIONS", b"*", Asked("a", b"a", b"*")),
        (b"GET", b"//b/x", Asked("a", b"a", b"//b/x")),
    ],
)
def test_an_absolute_target_wins_over_host(method, target, asked):
    assert ask(target, b"a", method=method) == asked


@pytest.mark.parametrize(
    ("method", "target", "host", "status"),
    [
        (b"CONNECT", b"a:443", b"a:443", 405),
        (b"CONNECT", b"/", b"a", 405),
        (b"PRI", b"/", b"a", 501),
        (b"PRI", b"*", b"a", 501),
        (b"GET", b"a:443", b"a", 400),
        (b"GET", b"*", b"a", 400),
        (b"GET", b"x", b"a", 400),
        (b"GET", b"/x#y", b"a", 400),
        (b"GET", b"ftp://a/", b"a", 400),
        (b"GET", b"http:///x", b"a", 400),
        (b"GET", b"http://u@b/", b"a", 400),
        (b"GET", b"http://b/#y", b"a", 400),
        (b"GET", b"http://b/", b"a/b", 400),
    ],
)
def test_a_bad_target_is_refused(method, target, host, status):
    refusal = ask(target, host, method=method)
    assert isinstance(refusal, Refusal)
    assert refusal.status == status


@given(
    st.from_regex(rb"[!-~]{1,40}", fullmatch=True),
    st.from_regex(rb"[ -~\x80-\xff]{0,40}", fullmatch=True),
)
@settings(max_examples=300, deadline=None)
def test_whatever_is_asked_a_name_is_plain_or_refused(target, host):
    asked = ask(target, host)
    if isinstance(asked, Asked):
        assert asked.name == asked.name.lower()
        assert not set(asked.name) & set("/@?#, %\\")
        assert asked.target.startswith((b"/", b"*"))
