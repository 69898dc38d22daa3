"""The README's first tour and the tutorial: every line runs, and says what it promises."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from blocks import lines

RUNS_PAGES = ("README.md", "docs/tutorial.md")
# What begins with a host of one's own, and stays in the foreground.
RUN_ELSEWHERE = "docs/from-one-cluster-to-two.md"

pytestmark = [
    pytest.mark.skipif(not shutil.which(each), reason=f"{each} is not installed")
    for each in ("dig", "curl")
]


def placed(line, demo):
    """Give the line for a demo at other ports, whose command is the tests'."""
    for ours, theirs in {
        ".venv/bin/domicile": str(Path(sys.executable).with_name("domicile")),
        "-p 5300": f"-p {demo.ports['nameserver']}",
        "-p 5301": f"-p {demo.ports['customer_dns']}",
        "127.0.0.11:8080": f"127.0.0.11:{demo.ports['amber']['proxy']}",
        "127.0.0.12:8080": f"127.0.0.12:{demo.ports['birch']['proxy']}",
        "domicile-data/": f"{demo.data}/",
    }.items():
        line = line.replace(ours, theirs)
    return line


@pytest.fixture(scope="module")
def own_demo(new_demo, tmp_path_factory):
    with new_demo(tmp_path_factory.mktemp("pages")) as demo:
        demo.wait_until_ready(demo.start())
        yield demo


@pytest.mark.parametrize("page", RUNS_PAGES)
def test_a_page_goes_as_it_says(own_demo, tmp_path, page):
    """In an empty folder; what `make` does other tests run."""
    environment = os.environ | {"DOMICILE_DATA": str(own_demo.data)}
    elsewhere = {line.command for line in lines(RUN_ELSEWHERE)}
    typed = [
        line
        for line in lines(page)
        if not line.command.startswith("make ") and line.command not in elsewhere
    ]
    assert len(typed) > 5
    for line, says in typed:
        while not says_so(placed(line, own_demo), says, tmp_path, environment):
            time.sleep(0.2)


def says_so(line, says, folder, environment):
    """Run a line; what only asks may be asked again, for proxies follow in a moment."""
    ran = subprocess.run(
        line, shell=True, cwd=folder, env=environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, (line, ran.stderr)
    right = says in ran.stdout
    assert right or line.startswith(("curl ", "dig ")), (line, ran.stdout)
    return right
