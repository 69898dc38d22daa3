"""Knot and NSD hold a zone of the directory's, and follow what changes in it."""

from typing import NamedTuple

import certificates
import httpx
import pytest
from primary import KEY, app_id, apps, free_address, placement, until
from secondaries import KNOT, NSD, Secondary, is_installed

from domicile.model.records import Cluster


class Tls(NamedTuple):
    certificate: str
    name: str


@pytest.fixture(params=[KNOT, NSD, f"{NSD} by TLS"])
def secondary(request, tmp_path):
    make = request.param.split()[0]
    if not is_installed(make):
        pytest.skip(f"{make} is not installed")
    found = Secondary(make, free_address(), tmp_path / make)
    found.by_tls = "TLS" in request.param
    yield found
    found.end()


@pytest.fixture
def primary(start_primary, secondary):
    found = start_primary(secondary.address)
    until(found.serial)
    place, tls = found.address, None
    if secondary.by_tls:
        place, tls = found.tls, Tls(found.certificate, certificates.NAME)
    secondary.start(place, KEY, tls)
    until(secondary.serial, secondary.said)
    return found


NAMES = [
    "apps.test", "ns1.apps.test", "mail.apps.test", "text.apps.test",
    "any.wild.apps.test", "wild.apps.test", "ada.apps.test", "nobody.apps.test",
    "x.nobody.apps.test",
]  # fmt: skip
TYPES = ["A", "AAAA", "NS", "MX", "TXT", "SOA"]


def names_of(numbers):
    for number in numbers:
        yield f"app{number}.ada.apps.test"
        yield f"app{number}--ada.apps.test"
        yield f"{app_id(number)}.apps.test"


def told(server, name, rdtype):
    """What is said, but for what only speeds things up."""
    reply = server.ask(name, rdtype)
    sections = reply.answer + reply.authority if not reply.answer else reply.answer
    return reply.rcode(), sorted(
        (str(each.name), each.rdtype, each.ttl, sorted(map(str, each)))
        for each in sections
    )


def compare(primary, secondary, numbers):
    asked = [(name, rdtype) for name in NAMES for rdtype in TYPES]
    asked += [(name, rdtype) for name in names_of(numbers) for rdtype in ("A", "AAAA")]
    for name, rdtype in asked:
        ours, theirs = (told(each, name, rdtype) for each in (primary, secondary))
        assert ours == theirs, f"{name} {rdtype}"


def test_it_holds_the_zone_and_follows_every_change(primary, secondary, store):
    compare(primary, secondary, range(20))

    def changed(serial):
        until(lambda: primary.serial() not in {0, serial})
        until(lambda: secondary.serial() == primary.serial())

    serial = primary.serial()
    store.write(
        *apps(range(20, 30)),
        placement(3, "birch", 2),
        placement(4, name="renamed"),
    )
    store.delete(placement(5))
    changed(serial)
    compare(primary, secondary, range(31))
    assert told(secondary, "app3.ada.apps.test", "A")[1][0][3] == ["127.0.0.12"]
    assert told(secondary, "renamed.ada.apps.test", "A")[1]
    serial = primary.serial()
    store.write(Cluster("amber", ("127.0.0.13",), ()))
    changed(serial)
    compare(primary, secondary, range(31))
    assert told(secondary, "app1.ada.apps.test", "A")[1][0][3] == ["127.0.0.13"]
    metrics = httpx.get(f"http://{primary.admin}/metrics").text
    lines = [each for each in metrics.splitlines() if "transfers_total{" in each]
    assert 'domicile_nameserver_transfers_total{outcome="differences"} 2.0' in lines


def test_it_follows_on_after_a_restart_and_a_restored_directory(
    primary, secondary, store
):
    """What it counts begins anew there, and the zone's serial goes on all the same."""
    serial = primary.serial()
    primary.end()
    primary.start()
    until(primary.serial)
    assert primary.serial() == serial
    # As a backup of some time ago has it, and then another change.
    del store.changes[-5:], store.chains[-5:]
    store.write(*apps(range(15, 18)), placement(3, "birch", 2))
    until(lambda: primary.serial() not in {0, serial})
    until(lambda: secondary.serial() == primary.serial())
    assert (primary.serial() - serial) % 2**32 < 2**31
    compare(primary, secondary, range(20))
