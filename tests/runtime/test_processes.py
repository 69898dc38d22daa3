"""Apps as processes: started, adopted, stopped whole."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from domicile.runtime import processes, proctable

TREE = """
trap '' TERM
(trap '' TERM; setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done') &
(trap '' TERM; echo $(exec sh -c 'echo $PPID'); while :; do sleep 1; done) &
echo $$
while :; do sleep 1; done
"""


# Forks, becomes a session of its own, forks again: nobody of its own is its parent.
DAEMON = """
import os, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
print(os.getpid(), flush=True)
if os.fork() == 0: print(os.getpid(), flush=True)
time.sleep(600)
"""


MANAGER = """
import os, signal, sys
from pathlib import Path
from domicile.runtime import processes, proctable
records, home, log = map(Path, sys.argv[1:])
command = "echo up; exec sleep 600"
processes.start(processes.Start("app-1", command, home, log, 8123), records)
os.kill(os.getpid(), signal.SIGKILL)
"""


def runs(pid):
    return proctable.born(int(pid)) != 0


async def ended(app):
    while app.alive:
        await asyncio.sleep(0.01)


async def test_an_app_gets_an_environment_from_scratch(yard, monkeypatch):
    monkeypatch.setenv("DOMICILE_TOKEN", "secret")
    app = yard.start("env; pwd; command -v python3", PORT="8123", HOST="127.0.0.11")
    await ended(app)
    lines = yard.log.read_text().splitlines()
    names = {line.partition("=")[0] for line in lines if "=" in line}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {
        "PATH",
        "HOME",
        "LANG",
        "PORT",
        "HOST",
        "DOMICILE_RUN",
    }
    assert lines[-2] == str(yard.home)
    assert lines[-1] == str(Path(sys.executable).with_name("python3"))


async def test_what_an_app_writes_is_appended_to_its_log(yard):
    await ended(yard.start("echo out; echo err >&2"))
    await ended(yard.start("echo again"))
    assert yard.log.read_text() == "out\nerr\nagain\n"


async def test_an_app_has_no_stdin(yard):
    await ended(yard.start("cat; echo over"))
    assert yard.log.read_text() == "over\n"


async def test_an_app_has_the_usual_number_of_files_and_may_ask_for_more(yard):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard > 1024
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        await ended(yard.start("ulimit -S -n; ulimit -H -n"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert yard.log.read_text().split() == ["1024", str(hard)]


async def test_a_command_that_ends_at_once_is_not_alive(yard):
    app = yard.start("exit 0")
    await ended(app)
    (again,) = processes.adopt(yard.records).values()
    assert not again.alive


async def test_the_exit_status_of_our_own_is_known(yard):
    app = yard.start("exit 3")
    await ended(app)
    assert app.exit_status == 3


def test_a_folder_that_is_missing_is_told(yard):
    yard.home.rmdir()
    with pytest.raises(processes.CannotStart, match="app-1"):
        yard.start("true")


@pytest.mark.parametrize(
    ("command", "environment", "says"),
    [
        ("echo a\0b", {}, "its command has a NUL"),
        ("  ", {}, "its command is empty"),
        ("echo \udc80", {}, "its command has a NUL or half of a surrogate pair"),
        ("true", {"": "x"}, "'' is no name of an environment variable"),
        ("true", {"A=B": "x"}, "'A=B' is no name"),
        ("true", {"A\0": "x"}, r"'A\\x00' is no name"),
        ("true", {"A": "x\0y"}, "the value of A in its environment has a NUL"),
        ("true", {"A": "\ud83d"}, "the value of A in its environment has"),
        ("true", {"A": "x" * 4_000_000}, "too long"),
    ],
)
def test_what_no_process_can_be_told_is_one_sentence(yard, command, environment, says):
    with pytest.raises(
        processes.CannotStart, match=f"app-1 cannot be started: .*{says}"
    ):
        yard.start(command, **environment)
    assert processes.adopt(yard.records) == {}


async def test_an_app_outlives_a_killed_manager_and_is_adopted(yard):
    """By pid and birth; its port is remembered."""
    manager = subprocess.run(
        [
            sys.executable,
            "-c",
            MANAGER,
            *map(str, (yard.records, yard.home, yard.log)),
        ],
    )
    assert manager.returncode == -signal.SIGKILL
    assert yard.lines(1) == ["up"]
    app = processes.adopt(yard.records)["app-1"]
    assert app.alive
    assert app.record.port == 8123
    await app.stop()
    assert not runs(app.record.pid)
    assert processes.adopt(yard.records) == {}


async def test_what_others_started_is_remembered_and_swept(yard):
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as process:
        noted = processes.remember(yard.records / "other.json", process.pid)
        assert noted.alive
        await processes.sweep(yard.records)
    assert not noted.alive
    assert processes.adopt(yard.records) == {}


async def test_a_command_never_runs_unrecorded(yard):
    """The manager dies between the start and the record."""
    wait_end, record_end = os.pipe()
    record = processes._spawn(yard.order("echo ran"), wait_end)
    os.close(wait_end)
    os.close(record_end)
    _, status = os.waitpid(record.pid, 0)
    assert status != 0
    assert yard.log.read_text() == ""


async def test_another_process_with_the_recorded_pid_is_left_alone(yard):
    bystander = subprocess.Popen(["sleep", "600"], start_new_session=True)
    record = processes.Record(
        bystander.pid, proctable.boot(), proctable.born(bystander.pid) - 1, 1
    )
    (yard.records / "app-1.json").write_bytes(msgspec.json.encode(record))
    app = processes.adopt(yard.records)["app-1"]
    assert not app.alive
    await app.stop()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


async def test_a_record_from_before_a_reboot_is_nobody(yard):
    bystander = subprocess.Popen(["sleep", "600"], start_new_session=True)
    born = proctable.born(bystander.pid)
    record = processes.Record(bystander.pid, "another boot", born, 1)
    (yard.records / "app-1.json").write_bytes(msgspec.json.encode(record))
    await processes.sweep(yard.records)
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


async def test_the_whole_tree_is_killed_when_it_does_not_listen_to_term(yard):
    app = yard.start(TREE)
    pids = yard.lines(3)
    assert all(map(runs, pids))
    await app.stop(grace=0.1)
    assert not any(map(runs, pids))


async def test_who_left_the_session_and_lost_its_parent_is_killed_too(yard):
    """The app obeys TERM at once; its own daemon does not."""
    app = yard.start(
        "setsid sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' &\n"
        "trap 'exit 0' TERM; while :; do sleep 0.05; done"
    )
    (daemon,) = yard.lines(1)
    await app.stop(grace=0.5)
    assert not runs(daemon)


@pytest.mark.parametrize("ends", ["exec sleep 600", "exit 0"])
async def test_daemons_are_members_and_end_with_their_app(yard, ends):
    (yard.home / "daemon.py").write_text(DAEMON)
    app = yard.start(f"python daemon.py; {ends}")
    pids = {int(line) for line in yard.lines(2)}
    assert pids <= {each.pid for each in app.members()}
    (adopted,) = processes.adopt(yard.records).values()
    await adopted.stop()
    assert not any(map(runs, pids))


async def test_daemons_of_others_are_left_alone(yard):
    (yard.home / "daemon.py").write_text(DAEMON)
    one, two = (yard.start("exec python daemon.py", name) for name in ("a-1", "b-1"))
    pids = {int(line) for line in yard.lines(4)}
    ours = {each.pid for each in one.members()}
    assert len(ours & pids) == 2
    await one.stop()
    assert {pid for pid in pids if runs(pid)} == pids - ours
    await two.stop()
    assert not any(map(runs, pids))


async def test_term_comes_first(yard):
    app = yard.start(
        "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    )
    yard.lines(1)
    await app.stop(grace=60)
    assert yard.lines(2)[-1] == "bye"


async def test_children_that_outlive_their_leader_are_stopped(yard):
    app = yard.start("sleep 600 & echo $!")
    (orphan,) = yard.lines(1)
    await ended(app)
    assert runs(orphan)
    (again,) = processes.adopt(yard.records).values()
    assert not again.alive
    await again.stop()
    assert not runs(orphan)


async def test_the_port_found_is_recorded(yard):
    app = yard.start("exec sleep 600", port=1)
    app.note_port(5000)
    assert processes.adopt(yard.records)["app-1"].record.port == 5000


async def test_records_are_nobody_elses_to_read(yard):
    yard.records.chmod(0o755)
    yard.start("exec sleep 600").note_port(5000)
    (record,) = yard.records.iterdir()
    assert yard.records.stat().st_mode & 0o077 == 0
    assert record.stat().st_mode & 0o077 == 0


async def test_a_sweep_stops_all(yard):
    started = [yard.start("exec sleep 600", name=f"app-{each}") for each in range(3)]
    await processes.sweep(yard.records, grace=60)
    assert not any(each.alive for each in started)
    assert list(yard.records.iterdir()) == []
