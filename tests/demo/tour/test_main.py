"""The tour as its users meet it: to its end, ended before, and with a promise broken."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from domicile.config import load
from domicile.demo.plan import Plan
from domicile.demo.tour.chapters import CHAPTERS
from domicile.host.preflight import check_places

COMMAND = Path(sys.executable).with_name("domicile")
HOSTS = {"amber": "127.0.0.11", "birch": "127.0.0.12", "cedar": "127.0.0.13"}
ENDS_WITHIN = 10
WHOLE_TOUR_WITHIN = 300


@pytest.fixture
def demo(demo):
    demo.choose_ports(HOSTS)
    return demo


def start(demo):
    return demo.start(*demo.command(), "--tour")


def wait_for_chapter(demo, number):
    demo.wait_for_line(f"{number} of {len(CHAPTERS)}: ")


@pytest.mark.timeout(WHOLE_TOUR_WITHIN + 60)
def test_the_whole_tour_is_told_and_leaves_nothing(demo):
    """In a folder of its own, which goes with it."""
    place = demo.folder / "tmp"
    place.mkdir()
    ran = subprocess.run(
        [COMMAND, "demo", "--tour", "--config", demo.config],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=demo.folder,
        env=os.environ | {"TMPDIR": str(place), "COLUMNS": "60"},
        timeout=WHOLE_TOUR_WITHIN,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    for chapter in CHAPTERS:
        assert chapter.title in ran.stdout
    assert "failed: 0" in ran.stdout
    assert "└── link (tombstone, generation " in ran.stdout
    assert "\x1b" not in ran.stdout
    assert "\r" not in ran.stdout
    assert demo.left() == []
    assert list(place.iterdir()) == []
    check_places(load(demo.config, Plan).places(), "the plan")


def test_a_promise_that_breaks_ends_it_with_one_clear_line(demo):
    process = start(demo)
    services = demo.wait_until_ready(process)
    wait_for_chapter(demo, 2)
    os.killpg(services["nameserver"]["pid"], signal.SIGKILL)
    assert process.wait() == 1
    told = demo.log.read_text()
    assert "Traceback" not in told
    (line,) = [each for each in told.splitlines() if each.startswith("domicile: ")]
    assert line.startswith("domicile: the tour failed in “")
    assert "did not answer" in line
    assert "nameserver ended with status -9" in line
    assert told.endswith(f"{line}\n")
    assert demo.left() == []


def test_a_signal_in_the_middle_ends_it_whole_and_is_no_success(demo):
    process = start(demo)
    wait_for_chapter(demo, 5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(ENDS_WITHIN) == 1
    told = demo.log.read_text().splitlines()
    assert told[-1] == "domicile: the tour was ended before its end"
    assert demo.left() == []
