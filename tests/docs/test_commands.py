"""What the papers say to type is typed by a test, and the verbs they name are there."""

import ast
import re
from pathlib import Path

import pytest
from typer.main import get_command

from blocks import ROOT, blocks, lines, pages
from domicile.cli.main import app

COMMAND = get_command(app)
# What the checks of every change run themselves.
OURS = re.compile(
    r"(?:APT=1 )?make [a-z]+|bash scripts/\w+|\.venv/bin/(?:pytest|pre-commit) |"
    r"\.venv/bin/pip install "
)
VERB = re.compile(r"`(?:\.venv/bin/)?domicile ([^`]+)`")


def claims():
    """Give the test that runs each page, as its RUNS_PAGES says."""
    found = {}
    for file in (ROOT / "tests").rglob("test_*.py"):
        if "RUNS_PAGES" not in (text := file.read_text()):
            continue
        for node in ast.parse(text).body:
            if getattr(getattr(node, "targets", [None])[0], "id", "") == "RUNS_PAGES":
                found |= dict.fromkeys(ast.literal_eval(node.value), file)
    return found


CLAIMS = claims()


@pytest.mark.parametrize("page", pages())
def test_every_command_of_a_page_is_run(page):
    for line in lines(page):
        assert page in CLAIMS or OURS.match(line.command), (
            f"{page}: no test runs {line.command!r}: name the page in the RUNS_PAGES of "
            "the one that does"
        )


def test_who_runs_a_page_reads_it():
    for page, file in CLAIMS.items():
        assert list(lines(page)), page
        assert "from blocks import" in file.read_text(), file


@pytest.mark.parametrize("page", pages())
def test_no_command_hides_in_a_block_that_nobody_runs(page):
    typed = re.compile(r"^\s*(?:make|domicile|\.venv/bin/\S+|curl|dig) ", re.MULTILINE)
    for language in ("", "bash", "shell", "console", "text"):
        for block in blocks(page, language):
            # What a drawing of the services says is no line to type.
            assert not typed.search(block.replace("domicile SERVICE", "")), block


@pytest.mark.parametrize("page", [*pages(), "ARCHITECTURE.md", "CHANGELOG.md"])
def test_every_verb_that_a_page_names_is_there(page):
    for said in VERB.findall((ROOT / page).read_text()):
        check(said)


def check(said):
    """Follow the words to a verb, `a|b` to each of both; look for its options."""
    first, *rest = said.split("|", 1)
    if rest and " " not in rest[0]:
        before = first.rpartition(" ")[0]
        for each in (first.rpartition(" ")[2], *rest[0].split("|")):
            check(f"{before} {each}".strip())
        return
    command, words = COMMAND, said.split()
    while words and hasattr(command, "commands") and words[0][0] not in "-<A":
        name = words.pop(0)
        if name == "SERVICE":
            return
        assert name in command.commands, f"`domicile {said}`: there is no {name}"
        command = command.commands[name]
    options = {option for each in command.params for option in each.opts}
    for word in words:
        if word.startswith("-") and word != "--help":
            assert word.partition("=")[0] in options, f"`domicile {said}`: {word}"


@pytest.mark.parametrize(
    ("said", "wrong"),
    [("app mvoe", "mvoe"), ("app move a.b --too c", "--too"), ("app list|lst", "lst")],
)
def test_a_verb_or_option_that_is_not_there_is_noticed(said, wrong):
    with pytest.raises(AssertionError, match=wrong):
        check(said)


def test_the_index_of_the_papers_has_them_all():
    index = ROOT / "docs" / "README.md"
    linked = {
        (index.parent / target).resolve()
        for target in re.findall(r"\]\(([^)#]+)\)", index.read_text())
    }
    there = {page.resolve() for page in (ROOT / "docs").rglob("*.md")} - {index}
    assert there - linked == set()


def test_a_page_is_read_with_its_here_documents(tmp_path, monkeypatch):
    page = Path("docs/tutorial.md")
    first, second, *_ = lines(page)
    assert first.command == "mkdir -p greet"
    assert second.command.splitlines()[-1] == "EOF"
