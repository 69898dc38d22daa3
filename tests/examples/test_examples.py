"""The example configurations: each is read, and shows every setting there is."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from domicile.config import load
from domicile.demo.plan import AppPlan, ClusterPlan, Plan
from domicile.directory.settings import PlanSettings
from domicile.directory.settings import Settings as DirectorySettings
from domicile.host.settings import FirstHost, JoiningHost
from domicile.manager.settings import Settings as ManagerSettings
from domicile.model.zone_records import Zone
from domicile.nameserver.settings import Settings as NameserverSettings
from domicile.nameserver.settings import ZoneFile
from domicile.nameserver.settings import load_settings as load_nameserver
from domicile.proxy.settings import Settings as ProxySettings
from domicile.proxy.settings import load_settings as load_proxy

EXAMPLES = Path(__file__).parents[2] / "examples"
KINDS = {
    "directory": DirectorySettings,
    "nameserver": NameserverSettings,
    "manager": ManagerSettings,
    "proxy": ProxySettings,
    "demo": Plan,
    "one": FirstHost,
    "second": JoiningHost,
}
TABLES = {
    ("directory", "zones"): Zone,
    ("nameserver", "zones"): ZoneFile,
    ("directory", "plans"): PlanSettings,
    ("demo", "clusters"): ClusterPlan,
    ("demo", "apps"): AppPlan,
}
DEFAULT = re.compile(r"^#(\w+ = .*)$", re.MULTILINE)


def text_of(name):
    return (EXAMPLES / f"{name}.toml").read_text()


def defaults_of(kind):
    made = {
        field.name: field.default if field.default is not msgspec.NODEFAULT
        else field.default_factory()
        for field in msgspec.structs.fields(kind)
        if not field.required
    }  # fmt: skip
    return msgspec.json.decode(msgspec.json.encode(made))


def structs_of(name, kind, table):
    """Give each table of the file with its kind of struct: the file itself, and parts."""
    yield kind, table
    for key, value in table.items():
        if (name, key) in TABLES:
            for part in value.values() if isinstance(value, dict) else value:
                yield TABLES[name, key], part


def test_each_service_has_an_example():
    assert {path.stem for path in EXAMPLES.glob("*.toml")} == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_an_example_is_read_as_it_stands(name):
    read = {"nameserver": load_nameserver, "proxy": load_proxy}.get(name)
    path = EXAMPLES / f"{name}.toml"
    settings = read(path) if read else load(path, KINDS[name])
    assert isinstance(settings, KINDS[name])


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_an_example_shows_every_setting_and_no_other(name, kind):
    whole = tomllib.loads(DEFAULT.sub(r"\1", text_of(name)))
    shown = {}
    for struct, table in structs_of(name, kind, whole):
        shown.setdefault(struct, set()).update(table)
    for struct, keys in shown.items():
        assert keys == {field.name for field in msgspec.structs.fields(struct)}


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_what_an_example_calls_a_default_is_one(name, kind):
    said = tomllib.loads(text_of(name))
    whole = tomllib.loads(DEFAULT.sub(r"\1", text_of(name)))
    pairs = zip(
        structs_of(name, kind, said), structs_of(name, kind, whole), strict=True
    )
    for (struct, active), (_, table) in pairs:
        defaults = defaults_of(struct)
        for key in table.keys() - active.keys():
            assert table[key] == defaults[key], key
