"""What tests want of the system is installed where that is wanted, else told."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "system_packages"


@pytest.fixture
def system(tmp_path):
    """A system with apt-get and none of what is wanted; its log is what it was told."""
    commands = tmp_path / "bin"
    commands.mkdir()
    log = tmp_path / "log"
    for name, source in {
        "apt-get": f'echo "$@" >> {log}',
        "id": "echo ${USER_ID-0}",
    }.items():
        path = commands / name
        path.write_text(f"#!{shutil.which('sh')}\n{source}\n")
        path.chmod(0o755)

    def run(*arguments, **environment):
        ran = subprocess.run(
            [shutil.which("bash"), SCRIPT, *arguments],
            env={"PATH": str(commands), **environment},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        installed = log.read_text().splitlines() if log.exists() else []
        return ran.stdout.splitlines(), installed

    return run


@pytest.mark.parametrize("wish", [{"CI": "true"}, {"APT": "1"}])
def test_root_is_installed_what_is_missing(system, wish):
    _, (update, install) = system(**wish)
    assert update.startswith("update")
    assert {"bind9-dnsutils", "curl"} < set(install.split())


@pytest.mark.parametrize("wish", [{}, {"CI": ""}, {"APT": "1", "USER_ID": "1000"}])
def test_who_did_not_wish_it_or_is_not_root_is_told(system, wish):
    told, installed = system(**wish)
    assert installed == []
    assert any(line.startswith("skipped for want of dig (Debian: ") for line in told)


def test_where_nothing_is_missing_nothing_is_said(system, tmp_path):
    told, _ = system()
    for line in told:
        command = line.split()[4]
        (tmp_path / "bin" / command).symlink_to(shutil.which("true"))
    assert system(CI="true") == ([], [])


def test_what_the_benchmarks_want_is_installed_too(system):
    """One command may need several packages."""
    _, (_, install) = system("bench", APT="1")
    wanted = {"dnsperf", "gcc", "golang-go", "golang-github-miekg-dns-dev", "wrk"}
    assert wanted < set(install.split())


def test_who_has_not_all_for_a_benchmark_is_told(system):
    told, installed = system("bench")
    assert installed == []
    assert any("for want of go" in line and "miekg" in line for line in told)
