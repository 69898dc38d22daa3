"""What is waited for at a start, and for how long."""

import pytest
from started import free_ports

from domicile.host import services, starting
from domicile.host.parts import Parts
from domicile.host.probe import Probe
from domicile.host.services import DidNotStart, Services
from domicile.host.settings import JoiningHost
from domicile.host.starting import Starting


@pytest.fixture
def part(tmp_path):
    """A cluster whose services nobody has started."""
    admin, proxy_admin = free_ports(2)
    host = JoiningHost(
        join="", address="127.0.0.1", data=str(tmp_path), manager_admin=admin,
        proxy_admin=proxy_admin,
    )  # fmt: skip
    return host.cluster_part("birch", "http://127.0.0.1:1", token="t")


@pytest.fixture
def said():
    return []


@pytest.fixture
def start(tmp_path, said):
    probe = Probe()
    yield Starting(Parts(), tmp_path, Services(tmp_path), said.append, probe)
    probe.close()


def test_who_has_been_well_once_is_waited_for_only_a_while(
    start, part, said, monkeypatch
):
    monkeypatch.setattr(starting, "_AWAY_SECONDS", 0.2)
    start._wait_until_well("manager-birch", part, part.manager_admin, alone=True)
    (line,) = said
    assert line.startswith("manager-birch goes on with what it knows: ")


def test_who_has_never_been_well_is_not_gone_on_with(start, part, said, monkeypatch):
    monkeypatch.setattr(starting, "_AWAY_SECONDS", 0.2)
    monkeypatch.setattr(services, "_START_SECONDS", 0.4)
    with pytest.raises(DidNotStart, match=r"manager-birch is not ready after 0\.4 s: "):
        start._wait_until_well("manager-birch", part, part.manager_admin, alone=False)
    assert said == []
