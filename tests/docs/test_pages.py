"""The papers: short where that is promised, true where a test can tell."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINK = re.compile(r"\]\(([^)#]+)\)")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
PATH = re.compile(r"`((?:src|tests|scripts|docs|examples|requirements)/[\w./-]*)`")


def architecture():
    return (ROOT / "ARCHITECTURE.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page):
    for target in LINK.findall(page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), target
    for path in PATH.findall(page.read_text()):
        assert (ROOT / path).exists(), path


def test_the_architecture_is_a_short_page():
    assert len(architecture().splitlines()) <= 150


def test_the_architecture_has_the_layers_that_are_held():
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    (held,) = (each["layers"] for each in contracts if each["type"] == "layers")
    drawn = architecture().partition("## Layers")[2].partition("```\n")[2]
    lines = [
        re.split(r"\s{2,}", line)[0] for line in drawn.split("```")[0].splitlines()
    ]
    assert lines == [layer.replace("domicile.", "") for layer in held]


def test_every_module_that_the_architecture_names_is_there():
    package = ROOT / "src" / "domicile"
    folders = "|".join(each.name for each in package.iterdir() if each.is_dir())
    text = LINK.sub("]", architecture())
    named = re.findall(rf"\b({folders})\.([a-z]+)\b(?!\()", text)
    assert len(named) > 10
    for folder, module in named:
        found = package / folder / module
        assert found.is_dir() or found.with_suffix(".py").exists(), found


def test_make_has_every_target_that_a_page_names():
    targets = set(
        re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    )
    for page in PAGES:
        for target in re.findall(
            r"^(?:APT=1 )?make ([a-z]+)", page.read_text(), re.MULTILINE
        ):
            assert target in targets, (page.name, target)


def test_each_promise_names_tests_that_are_there():
    page = (ROOT / "docs" / "promises.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("| **")]
    assert len(lines) == 10
    for number, line in enumerate(lines, start=1):
        assert line.startswith(f"| **{number}. ")
        named = TEST.findall(line)
        assert named, line
        for file, test in named:
            assert f"def {test}(" in (ROOT / file).read_text(), test
