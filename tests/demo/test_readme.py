"""The README's first tour: every line runs, and says what it promises."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"

pytestmark = [
    pytest.mark.skipif(not shutil.which(each), reason=f"{each} is not installed")
    for each in ("dig", "curl")
]


def tour():
    """Give each line to paste, and what it is to say."""
    text = README.read_text().partition("## A first tour")[2].partition("\n## ")[0]
    (block,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    for line in block.splitlines():
        command, _, says = line.partition("#>")
        if command.strip() and not command.startswith("#"):
            yield command.strip(), says.strip()


def placed(line, demo):
    """Give the line for a demo at other ports, whose command is the tests'."""
    for ours, theirs in {
        ".venv/bin/domicile": str(Path(sys.executable).with_name("domicile")),
        "-p 5300": f"-p {demo.ports['nameserver']}",
        "127.0.0.11:8080": f"127.0.0.11:{demo.ports['amber']['proxy']}",
        "127.0.0.12:8080": f"127.0.0.12:{demo.ports['birch']['proxy']}",
    }.items():
        line = line.replace(ours, theirs)
    return line


def test_the_first_tour_goes_as_it_says(demo, tmp_path):
    demo.wait_until_ready(demo.start())
    environment = os.environ | {"DOMICILE_DATA": str(demo.data)}
    lines = list(tour())
    assert len(lines) > 5
    for line, says in lines:
        ran = subprocess.run(
            placed(line, demo), shell=True, cwd=tmp_path, env=environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        assert ran.returncode == 0, (line, ran.stderr)
        assert says in ran.stdout, (line, ran.stdout)
