"""Zones that can be answered for, and others, named by key and value."""

import re

import pytest

from domicile.config import BadConfiguration
from domicile.directory.zones import check_zones
from domicile.dns.name import LONGEST_NAME, name_from_text
from domicile.model.zone_records import ChallengeMode, Zone

NS = {"ns1.apps.test": ("127.0.0.1", "::1")}
LONGEST = ".".join(["z" * 61, "y" * 63])


@pytest.mark.parametrize(
    "zone",
    [
        Zone(
            "apps.test", NS, ("127.0.0.1", "2001:db8::1"), "host.master@apps.test", 60
        ),
        Zone("apps.test", {}),
        Zone("apps.test", {"ns.elsewhere.test": ()}),
        Zone("xn--bcher-kva.test", {}),
        Zone(LONGEST, {}),
        Zone("validation.test", {}, challenges=ChallengeMode.ONLY),
        Zone("a.test", {}, challenges=ChallengeMode.DELEGATE, validation="b.test"),
    ],
)
def test_a_zone_that_can_be_answered_for_is_taken(zone):
    check_zones([zone])


def test_under_the_longest_zone_the_longest_name_fits():
    name = f"{'a' * 63}.{'b' * 63}.{LONGEST}"
    assert len(name_from_text(name)) == LONGEST_NAME


@pytest.mark.parametrize(
    ("zone", "says"),
    [
        (Zone("a.test", {}, validation="b.test"), "challenges is 'direct'"),
        (
            Zone("a.test", {}, challenges=ChallengeMode.DELEGATE),
            "zones[0].validation is empty",
        ),
        (
            Zone("a.test", {}, challenges=ChallengeMode.DELEGATE, validation="b_.test"),
            "zones[0].validation 'b_.test' is not",
        ),
        (
            Zone("a.test", {}, challenges=ChallengeMode.DELEGATE, validation=LONGEST),
            "at most 118 leave room",
        ),
        (Zone("", {}), "zones[0].name '' is not a host name"),
        (Zone("Apps.test", {}), "zones[0].name 'Apps.test' is not"),
        (Zone("apps.test.", {}), "zones[0].name 'apps.test.' is not"),
        (Zone("apps..test", {}), "zones[0].name 'apps..test' is not"),
        (Zone("-apps.test", {}), "zones[0].name '-apps.test' is not"),
        (Zone("bücher.test", {}), "zones[0].name 'bücher.test' is not"),
        (Zone("apps.test\n", {}), r"zones[0].name 'apps.test\n' is not"),
        (Zone("a" * 64, {}), "is not a host name"),
        (Zone("z." + LONGEST, {}), "at most 125"),
        (Zone("apps.test", {"ns_1": ()}), "zones[0].nameservers 'ns_1' is not"),
        (
            Zone("apps.test", {"ns1.apps.test": ("localhost",)}),
            "zones[0].nameservers.'ns1.apps.test' 'localhost' is not an IP address",
        ),
        (Zone("apps.test", {"ns1.apps.test": ()}), "has no address"),
        (Zone("apps.test", {}, ("1.2.3",)), "zones[0].landing '1.2.3' is not an IP"),
        (Zone("apps.test", {}, hostmaster="root"), "zones[0].hostmaster 'root' is not"),
        (
            Zone("apps.test", {}, hostmaster="root@a_b"),
            "zones[0].hostmaster 'a_b' is not a host name",
        ),
        (Zone("apps.test", {}, ttl=0), "zones[0].ttl is 0, where 1 to 604800"),
        (Zone("apps.test", {}, ttl=604_801), "zones[0].ttl is 604801"),
    ],
)
def test_another_is_refused_by_key_and_value(zone, says):
    with pytest.raises(BadConfiguration, match=re.escape(says)):
        check_zones([zone])


def test_a_zone_is_there_once():
    with pytest.raises(BadConfiguration, match=r"zones\[1\]\.name 'a\.test' is there"):
        check_zones([Zone("a.test", {}), Zone("a.test", {})])
