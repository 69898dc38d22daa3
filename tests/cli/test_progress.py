"""The line of progress: on a terminal, and only there."""

import json
import os
import subprocess
import sys

import msgspec
import pytest

from domicile.cli.progress import bytes_of, harmless, harmless_json

SHOW = """
import time
from domicile.cli.progress import Progress
progress = Progress()
progress.doing("uploading")
progress.sent(30_000, 120_000)
time.sleep(1.5)
progress.say("done \\x1b[2J")
progress.doing("the next")
progress.end()
print("result")
"""


def test_a_terminal_sees_what_takes_more_than_a_second(terminal):
    said = terminal(sys.executable, "-c", SHOW)
    assert "uploading" in said
    assert "30.0 kB of 120.0 kB" in said
    assert "the next" not in said
    assert r"done \x1b[2J" in said
    assert said.rstrip().endswith("result")


def test_without_a_terminal_there_are_plain_lines_only():
    ran = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("result\n", "done \\x1b[2J\n")


def test_who_does_not_read_does_not_stop_it():
    reading, writing = os.pipe()
    os.close(reading)
    code = SHOW.replace("1.5", "0")
    ran = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=writing, text=True
    )
    os.close(writing)
    assert (ran.returncode, ran.stdout) == (0, "result\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain äöü 😀\tand\n", "plain äöü 😀\tand\n"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x00\x08\r\x7f\x9b31m", r"\x00\x08\x0d\x7f\x9b31m"),
    ],
)
def test_what_commands_a_terminal_is_escaped(text, shown):
    assert harmless(text) == shown


def test_what_commands_a_terminal_is_escaped_in_json_too():
    text = "\x1b[2J \x9b2J \x7f\tä"
    written = harmless_json(msgspec.json.encode({"line": text}).decode())
    assert written.isprintable()
    assert json.loads(written) == {"line": text}


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (52_428_800, "52.4 MB"),
     (5 * 10**12, "5000.0 GB")],
)  # fmt: skip
def test_bytes_are_said_as_people_read_them(count, said):
    assert bytes_of(count) == said
