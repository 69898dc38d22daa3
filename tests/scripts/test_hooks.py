"""The hooks before a commit are the checkout's own tools, and those of scripts/check."""

import hashlib
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
REPOSITORIES = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
HOOKS = [hook for each in REPOSITORIES for hook in each["hooks"]]


def test_nothing_is_fetched():
    assert {each["repo"] for each in REPOSITORIES} == {"local"}
    assert {hook["language"] for hook in HOOKS} == {"system"}


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_has_all_it_needs(hook):
    assert {"id", "name", "entry", "language"} <= set(hook)
    program, *words = shlex.split(hook["entry"])
    # In CI the checkout's tools may lie elsewhere: what counts is that it installs them.
    package = {"lint-imports": "import-linter"}.get(Path(program).name)
    required = (ROOT / "requirements" / "test.txt").read_text()
    assert re.search(rf"^{package or Path(program).name}\b", required, re.MULTILINE)
    for word in words:
        if "/" in word:
            assert (ROOT / word).exists(), word


def test_the_hooks_do_what_the_script_checks():
    checked = re.findall(
        r"^\$bin/([\w-]+)", (ROOT / "scripts" / "check").read_text(), re.MULTILINE
    )
    assert set(checked) <= {Path(shlex.split(hook["entry"])[0]).name for hook in HOOKS}
    assert len(set(checked)) == 3


def test_the_license_is_the_apache_license_and_whole():
    text = (ROOT / "LICENSE").read_bytes()
    assert hashlib.sha256(text).hexdigest() == (
        "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0"
