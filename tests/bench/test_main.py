"""Both benchmarks in short, by the command, with what is installed here."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from domicile.bench.dns import Sides, choose
from domicile.bench.makes import Make
from domicile.bench.names import Mix
from domicile.bench.points import MANY, Point, runs_at

PAGE = Path(__file__).parents[2] / "docs" / "measuring.md"
COMMAND = Path(sys.executable).with_name("domicile")
SHORT = ("--names", "100", "--runs", "1", "--seconds", "1")


def needs(*programs):
    missing = [each for each in programs if not shutil.which(each)]
    return pytest.mark.skipif(
        bool(missing), reason=f"not installed: {', '.join(missing)}"
    )


def left_over(folder):
    """Give the processes that name the folder, and what is in it."""
    found = [*folder.iterdir()]
    lines = [each.info["cmdline"] or () for each in psutil.process_iter(["cmdline"])]
    found += [line for line in lines if any(str(folder) in word for word in line)]
    return found


def rows_of(folder, *arguments):
    ran = subprocess.run(
        [COMMAND, "bench", *arguments, *SHORT, "--json"],
        capture_output=True, text=True, timeout=110,
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


def test_the_page_names_every_server_mix_and_column():
    shown = re.findall(r"`([\w ]+)`", PAGE.read_text())
    assert {*Make, *Mix, "x floor", "signed"} <= {*shown}


@needs("dnsperf")
def test_name_servers_are_measured(folder):
    rows, said = rows_of(folder, "dns")
    for column in rows["domicile"].keys() - {"server", "names", "mix", "changes_per_s"}:
        assert f"`{column}`" in PAGE.read_text()
    assert "domicile" in rows
    for peer, program in {"nsd": "nsd", "knot": "knotd", "floor": "cc"}.items():
        assert (peer in rows) == bool(shutil.which(program))
        assert (f"no row for {peer}: not installed" in said) == (peer not in rows)
    for row in rows.values():
        assert row["names"] == 100
        assert row["mix"] == "uniform"
        assert row["lost"] == 0
        assert row["qps"] > 0
        assert 0 < row["cpu_us_low"] <= row["cpu_us_per_query"] <= row["cpu_us_high"]
        assert row["anon_mib"] > 0
        assert row["pss_mib"] > 0
        assert 0 < row["ready_s"] < 60


@needs("dnsperf", "cc", "nsd", "kzonesign")
@pytest.mark.parametrize("mix", ["missing90", "do"])
def test_other_questions_are_asked_of_the_servers_that_are_named(folder, mix):
    chosen = (word for each in ("floor", "nsd") for word in ("--server", each))
    rows, said = rows_of(folder, "dns", "--mix", mix, *chosen)
    assert (said, rows.keys()) == ("", {"floor", "nsd"})
    assert all(row["mix"] == mix and row["lost"] == 0 for row in rows.values())
    assert rows["nsd"].get("signed") == (True if mix == "do" else None)


@needs("dnsperf")
def test_changes_are_made_meanwhile_and_waited_for(folder):
    chosen = ("--server", "domicile", "--workers", "2", "--changes", "20")
    rows, _ = rows_of(folder, "dns", *chosen)
    (row,) = rows.values()
    assert 0 < row["waited_for"] <= row["changes"] <= row["changes_per_s"] == 20
    assert 0 < row["answered_p50_ms"] <= row["answered_p99_ms"]
    assert row["lost"] == 0
    for column in row.keys() & {"changes", "waited_for", "answered_p50_ms"}:
        assert f"`{column}`" in PAGE.read_text()


def test_who_takes_too_long_at_many_names_is_left_out_and_said():
    said = []
    many = Point(MANY, Mix.UNIFORM)
    chosen = choose(many, Sides(), said.append)
    assert chosen == ["domicile", "floor", "knot", "nsd", "miekg"]
    assert [line.split()[3] for line in said] == ["bind", "pdns"]
    assert choose(many, Sides([Make.PDNS]), said.append) == ["pdns"]
    assert choose(Point(MANY - 1, Mix.UNIFORM), Sides(), said.append) == list(Make)
    assert (runs_at(100_000), runs_at(10_000_000)) == (5, 3)


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
    chosen = ("--server", "domicile", "--server", "floor")
    process = subprocess.Popen(
        [COMMAND, "bench", "dns", *SHORT, "--seconds", "60", *chosen],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not any("dnsperf" in str(each) for each in left_over(folder)):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(30)
    finally:
        # Or it loads servers on through all tests that follow.
        process.terminate()
        process.wait(30)
    assert left_over(folder) == []


def test_without_a_generator_it_is_one_clear_line(folder, monkeypatch):
    monkeypatch.setattr("domicile.bench.machine.find", lambda _: None)
    from domicile.bench.errors import CannotMeasure
    from domicile.bench.machine import require

    with pytest.raises(CannotMeasure, match="apt install dnsperf"):
        require("dnsperf", "dnsperf")
