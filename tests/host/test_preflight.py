"""Every port of the demo is looked at before anything starts."""

import pytest

from domicile.config import Address
from domicile.host.parts import Place
from domicile.host.preflight import NoPlace, check_places
from domicile.service.sockets import Protocol, open_for_workers

BOTH = (Protocol.UDP, Protocol.TCP)


@pytest.fixture
def free():
    listeners = open_for_workers(Address("127.0.0.1", 0), 1, BOTH)
    listeners.close()
    return listeners.address


def test_free_places_stay_free(free):
    for _ in range(2):
        check_places([Place("nameserver", free, BOTH)], "here --config FILE")


@pytest.mark.parametrize("protocol", BOTH)
def test_a_taken_place_is_named(free, protocol):
    listeners = open_for_workers(free, 1, [protocol])
    with pytest.raises(NoPlace) as caught:
        check_places([Place("nameserver", free, BOTH)], "here --config FILE")
    listeners.close()
    said = str(caught.value)
    assert said.startswith(f"nameserver: {free} ({protocol.name}) is taken")
    assert "--config FILE" in said


def test_a_place_that_is_planned_twice_is_taken(free):
    with pytest.raises(NoPlace, match="proxy: "):
        check_places(
            [Place("directory", free), Place("proxy", free)], "here --config FILE"
        )


def test_an_address_of_another_machine_is_none():
    with pytest.raises(NoPlace, match=r"192\.0\.2\.1:5300"):
        check_places(
            [Place("nameserver", Address("192.0.2.1", 5300))], "here --config FILE"
        )
