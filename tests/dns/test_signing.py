"""Signatures and denials, checked by dnspython's validator."""

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from domicile.dns import keys
from domicile.dns.keys import Algorithm, BadKey, Key, make_key, read_key
from domicile.dns.name import name_from_text
from domicile.dns.rdata import Rdtype, RRset
from domicile.dns.signing import Validity, denial, signature, type_bitmap

ZONE = name_from_text("apps.test")
NOW = 1_700_000_000
VALID = Validity(NOW - 3600, NOW + 86_400)


def theirs(rrset):
    """The same set, as dnspython has it."""
    name, _ = dns.name.from_wire(rrset.name, 0)
    datas = [
        dns.rdata.from_wire(dns.rdataclass.IN, rrset.rdtype, each, 0, len(each))
        for each in rrset.rdatas
    ]
    return dns.rrset.from_rdata_list(name, rrset.ttl, datas)


def signed_by(key, rrset):
    rdata = signature(ZONE, key, rrset, VALID)
    return RRset(rrset.name, Rdtype.RRSIG, rrset.ttl, (rdata,))


def validate(rrset, signatures, key):
    dnskey = theirs(RRset(ZONE, Rdtype.DNSKEY, 3600, (key.rdata,)))
    dns.dnssec.validate(
        theirs(rrset), theirs(signatures), {dnskey.name: dnskey}, now=NOW
    )


def made(name, rdtype, *texts, ttl=60):
    datas = (
        dns.rdata.from_text(
            "IN", rdtype, text, origin=dns.name.root, relativize=False
        ).to_wire()
        for text in texts
    )
    number = dns.rdatatype.from_text(rdtype)
    return RRset(name_from_text(name), int(number), ttl, tuple(datas))


@pytest.fixture(params=list(Algorithm), ids=lambda each: each.name)
def key(request):
    return make_key(request.param)


@pytest.mark.parametrize(
    "rrset",
    [
        made("hello.ada.apps.test", "A", "192.0.2.9", "192.0.2.1", "10.0.0.1"),
        made("apps.test", "SOA", "Ns.Apps.test. Host.Apps.test. 1 2 3 4 5"),
        made("apps.test", "NS", "NS2.apps.test.", "ns1.Apps.TEST."),
        made("apps.test", "MX", "10 Mail.apps.test.", "5 A.apps.test."),
        made("_x._tcp.apps.test", "SRV", "1 2 443 Host.apps.test."),
        made("apps.test", "TXT", '"Case Stays"', '"b" "c"'),
        made("apps.test", "CAA", '0 issue "CA.example"'),
        made("apps.test", "HTTPS", "1 . alpn=h2 ipv4hint=192.0.2.1"),
        made("d.apps.test", "DNAME", "Else.where."),
        made("n.apps.test", "NAPTR", '1 2 "u" "E2U+sip" "!^.*$!sip:a@B.c!" Repl.test.'),
        made("p.apps.test", "PTR", "Host.apps.test."),
        made("r.apps.test", "RP", "Me.apps.test. Txt.apps.test."),
        made("*.apps.test", "A", "192.0.2.9"),
        made("g.apps.test", "TYPE65280", "\\# 3 0A0B0C"),
    ],
    ids=lambda rrset: dns.rdatatype.to_text(rrset.rdtype),
)
def test_a_signature_is_good_to_a_validator(key, rrset):
    validate(rrset, signed_by(key, rrset), key)


def test_a_signature_of_other_data_is_bad(key):
    rrset = made("hello.ada.apps.test", "A", "192.0.2.9")
    signed = signed_by(key, rrset)
    other = made("hello.ada.apps.test", "A", "192.0.2.8")
    with pytest.raises(dns.dnssec.ValidationFailure):
        validate(other, signed, key)
    with pytest.raises(dns.dnssec.ValidationFailure):
        validate(rrset, signed, make_key(key.algorithm))


def test_all_keys_that_sign_do(key):
    other = make_key(Algorithm.ED25519)
    rrset = made("hello.ada.apps.test", "A", "192.0.2.9")
    for each in (key, other):
        validate(rrset, signed_by(each, rrset), each)


@pytest.mark.parametrize(
    ("types", "told"),
    [
        ((Rdtype.A, Rdtype.AAAA), "A AAAA RRSIG NSEC"),
        ((), "RRSIG NSEC"),
        ((Rdtype.NXNAME,), "RRSIG NSEC TYPE128"),
        ((257, 65280, Rdtype.NS), "NS RRSIG NSEC CAA TYPE65280"),
    ],
)
def test_a_denial_covers_the_name_and_nothing_else(key, types, told):
    proof = denial(name_from_text("no.apps.test"), types, 30)
    text = theirs(proof)[0].to_text().replace("NXNAME", "TYPE128")
    assert text == rf"\000.no.apps.test. {told}"
    validate(proof, signed_by(key, proof), key)


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize(
    "labels",
    [
        [b"a"],
        [b"a" * 63],
        [b"\xff" * 63, b"b"],
        [b"@" * 63],
        [b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 51],
        [b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 50],
        [b"\xff" * 63, b"b" * 63, b"c" * 63, b"d" * 51],
        [b"z", b"a" * 62, b"b" * 63, b"c" * 63, b"d" * 50],
    ],
)
def test_a_denial_ends_at_a_name_that_fits_and_comes_after(labels, cut):
    """RFC 4034 6.1: the order of names is by their labels, from the root down."""
    name = b"".join(bytes((len(each),)) + each for each in (*labels, b"test")) + b"\0"
    (rdata,) = denial(name, (), 30, cut=cut).rdatas
    here, _ = dns.name.from_wire(name, 0)
    after, _ = dns.name.from_wire(rdata, 0)
    assert here < after
    below = dns.name.Name((b"\0", *here.labels)) if len(name) < 253 else None
    if below:
        assert (after > below) is cut or after == below


def test_the_parents_record_is_the_one_that_is_told(key):
    dnskey = theirs(RRset(ZONE, Rdtype.DNSKEY, 3600, (key.rdata,)))[0]
    expected = dns.dnssec.make_ds(dns.name.from_text("apps.test"), dnskey, "SHA256")
    assert keys.ds_of(ZONE, key.rdata) == expected.to_wire()
    assert key.tag == dns.dnssec.key_id(dnskey)


def test_a_key_is_read_as_it_was_written(key):
    again = read_key(key.to_pem(), 256)
    assert again.rdata == Key(key.private, 256).rdata
    with pytest.raises(BadKey, match="PEM"):
        read_key(b"nothing")


def test_a_key_of_another_kind_is_refused():
    from cryptography.hazmat.primitives.asymmetric import ec

    with pytest.raises(BadKey, match="P-256 or Ed25519"):
        read_key(Key(ec.generate_private_key(ec.SECP384R1())).to_pem())


def test_a_bitmap_is_written_in_windows():
    assert type_bitmap([1]) == b"\x00\x01\x40"
    assert type_bitmap([]) == b""
