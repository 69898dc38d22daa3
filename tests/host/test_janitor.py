"""Cleans up after a demo that was killed, and not before."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from domicile.host import lock
from domicile.host.ending import service_records
from domicile.host.janitor import Janitor
from domicile.runtime.processes import Start, adopt, remember, start

DEMO = """
import os, pathlib, signal, sys
from domicile.host import lock
from domicile.host.janitor import Janitor

data = pathlib.Path(sys.argv[1])
with lock.hold(data) as descriptor:
    (data / "logs").mkdir()
    janitor = Janitor(data, descriptor)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def service(tmp_path):
    """A service that is recorded, as the demo's are."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    service_records(tmp_path).mkdir()
    remember(service_records(tmp_path) / "directory.json", process.pid)
    yield process
    process.kill()
    process.wait()


def janitors_of(data):
    found = []
    for each in psutil.process_iter():
        try:
            command = each.cmdline()
        except psutil.Error:
            continue
        if command[-2:] == ["domicile.host.janitor", str(data)]:
            found.append(each)
    return found


def test_what_a_killed_demo_leaves_is_ended(tmp_path, service):
    """Its services, and the apps of a manager that was killed before."""
    records = tmp_path / "amber" / "manager" / "run"
    records.parent.mkdir(parents=True)
    order = Start("app-1", "exec sleep 600", tmp_path, tmp_path / "app.log", 8123, {})
    app = start(order, records)
    killed = subprocess.run([sys.executable, "-c", DEMO, str(tmp_path)])
    assert killed.returncode == -signal.SIGKILL
    with lock.hold(tmp_path):
        assert service.wait() == -signal.SIGTERM
        assert not app.alive
        assert adopt(records) == adopt(service_records(tmp_path)) == {}


def test_a_janitor_that_was_killed_is_followed_by_another(tmp_path, service):
    (tmp_path / "logs").mkdir()
    with lock.hold(tmp_path) as descriptor:
        janitor = Janitor(tmp_path, descriptor)
        while not (found := janitors_of(tmp_path)):
            time.sleep(0.02)
        found[0].kill()
        while janitors_of(tmp_path) in ([], found):
            janitor.keep()
            time.sleep(0.02)
        janitor.dismiss()
    assert janitors_of(tmp_path) == []
    assert service.poll() is None


def test_its_demo_s_signals_are_not_its_own(tmp_path, service):
    (tmp_path / "logs").mkdir()
    with lock.hold(tmp_path) as descriptor:
        janitor = Janitor(tmp_path, descriptor)
        while not (found := janitors_of(tmp_path)):
            time.sleep(0.02)
        assert os.getpgid(found[0].pid) != os.getpgid(0)
        janitor.dismiss()
