"""Both benchmarks in short, by the command, with what is installed here."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

COMMAND = Path(sys.executable).with_name("domicile")
SHORT = ("--names", "100", "--runs", "1", "--seconds", "1")


def needs(*programs):
    missing = [each for each in programs if not shutil.which(each)]
    return pytest.mark.skipif(
        bool(missing), reason=f"not installed: {', '.join(missing)}"
    )


@pytest.fixture
def folder(monkeypatch):
    """Where a benchmark puts what is temporary; short, for peers put sockets there."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        monkeypatch.setenv("TMPDIR", name)
        yield Path(name)


def left_over(folder):
    """Give the processes that name the folder, and what is in it."""
    found = [*folder.iterdir()]
    lines = [each.info["cmdline"] or () for each in psutil.process_iter(["cmdline"])]
    found += [line for line in lines if any(str(folder) in word for word in line)]
    return found


def rows_of(folder, *arguments):
    ran = subprocess.run(
        [COMMAND, "bench", *arguments, *SHORT, "--json"],
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert left_over(folder) == []
    return {row["server"]: row for row in json.loads(ran.stdout)["rows"]}, ran.stderr


def test_a_replica_and_its_server_are_measured(folder):
    ran = subprocess.run(
        [COMMAND, "bench", "size", "--names", "1000", "--json"],
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert left_over(folder) == []
    (row,) = json.loads(ran.stdout)["rows"]
    assert row["names"] == 1000
    assert 100 < row["bytes_per_name"] < 400
    assert 10 < row["worker_mb"] < 300
    assert row["first_answer_s"] > 0


@needs("dnsperf")
@pytest.mark.parametrize("mix", ["uniform", "missing10"])
def test_name_servers_are_measured(folder, mix):
    rows, said = rows_of(folder, "dns", "--mix", mix)
    assert "domicile" in rows
    for peer, program in {"nsd": "nsd", "knot": "knotd", "floor": "cc"}.items():
        assert (peer in rows) == bool(shutil.which(program))
        assert (f"no row for {peer}: not installed" in said) == (peer not in rows)
    for row in rows.values():
        assert row["names"] == 100
        assert row["mix"] == mix
        assert row["lost"] == 0
        assert row["qps"] > 0
        assert 0 < row["cpu_us_low"] <= row["cpu_us_per_query"] <= row["cpu_us_high"]


@needs("wrk", "cc")
def test_proxies_are_measured(folder):
    rows, said = rows_of(folder, "proxy", "--connections", "8")
    assert "domicile" in rows
    for peer in ("nginx", "haproxy"):
        assert (peer in rows) == bool(shutil.which(peer))
        assert (f"no row for {peer}: not installed" in said) == (peer not in rows)
    for row in rows.values():
        assert row["connections"] == 8
        assert row["failed"] == 0
        assert row["rps"] > 0
        assert row["cpu_us_per_request"] > 0


@needs("dnsperf")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_that_is_interrupted_leaves_nothing(folder, number):
    process = subprocess.Popen(
        [COMMAND, "bench", "dns", *SHORT, "--seconds", "60"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not any("dnsperf" in str(each) for each in left_over(folder)):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(30)
    assert left_over(folder) == []


def test_without_a_generator_it_is_one_clear_line(folder, monkeypatch):
    monkeypatch.setattr("domicile.bench.machine.find", lambda _: None)
    from domicile.bench.errors import CannotMeasure
    from domicile.bench.machine import require

    with pytest.raises(CannotMeasure, match="apt install dnsperf"):
        require("dnsperf", "dnsperf")
