"""How a user calls us."""

import os
import shlex
import sys
from pathlib import Path

from domicile.client.access import DEFAULT_DATA
from domicile.host.command import of_folder, our_command


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


def test_a_folder_that_is_not_the_usual_one_is_named():
    assert of_folder(DEFAULT_DATA.absolute()) == ""
    assert of_folder(Path("/a b")) == " --data '/a b'"
