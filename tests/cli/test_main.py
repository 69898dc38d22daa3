import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("domicile")


def run(*arguments):
    return subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, timeout=60
    )


def test_without_a_verb_it_explains_itself():
    shown = run()
    assert "directory" in shown.stdout + shown.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "No such file"),
        ("listen = ", "not TOML"),
        ("", "missing required field"),
    ],
)
def test_a_bad_configuration_is_one_clear_line(tmp_path, text, says):
    config = tmp_path / "directory.toml"
    if text is not None:
        config.write_text(text)
    shown = run("directory", "--config", str(config))
    assert shown.returncode == 1
    assert shown.stderr.startswith(f"domicile: {config}: ")
    assert says in shown.stderr
    assert len(shown.stderr.splitlines()) == 1
