"""The page on logs has every event that the code logs, and no other."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "logs.md").read_text()
ROW = re.compile(r"^\| `([^`]+)` \| (info|warning|error) \| (.*?) ?\|", re.MULTILINE)
PACKAGES = {
    "Every service": ("service", "store"),
    "Proxy": ("proxy",),
    "Manager": ("manager",),
    "Name server": ("nameserver",),
    "Directory": ("directory",),
}
LEVELS = {"info": "info", "warning": "warning", "error": "error", "exception": "error"}
FIELDS_OF_ALL = {"exc_info": "exception"}


def documented(title):
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return {
        event: (level, set(re.findall(r"`(\w+)`", fields)))
        for event, level, fields in ROW.findall(section)
    }


def logged(packages):
    """Give event, level and the fields that are named where it is logged."""
    for package in packages:
        for file in (ROOT / "src" / "domicile" / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and is_log(node.func) and node.args:
                    fields = {each.arg for each in node.keywords if each.arg}
                    for event in texts_of(node.args[0]):
                        yield event, LEVELS[node.func.attr], fields - set(FIELDS_OF_ALL)


def is_log(function):
    if not (isinstance(function, ast.Attribute) and function.attr in LEVELS):
        return False
    source = ast.unparse(function.value)
    return source in {"_log", "log"} or source.startswith("structlog.get_logger")


def texts_of(node):
    if isinstance(node, ast.IfExp):
        return texts_of(node.body) + texts_of(node.orelse)
    return [node.value] if isinstance(node, ast.Constant) else []


@pytest.mark.parametrize("title", PACKAGES)
def test_the_page_has_every_event_and_no_other(title):
    found = list(logged(PACKAGES[title]))
    page = documented(title)
    known = {event for event, _, _ in found}
    if title == "Proxy":
        known.add("request")  # logged at either level, by a variable
    assert set(page) == known
    for event, level, fields in found:
        assert page[event][0] == level, event
        assert fields <= page[event][1], event


def test_what_a_field_of_a_request_means_is_said_once():
    table = PAGE.partition("## Fields of requests and apps\n")[2].partition("## ")[0]
    said = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert len(said) == len(set(said))
    of_requests = documented("Proxy")
    named = of_requests["request"][1] | of_requests["request failed"][1]
    assert named | {"name"} == set(said)
