"""The file of a host: judged whole, before anything starts."""

import json

import pytest

from domicile.config import BadConfiguration, load
from domicile.directory.settings import load_settings as load_directory
from domicile.host.parts import Place
from domicile.host.settings import FirstHost, JoiningHost, load_host
from domicile.manager.settings import Settings as ManagerSettings
from domicile.nameserver.settings import load_settings as load_nameserver
from domicile.proxy.settings import load_settings as load_proxy

LEAST = """
zone = "apps.example.com"
address = "203.0.113.7"
data = "{folder}/data"
"""
JOIN = """
join = "{folder}/birch.json"
address = "203.0.113.8"
data = "{folder}/data"
"""
JOINED = {"name": "birch", "url": "http://10.0.0.7:8053", "token": "t", "more": []}


@pytest.fixture
def read(tmp_path):
    """Read a file of these lines; a later line wins over an earlier one."""

    def read(*lines):
        text = "\n".join(lines).replace("{folder}", str(tmp_path))
        table = dict(line.split(" = ", 1) for line in text.splitlines() if line)
        path = tmp_path / "host.toml"
        path.write_text("\n".join(f"{key} = {value}" for key, value in table.items()))
        return load_host(path)

    (tmp_path / "birch.json").write_text(json.dumps(JOINED))
    return read


def places_of(host):
    return {place.what: str(place.address) for place in host.parts().places()}


def written(tmp_path, text):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


def test_three_lines_are_a_host_at_the_ports_of_the_world(read):
    host = read(LEAST)
    assert isinstance(host, FirstHost)
    places = places_of(host)
    assert places["dns"] == "203.0.113.7:53"
    assert places["http"] == "203.0.113.7:80"
    inside = places.keys() - {"dns", "http", "link"}
    assert len(places) == len(set(places.values())) == 9
    assert all(places[key].startswith("127.0.0.1:") for key in inside)


def test_behind_nat_it_listens_elsewhere_than_it_is_reached(read):
    parts = read(LEAST, 'listen = "10.0.0.7"').parts()
    assert str(parts.nameserver.listen.address) == "10.0.0.7:53"
    assert parts.clusters[0].record["addresses"] == ["203.0.113.7"]
    assert parts.clusters[0].record["links"] == ["203.0.113.7:8444"]
    assert parts.directory.zone.nameservers == {
        "ns1.apps.example.com": ("203.0.113.7",)
    }


def test_who_listens_everywhere_is_asked_at_home(read):
    parts = read(LEAST, 'listen = "0.0.0.0"').parts()
    assert parts.clusters[0].url == "http://127.0.0.1:80"
    parts = read(LEAST, 'address = "2001:db8::7"', 'listen = "::"').parts()
    assert parts.clusters[0].url == "http://[::1]:80"
    assert parts.clusters[0].record["links"] == ["[2001:db8::7]:8444"]


def test_each_service_reads_its_settings(read, tmp_path):
    parts = read(LEAST, 'hostmaster = "ops@example.com"', "drain_seconds = 7.0").parts()
    directory = load_directory(written(tmp_path, parts.directory.settings("d")))
    assert directory.zones == (parts.directory.zone,)
    assert directory.zones[0].hostmaster == "ops@example.com"
    load_nameserver(written(tmp_path, parts.nameserver.settings("d", "t", "k")))
    (cluster,) = parts.clusters
    text = cluster.manager_settings("d")
    assert load(written(tmp_path, text), ManagerSettings).drain_seconds == 7
    assert load_proxy(written(tmp_path, cluster.proxy_settings("d"))).cluster == "main"


def test_every_place_is_in_the_settings_of_a_service(read):
    """So the ports that are checked are those that are used."""
    parts = read(LEAST).parts()
    (cluster,) = parts.clusters
    texts = [
        parts.directory.settings("d"),
        parts.nameserver.settings("d", "t", "k"),
        cluster.manager_settings("d"),
        cluster.proxy_settings("d"),
    ]
    for place in parts.places():
        assert isinstance(place, Place)
        assert sum(f'"{place.address}"' in text for text in texts) == 1


def test_a_host_joins_by_what_the_directory_gave_to_its_cluster(read):
    host = read(JOIN)
    assert isinstance(host, JoiningHost)
    parts = host.parts()
    assert parts.directory is parts.nameserver is None
    (cluster,) = parts.clusters
    assert (cluster.name, cluster.token) == ("birch", "t")
    assert cluster.directory == "http://10.0.0.7:8053"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ((LEAST, 'data = ""'), "data is empty"),
        ((LEAST, 'address = "example.com"'), "address is 'example.com', where an IP"),
        (
            (LEAST, 'address = "0.0.0.0"'),
            "address is 0.0.0.0, where the address is exp",
        ),
        ((LEAST, 'internal = "::"'), "internal is ::, where the address is expected"),
        ((LEAST, 'listen = "all"'), "listen is 'all', where an IP address"),
        ((LEAST, "dns = 0"), r"Expected `int` >= 1 - at `\$.dns`"),
        ((LEAST, 'http = "80"'), r"Expected `int`, got `str` - at `\$.http`"),
        ((LEAST, 'zone = "Apps_X"'), "zone 'Apps_X' is not a host name"),
        ((LEAST, 'hostmaster = "me"'), "hostmaster 'me' is not a mail address"),
        ((LEAST, "ttl = 0"), "ttl is 0, where 1 to"),
        ((LEAST, "start_seconds = 0"), "start_seconds is 0.0, where more than 0"),
        ((LEAST, 'url = "api.example"'), "url is 'api.example', where an http"),
        ((LEAST, 'resolvers = ["8.8.8.8"]'), "'8.8.8.8' is not an address with a port"),
        ((LEAST, 'cluster = "A"'), "cluster name 'A'"),
        ((LEAST, 'cluster = "logs"'), "cluster is 'logs': choose another name"),
        (('zone = "apps.example.com"',), "missing required field `address`"),
        ((JOIN, 'zone = "apps.test"'), "unknown field `zone`; keys are address, "),
        ((JOIN, 'join = "/nowhere"'), "join: /nowhere: No such file.*cluster add"),
        ((JOIN, 'join = "{folder}/host.toml"'), "host.toml: JSON is malformed"),
    ],
)
def test_a_bad_file_is_told_with_its_key(read, tmp_path, lines, says):
    with pytest.raises(BadConfiguration, match=says) as told:
        read(*lines)
    assert str(told.value).startswith(f"{tmp_path}/host.toml: ")


def test_a_cluster_does_not_leave_its_apps_behind_for_a_new_name(read, tmp_path):
    (tmp_path / "data" / "main").mkdir(parents=True)
    (tmp_path / "data" / "main" / "token").write_text("t")
    read(LEAST)
    with pytest.raises(BadConfiguration, match="has the apps of main"):
        read(LEAST, 'cluster = "amber"')
