"""The page on configuration has every setting of every service, and no other."""

import json
import re
import typing
from pathlib import Path

import msgspec
import pytest

from domicile.demo.plan import AppPlan, ClusterPlan, Plan
from domicile.directory.settings import PlanSettings
from domicile.directory.settings import Settings as DirectorySettings
from domicile.host.settings import FirstHost, JoiningHost
from domicile.manager.settings import Settings as ManagerSettings
from domicile.model.zone_records import ChallengeMode, Zone
from domicile.nameserver.settings import Settings as NameserverSettings
from domicile.nameserver.settings import ZoneFile
from domicile.nameserver.transfers.offers import Transfer
from domicile.proxy.settings import Settings as ProxySettings

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
STRUCTS = {
    "up": FirstHost,
    "up/a host that joins": JoiningHost,
    "directory": DirectorySettings,
    "directory/plans": PlanSettings,
    "directory/zones": Zone,
    "nameserver": NameserverSettings,
    "nameserver/transfers": Transfer,
    "nameserver/zones of files": ZoneFile,
    "manager": ManagerSettings,
    "proxy": ProxySettings,
    "demo": Plan,
    "demo/clusters": ClusterPlan,
    "demo/apps": AppPlan,
}
ROW = re.compile(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) ?\|", re.MULTILINE)
WORDS = {
    str: "text",
    float: "number",
    int: "whole number",
    bool: "true or false",
    ChallengeMode: "text",
    tuple[str, ...]: "texts",
    dict[str, str]: "table of text",
    dict[str, tuple[str, ...]]: "table of texts",
}


def sections():
    """Give the tables: of each service, and of each table in it."""
    found = {}
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        service, *tables = re.split(r"^### ", part, flags=re.MULTILINE)
        name = service.split("\n", 1)[0]
        found[name] = ROW.findall(service)
        for table in tables:
            found[f"{name}/{table.splitlines()[0]}"] = ROW.findall(table)
    return found


def type_of(field):
    kind = field.type
    if typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    return WORDS.get(kind, "tables")


def default_of(field):
    """Give a default as TOML has it; of tables and records, their names."""
    if field.required:
        return "required"
    made = field.default
    if made is msgspec.NODEFAULT:
        made = field.default_factory()
    if made and (isinstance(made, dict) or type_of(field) == "tables"):
        return ", ".join(getattr(each, "name", each) for each in made)
    return f"`{json.dumps(made)}`"


def test_the_page_has_a_table_for_each_struct_and_no_other():
    assert list(sections()) == list(STRUCTS)


@pytest.mark.parametrize(("title", "struct"), STRUCTS.items())
def test_a_table_has_every_setting_with_its_type_and_default(title, struct):
    said = [(key, kind, default) for key, kind, default, _ in sections()[title]]
    assert said == [
        (field.name, type_of(field), default_of(field))
        for field in msgspec.structs.fields(struct)
    ]


def test_what_is_a_number_or_a_place_has_a_unit():
    for title, rows in sections().items():
        for key, kind, _, unit in rows:
            assert unit or kind in {"true or false", "tables"}, (title, key)
