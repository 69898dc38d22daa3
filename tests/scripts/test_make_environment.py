"""The environment is made, or what is missing is one clear line."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_environment.py"
LACKING = """
import runpy, sys
for name in {missing}:
    sys.modules[name] = None
sys.version_info = {version}
sys.argv = [{script!r}, sys.argv[1]]
runpy.run_path({script!r}, run_name="__main__")
"""


def make(folder, missing=(), version="sys.version_info"):
    """Run the script by an interpreter that lacks modules, or is of another version."""
    source = LACKING.format(missing=missing, version=version, script=str(SCRIPT))
    return subprocess.run(
        [sys.executable, "-c", source, folder], capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("missing", "version", "says"),
    [
        ((), "(3, 10, 4)", "needs Python 3.11 or newer"),
        (("venv",), "sys.version_info", "module venv"),
        (("ensurepip", "pip"), "sys.version_info", "needs pip"),
    ],
)
def test_what_is_missing_is_one_line(tmp_path, missing, version, says):
    ran = make(tmp_path / "environment", missing, version)
    assert ran.returncode == 1
    (line,) = ran.stderr.splitlines()
    assert line.startswith("Domicile ")
    assert says in line
    assert not (tmp_path / "environment").exists()


def test_an_environment_has_pip(tmp_path):
    folder = tmp_path / "environment"
    assert make(folder).returncode == 0
    subprocess.run([folder / "bin" / "pip", "--version"], check=True)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    ran = make(tmp_path / "file" / "environment")
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith("Domicile has no environment: ")


def test_old_interpreters_can_read_it():
    ast.parse(SCRIPT.read_text(), feature_version=(3, 4))
