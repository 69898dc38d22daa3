"""Every verb's help teaches it by lines that the command line takes."""

import contextlib
import io
import shlex

import pytest
from typer.main import get_command

from domicile.cli.main import app

ROOT = get_command(app)


def verbs(command=ROOT, path=("domicile",)):
    """Give each verb with the words that lead to it."""
    if inner := getattr(command, "commands", None):
        for name, each in inner.items():
            yield from verbs(each, (*path, name))
    else:
        yield path, command


VERBS = {" ".join(path): command for path, command in verbs()}


def help_of(words):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        ROOT.main([*words, "--help"], prog_name="domicile")
    return said.getvalue()


def examples_of(path):
    lines = help_of(path.split()[1:]).partition("Examples:\n")[2].splitlines()
    return [line.strip() for line in lines if line.strip()]


def arguments_of(line):
    """Give the words behind `domicile`, without what the shell does with the output."""
    words = shlex.split(line)
    ends = [words.index(each) for each in ("|", ">") if each in words]
    return words[1 : min(ends, default=len(words))]


@pytest.mark.parametrize("path", VERBS)
def test_a_verb_has_examples_that_are_taken(path):
    examples = examples_of(path)
    assert examples
    for line in examples:
        assert line.startswith(path)
        rest = arguments_of(line)[len(path.split()) - 1 :]
        VERBS[path].make_context(path, rest)


def test_an_example_that_is_wrong_would_be_noticed():
    with pytest.raises(Exception, match="--too"):
        VERBS["domicile app move"].make_context("move", ["a.ada", "--too", "x"])


def test_no_help_is_wider_than_a_screen():
    for path in VERBS:
        text = help_of(path.split()[1:])
        assert max(map(len, text.splitlines())) <= 80, text
