"""The demo's plan, and the settings that it makes of it."""

import pytest

from domicile.config import BadConfiguration, load
from domicile.demo.plan import Plan
from domicile.directory.settings import Settings as DirectorySettings
from domicile.manager.settings import Settings as ManagerSettings
from domicile.nameserver.settings import load_settings as load_nameserver
from domicile.proxy.settings import load_settings as load_proxy

PLAN = Plan()
PARTS = PLAN.parts()
BIRCH = PLAN.clusters[1]


def test_no_two_parts_share_a_place():
    places = [place.address for place in PLAN.places()]
    assert len(set(places)) == len(places) == 5 + 2 * 5


def test_every_place_is_in_the_settings_of_a_service():
    """So the ports that are checked are those that are used."""
    texts = [
        PARTS.directory.settings("d"),
        PARTS.nameserver.settings("d", "t", "k"),
        *(each.manager_settings("d") for each in PARTS.clusters),
        *(each.proxy_settings("d") for each in PARTS.clusters),
    ]
    for place in PLAN.places():
        assert sum(f'"{place.address}"' in text for text in texts) == 1


def test_each_service_reads_its_settings(tmp_path):
    def written(text):
        path = tmp_path / "settings.toml"
        path.write_text(text)
        return path

    directory = load(written(PARTS.directory.settings("d")), DirectorySettings)
    assert directory.zones[0].name == PLAN.zone
    nameserver = load_nameserver(written(PARTS.nameserver.settings("d", "t", "k")))
    assert nameserver.directory == PLAN.url == PARTS.directory.url
    manager = load(written(PARTS.clusters[1].manager_settings("d")), ManagerSettings)
    assert manager.host == BIRCH.host
    assert manager.drain_seconds == 3
    proxy = load_proxy(written(PARTS.clusters[1].proxy_settings("d")))
    assert proxy.workers == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [("directory = 0", "directory"), ("port = 1", "port"), ('host = "x" "', "TOML")],
)
def test_a_bad_plan_is_told(tmp_path, text, says):
    path = tmp_path / "demo.toml"
    path.write_text(text)
    with pytest.raises(BadConfiguration, match=says):
        load(path, Plan)
