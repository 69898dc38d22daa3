"""What the demo prints to be pasted."""

import os
import shlex
import sys
from pathlib import Path

from domicile.client.access import DEFAULT_DATA
from domicile.demo.lines import our_command, to_paste
from domicile.demo.plan import Plan

PLAN = Plan()
AMBER, BIRCH = PLAN.clusters


def test_the_lines_follow_the_app_to_where_it_lives(tmp_path):
    ready, dig, curl, move, again, apps = to_paste(
        PLAN, tmp_path, {"hello.ada": BIRCH, "chat.bob": AMBER}
    )
    assert "http://127.0.0.1:8053/v1" in ready
    assert dig.split() == [
        "dig", "+short", "@127.0.0.1", "-p", "5300", "hello.ada.apps.test"
    ]  # fmt: skip
    assert shlex.split(curl)[-1] == "http://127.0.0.12:8080/"
    assert shlex.split(move)[1:] == [
        "app", "move", "hello.ada", "--to", "amber", "--data", str(tmp_path)
    ]  # fmt: skip
    assert shlex.split(again, comments=True) == shlex.split(curl)
    assert shlex.split(apps)[1:] == ["app", "list", "--data", str(tmp_path)]


def test_the_folder_that_every_verb_takes_is_not_named():
    lines = to_paste(PLAN, DEFAULT_DATA.absolute(), {"hello.ada": AMBER})
    assert not any("--data" in line for line in lines)


def test_without_apps_there_are_still_lines(tmp_path):
    assert len(list(to_paste(PLAN, tmp_path, {}))) == 2


def test_the_command_is_named_as_the_user_can_call_it(tmp_path, monkeypatch):
    command = tmp_path / "a b" / "domicile"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", os.environ["PATH"])
    assert our_command(str(command), tmp_path) == "'a b/domicile'"
    assert our_command(str(command), Path("/elsewhere")) == f"'{command}'"
    monkeypatch.setenv("PATH", str(command.parent))
    assert our_command(str(command), tmp_path) == "domicile"


def test_the_command_of_a_module_is_the_interpreters():
    module = "/usr/lib/domicile/__main__.py"
    assert (
        our_command(module, Path("/")) == f"{shlex.quote(sys.executable)} -m domicile"
    )
