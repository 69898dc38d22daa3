"""A zone is signed, rolled and made insecure, and no validator finds it bogus meanwhile."""

import threading
import time
from typing import NamedTuple

import dns.dnssec
import dns.name
import dns.rdata
import dns.rrset
import pytest
from dns.rdataclass import IN
from dns.rdatatype import DNSKEY, DS, RRSIG
from signing_site import ZONE, Site
from validation import judge

APEX = dns.name.from_text(ZONE)
TTL = 2
NAMES = [
    ("mail", "A"), ("mail", "TXT"), ("nobody", "A"), ("x.wild", "A"), ("down", "A"),
    ("alias", "A"), ("www.old", "A"), ("child", "DS"), ("safe", "DS"), ("@", "CDS"),
]  # fmt: skip


class Kept(NamedTuple):
    """What a resolver has in its cache, and until when."""

    until: float
    what: object


class Resolvers(threading.Thread):
    """Ask again and again, keep all for its TTL, and validate each by each.

    `parent` is what the parent says: nothing, or DS records. What it said before is kept
    for its TTL, too.
    """

    def __init__(self, site):
        super().__init__()
        self._site = site
        self._over = threading.Event()
        self._chains = [Kept(1e18, ())]
        self._keys = []
        self._data = []
        self.failures = []
        self.validated = 0
        self.rounds = 0

    def parent_says(self, *ds):
        now = time.time()
        self._chains[-1] = Kept(now + TTL, self._chains[-1].what)
        records = [dns.rdata.from_text(IN, DS, each.split(" DS ")[1]) for each in ds]
        self._chains.append(Kept(1e18, tuple(records)))

    def run(self):
        while not self._over.wait(0.05):
            for server in ("ns1", "ns2"):
                try:
                    self._ask(server)
                except Exception as error:
                    self.failures.append(repr(error))

    def end(self):
        self._over.set()
        self.join()

    def _ask(self, server):
        now = time.time()
        self.rounds += 1
        self._keys = [each for each in self._keys if each.until > now]
        self._data = [each for each in self._data if each.until > now]
        keys = self._site.ask(ZONE, "DNSKEY", server).answer
        answers = [
            self._site.ask(f"{name}.{ZONE}" if name != "@" else ZONE, rdtype, server)
            for name, rdtype in NAMES
        ]
        got = time.time()
        fresh_keys = [Kept(got + TTL, keys)]
        fresh_data = [Kept(got + TTL, each) for each in answers]
        for chain in [each.what for each in self._chains if each.until > now]:
            if chain:
                self._validate(chain, fresh_keys, [*self._data, *fresh_data])
                self._validate(chain, self._keys, fresh_data)
        self._keys += fresh_keys
        self._data += fresh_data

    def _validate(self, chain, keys, data):
        now = time.time()
        for kept in keys:
            trusted = trusted_keys(chain, kept.what)
            for each in data:
                judge(each.what, {APEX: trusted}, now)
                self.validated += 1


def trusted_keys(chain, answer):
    """Give the DNSKEY RRset, if a key that the DS is of has signed it."""
    rrset, signatures = (
        next(each for each in answer if each.rdtype == rdtype)
        for rdtype in (DNSKEY, RRSIG)
    )
    for ds in chain:
        for key in rrset:
            if dns.dnssec.make_ds(APEX, key, "SHA256") == ds:
                alone = dns.rrset.from_rdata(APEX, rrset.ttl, key)
                dns.dnssec.validate(rrset, signatures, {APEX: alone})
                return rrset
    raise dns.dnssec.ValidationFailure("no key is the DS's")


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path, ttl=TTL)
    try:
        yield site.start()
    finally:
        site.end()


@pytest.fixture
def resolvers(site):
    resolvers = Resolvers(site)
    resolvers.start()
    yield resolvers
    resolvers.end()


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "options", [(), ("--algorithm", "ed25519")], ids=["keys", "algorithm"]
)
def test_no_validator_finds_it_bogus_from_the_first_signature_to_the_last(
    site, resolvers, options
):
    """As the parent does what it is asked to, and the operator says so."""

    def parent_follows():
        zone = site.wait_until(lambda: (z := site.zone())["parent"] and z)
        resolvers.parent_says(*zone["ds"])
        site.zone("confirm")
        return zone

    site.zone("sign")
    first = parent_follows()["ds"]
    site.wait_until(lambda: site.zone()["signing"] == "signed")
    site.zone("roll", *options)
    assert parent_follows()["ds"] != first
    site.wait_until(
        lambda: (z := site.zone())["signing"] == "signed" and len(z["keys"]) == 1
    )
    site.zone("insecure")
    assert parent_follows()["ds"] == []
    site.wait_until(lambda: site.zone()["signing"] == "unsigned")
    site.wait_until(lambda: not site.ask(ZONE, "DNSKEY").answer)
    resolvers.end()
    assert resolvers.failures == []
    assert resolvers.validated > 1000


def test_a_roll_over_waits_for_a_name_server_that_is_away(site):
    site.processes["ns2"].terminate()
    site.processes["ns2"].wait(20)
    del site.processes["ns2"]
    site.zone("sign")
    assert site.wait_until(lambda: site.zone()["waits_for"]) == ["nameserver/ns2/ns2"]
    site.run_service("ns2", "nameserver")
    site.wait_until(lambda: site.zone()["ds"])
    site.wait_until(lambda: site.ask("mail.apps.test", server="ns2").answer)
    assert len(site.ask("mail.apps.test", server="ns2").answer) == 2


def test_a_name_server_with_another_sealing_key_says_so_and_is_waited_for(site):
    site.processes["ns2"].terminate()
    site.processes["ns2"].wait(20)
    (site.folder / "ns2.key").write_text("0f" * 32)
    site.run_service("ns2", "nameserver")
    site.wait_until(lambda: site.ask(ZONE, "SOA", "ns2").answer)
    site.zone("sign")

    def problems():
        found = site.client.get("/status").json()["problems"]
        return [each for each in found if "ns2" in each and "unsealed" in each] or [
            each for each in found if "ns2" in each and "sealing key" in each
        ]

    assert site.wait_until(problems)
    assert site.zone()["waits_for"] == ["nameserver/ns2/ns2"]
    failed = site.ask("mail.apps.test", server="ns2")
    assert (failed.rcode(), failed.extended_errors()[0].code) == (2, 10)
