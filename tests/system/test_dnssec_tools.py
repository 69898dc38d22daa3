"""Other people's validators and checkers have nothing to say against a signed zone."""

import json
import os
import re
import shutil
import subprocess

import dns.name
import dns.rdatatype
import pytest
from signing_site import HOSTS, ZONE, Site

NAMES = [
    ("@", "SOA"), ("@", "NS"), ("@", "MX"), ("@", "DNSKEY"), ("ns1", "A"), ("ns2", "A"),
    ("mail", "A"), ("mail", "AAAA"), ("hostmaster", "A"), ("deep.down", "TXT"),
    ("*.wild", "A"), ("alias", "CNAME"), ("old", "DNAME"), ("www.new", "A"),
    ("safe", "DS"),
]  # fmt: skip

# name, type, and what delv calls the answer.
ASKED = [
    ("mail", "A", "fully validated"),
    ("mail", "AAAA", "fully validated"),
    ("@", "SOA", "fully validated"),
    ("@", "MX", "fully validated"),
    ("@", "DNSKEY", "fully validated"),
    ("@", "CDS", "fully validated"),
    ("@", "CDNSKEY", "fully validated"),
    ("x.wild", "A", "fully validated"),
    ("alias", "A", "fully validated"),
    ("www.old", "A", "fully validated"),
    ("safe", "DS", "fully validated"),
    ("mail", "NSEC", "fully validated"),
    ("nobody", "NSEC", "fully validated"),
    ("mail", "TXT", "negative response, fully validated"),
    ("down", "A", "negative response, fully validated"),
    ("wild", "A", "negative response, fully validated"),
    ("x.wild", "TXT", "negative response, fully validated"),
    ("nobody", "A", "negative response, fully validated"),
    ("a.b.c.nobody", "A", "negative response, fully validated"),
    ("lost", "A", "fully validated"),
    ("no.old", "A", "fully validated"),
    ("child", "DS", "negative response, fully validated"),
]


def needs(tool):
    return pytest.mark.skipif(
        shutil.which(tool) is None, reason=f"{tool} is not installed"
    )


@pytest.fixture(scope="module", params=[(), ("--split",)], ids=["csk", "ksk-and-zsk"])
def site(request, tmp_path_factory):
    """A zone that is signed, and at port 53 if that may be."""
    port = 53 if os.geteuid() == 0 else None
    site = Site(tmp_path_factory.mktemp("tools"), port, ttl=2)
    try:
        site.start()
        site.zone("sign", *request.param)
        site.ds = site.wait_until(lambda: site.zone()["ds"])[0]
        yield site
    finally:
        site.end()


def run(*command):
    ran = subprocess.run(
        [str(each) for each in command], capture_output=True, text=True, timeout=60
    )
    return ran.stdout + ran.stderr


def full(name):
    return ZONE if name == "@" else f"{name}.{ZONE}"


@pytest.fixture(scope="module")
def delv(site):
    tag, algorithm, digest, data = site.ds.split(" DS ")[1].split()
    anchors = site.folder / "anchors"
    anchors.write_text(
        f'trust-anchors {{ {ZONE}. static-ds {tag} {algorithm} {digest} "{data}"; }};\n'
    )

    def delv(name, rdtype):
        return run(
            "delv", f"@{HOSTS['ns1']}", "-p", site.port, "-a", anchors,
            f"+root={ZONE}", full(name), rdtype,
        )  # fmt: skip

    return delv


@needs("delv")
@pytest.mark.parametrize(("name", "rdtype", "says"), ASKED)
def test_delv_validates(delv, name, rdtype, says):
    said = delv(name, rdtype)
    assert f"; {says}" in said
    assert "unsigned" not in said


@needs("drill")
@pytest.mark.parametrize(("name", "rdtype", "_"), ASKED[:10])
def test_drill_trusts_it(site, name, rdtype, _):
    key = site.folder / "key"
    keys = site.ask(ZONE, "DNSKEY").answer[0]
    key.write_text("".join(f"{ZONE}. IN DNSKEY {each}\n" for each in keys))
    said = run(
        "drill", "-k", key, "-D", "-p", site.port,
        f"@{HOSTS['ns1']}", full(name), rdtype,
    )  # fmt: skip
    assert "RRSIG" in said
    assert "BOGUS" not in said.upper()


def errors_of_ldns(zone):
    """A chain of NSEC, which no zone has that is signed online, it cannot check."""
    said = run("ldns-verify-zone", "-V", "5", zone)
    return [
        each for each in said.splitlines() if "Error" in each and "NSEC" not in each
    ]


@needs("ldns-verify-zone")
def test_ldns_verifies_the_signatures_of_all_that_is_there(site):
    """It reads a file, so what is served is written into one."""
    lines = []
    for name, rdtype in NAMES:
        for rrset in site.ask(full(name), rdtype).answer:
            lines += rrset.to_text().splitlines()
    zone = site.folder / "collected"
    zone.write_text("\n".join(dict.fromkeys(lines)) + "\n")
    assert errors_of_ldns(zone) == []
    zone.write_text(zone.read_text().replace("192.0.2.25", "192.0.2.26"))
    assert errors_of_ldns(zone) != []


@needs("zonemaster-cli")
def test_zonemaster_finds_nothing_wrong(site):
    if site.port != 53:
        pytest.skip("zonemaster asks at port 53 only, which is root's")
    hints = site.folder / "hints"
    hints.write_text(
        "".join(f". 3600 IN NS {n}.{ZONE}.\n" for n in HOSTS)
        + "".join(f"{n}.{ZONE}. 3600 IN A {at}\n" for n, at in HOSTS.items())
    )
    servers = [each for n, at in HOSTS.items() for each in ("--ns", f"{n}.{ZONE}/{at}")]
    tests = ("DNSSEC", "Nameserver", "Consistency", "Syntax", "Zone")
    said = run(
        "zonemaster-cli", "--no-ipv6", "--hints", hints, "--level=WARNING", "--json",
        "--ds", ",".join(site.ds.split(" DS ")[1].split()),
        *servers, *(each for test in tests for each in ("--test", test)), ZONE,
    )  # fmt: skip
    assert json.loads(said) == []


# RFC 7344 4.1: who signs them is to be known by the DS; at first there is none.
AT_FIRST = {"CDS_SIGNER_INVALID", "CDNSKEY_SIGNER_INVALID"}


@needs("dnsviz")
@needs("named")
def test_dnsviz_finds_nothing_wrong(site):
    if site.port != 53:
        pytest.skip("dnsviz asks at port 53 only, which is root's")
    servers = ",".join(f"{n}.{ZONE}={at}" for n, at in HOSTS.items())
    probed = site.folder / "probed.json"
    names = ("@", "mail", "nobody", "x.wild", "down", "alias", "www.old")
    run(
        "dnsviz", "probe", "-4", "-A", "-R", "A,AAAA,TXT,NS,SOA", "-a", ZONE,
        "-x", f"{ZONE}+:{servers}", "-o", probed, *map(full, names),
    )  # fmt: skip
    found = run("dnsviz", "grok", "-l", "info", "-r", probed)
    assert '"status": "VALID"' in found, found
    assert '"status": "BOGUS"' not in found, found
    found = run("dnsviz", "grok", "-l", "warning", "-r", probed)
    assert set(re.findall(r'"code": "(\w+)"', found)) <= AT_FIRST, found


def test_no_zone_can_be_walked(site):
    """Each NSEC ends before any other name that there may be."""
    for name in ("mail", "nobody", "down", "@"):
        owner = dns.name.from_text(full(name))
        answer = site.ask(full(name), "TXT")
        (nsec,) = next(e for e in answer.authority if e.rdtype == dns.rdatatype.NSEC)
        assert nsec.next == dns.name.Name((b"\0", *owner.labels))
    assert not re.search(r"deep", site.ask(ZONE, "TXT").to_text())
