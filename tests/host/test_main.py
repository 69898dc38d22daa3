"""`domicile up` as its users meet it: started, ended, killed, started again."""

import os
import signal
import socket
import stat
import time

import pytest

ENDS_WITHIN = 10


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_host_serves_apps_from_its_file_alone(shared_host):
    """Deployed without a word of where; the zone is answered for as it is to be."""
    host = shared_host.app
    assert host == f"hello.ada.{shared_host.zone}"
    assert shared_host.resolve(host) == [shared_host.address]
    assert shared_host.fetch(host) == "hello.ada"
    (server,) = shared_host.resolve(shared_host.zone, "NS")
    assert shared_host.resolve(server) == [shared_host.address]
    assert shared_host.run("status")["problems"] == []


def test_what_is_told_leads_to_the_token_which_is_private(shared_host):
    shared_host.wait_for_line("the operator's token is in ")
    token = shared_host.data / "directory" / "operator.token"
    told = shared_host.log.read_text()
    assert f"the operator's token is in {token}, " in told
    assert token.read_text().strip() not in told
    secret = [
        token,
        *shared_host.data.glob("*.token"),
        *shared_host.data.glob("*/*token"),
    ]
    assert {mode_of(path) for path in secret} == {0o600}
    assert mode_of(shared_host.data) == 0o700


def test_a_service_that_is_killed_starts_again(shared_host):
    for name in ("nameserver", "directory"):
        os.killpg(shared_host.pid(name), signal.SIGKILL)
        shared_host.wait_for_line(f"{name} ended with status -9: it starts again now")
    while shared_host.verb("owner", "list").returncode != 0:
        time.sleep(0.1)
    while not shared_host.resolve(shared_host.zone, "SOA"):
        time.sleep(0.1)


def test_a_move_says_that_there_is_nowhere_to_go(shared_host):
    for to in ("main", "birch"):
        ran = shared_host.verb("app", "move", "hello.ada", "--to", to)
        assert ran.returncode == 1
        (line,) = ran.stderr.splitlines()
        assert line.endswith(": `domicile cluster add` adds one")


def test_a_second_start_while_it_runs_is_one_clear_line(shared_host):
    before = shared_host.ready.read_text()
    (line,) = shared_host.refused()
    assert line.startswith(
        f"domicile: another `domicile up` runs in {shared_host.data}"
    )
    assert f"`data` in {shared_host.config}" in line
    assert shared_host.ready.read_text() == before


def test_a_killed_host_is_cleaned_up_after_and_gone_on_with(host):
    """Started by nohup at first, so not ended by the terminal's end."""
    process = host.start("nohup", *host.command())
    host.wait_until_ready(process)
    process.send_signal(signal.SIGHUP)
    name = host.deploy()
    token = (host.data / "directory" / "operator.token").read_text()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    host.wait_until_gone()
    host.ready.unlink()
    process = host.start()
    host.wait_until_ready(process)
    while host.fetch(name) != "hello.ada":
        time.sleep(0.1)
    assert (host.data / "directory" / "operator.token").read_text() == token
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        os.killpg(process.pid, number)
    assert process.wait(ENDS_WITHIN) == 0
    assert host.left() == []
    assert host.log.read_text().endswith("ending\n")
    assert "Traceback" not in host.log.read_text()


def test_a_signal_in_the_middle_of_the_start_ends_what_is_there(host):
    process = host.start()
    while not (host.data / "run" / "directory.json").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(ENDS_WITHIN) == 0
    assert host.left() == []


@pytest.mark.parametrize(
    ("key", "kind", "protocol"),
    [("dns", socket.SOCK_DGRAM, "UDP"), ("http", socket.SOCK_STREAM, "TCP")],
)
def test_a_taken_port_is_one_clear_line_before_anything_starts(
    host, key, kind, protocol
):
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((host.address, host.ports[key]))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        (line,) = host.refused()
    assert line.startswith(
        f"domicile: {key}: {host.address}:{host.ports[key]} ({protocol}) is taken by "
    )
    assert line.endswith(f"(in {host.config})")
    assert not (host.data / "directory").exists()


def test_an_address_that_is_not_here_is_one_clear_line(host):
    host.write(host.settings | host.ports | {"address": "192.0.2.1"})
    (line,) = host.refused()
    assert "cannot listen on 192.0.2.1:" in line
    assert (
        f"; behind NAT, `listen` is this machine's address (in {host.config})" in line
    )


def test_a_folder_that_cannot_be_is_one_clear_line(host):
    (host.folder / "data").write_text("in the way")
    (line,) = host.refused()
    assert line.startswith(f"domicile: {host.data} cannot be used: ")
    assert f"`data` in {host.config}" in line


def test_a_wrong_key_is_one_clear_line_before_anything_starts(host):
    host.write(host.settings | {"htpp": 80})
    (line,) = host.refused()
    assert line == (
        f"domicile: {host.config}: Object contains unknown field `htpp`: did you mean "
        "`http`?"
    )
    assert not host.data.exists()
