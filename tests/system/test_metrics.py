"""What operators collect is what the page on metrics says."""

import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"\| `(\w+)` \| (\w+) \| (?:`(\w+)`: (.*?))? ?\| (.*) \|")
SERVICES = {
    "Name server": ["nameserver"],
    "Proxy": ["proxy-amber", "proxy-birch"],
    "Manager": ["manager-amber", "manager-birch"],
    "Directory": ["directory"],
}


def documented(title):
    """Give what the page says of a service: kind, label, its values and the text."""
    section = PAGE.read_text().partition(f"## {title}\n")[2].partition("\n## ")[0]
    return {name: rest for name, *rest in ROW.findall(section)}


def told(demo, service):
    """Give what a service tells, in the same form."""
    text = httpx.get(f"{demo.admin(service)}/metrics").text
    found = {}
    for family in text_string_to_metric_families(text):
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = {label for sample in family.samples for label in sample.labels}
        values = [
            value for sample in family.samples for value in sample.labels.values()
        ]
        (label,) = labels or {""}
        said = "a name each" if label == "follower" else ", ".join(values)
        found[name] = [family.type, label, said, family.documentation]
    return found


@pytest.mark.parametrize("title", SERVICES)
def test_a_service_tells_what_the_page_says_and_nothing_else(demo, title):
    for service in SERVICES[title]:
        assert told(demo, service) == documented(title)


def test_the_page_has_a_section_for_every_service_and_no_other():
    assert re.findall(r"^## (.*)$", PAGE.read_text(), re.MULTILINE) == list(SERVICES)
