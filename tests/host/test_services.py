"""The services of a host as processes: started, recorded, told of."""

import threading
import time

import pytest

from domicile.host.ending import end_all, service_records
from domicile.host.services import Closed, DidNotStart
from domicile.runtime.processes import adopt


@pytest.fixture
def directory(tmp_path):
    """A directory's config file, at a port of the kernel's choice."""
    path = tmp_path / "directory.toml"
    path.write_text(f'data = "{tmp_path}/directory"\nlisten = "127.0.0.1:0"\n')
    return path


def test_a_service_is_recorded_and_ended(tmp_path, services, directory):
    services.start("directory", "directory", directory)
    (pid,) = {each["pid"] for each in services.table().values()}
    (recorded,) = adopt(service_records(tmp_path)).values()
    assert recorded.record.pid == pid
    services.wait_until("directory", (tmp_path / "directory/operator.token").exists)
    end_all(tmp_path)
    assert not recorded.alive
    assert adopt(service_records(tmp_path)) == {}


def test_what_is_no_service_is_run_to_its_end(tmp_path, services):
    assert services.run("touch", ("touch", "here"), tmp_path) == ""
    assert (tmp_path / "here").exists()
    said = services.run("fail", ("sh", "-c", "echo no; exit 3"), tmp_path)
    assert said == f"see {tmp_path / 'logs' / 'fail.log'}"
    assert (tmp_path / "logs" / "fail.log").read_text() == "no\n"
    assert adopt(service_records(tmp_path)) == {}
    assert services.ended() == []


def test_what_is_run_ends_with_the_demo(tmp_path, services):
    running = threading.Thread(
        target=services.run, args=("sleep", ("sleep", "60"), tmp_path)
    )
    running.start()
    while not adopt(service_records(tmp_path)):
        time.sleep(0.02)
    end_all(tmp_path)
    running.join()
    services.close()
    with pytest.raises(Closed):
        services.run("late", ("true",), tmp_path)


def test_a_service_that_does_not_start_is_told_in_its_own_words(tmp_path, services):
    services.start("directory", "directory", tmp_path / "missing.toml")
    with pytest.raises(DidNotStart) as caught:
        services.wait_until("directory", lambda: False)
    said = str(caught.value)
    assert said.startswith("directory ended with status 1: domicile: ")
    assert "missing.toml" in said


def test_another_that_ends_meanwhile_is_told(tmp_path, services, directory):
    services.start("directory", "directory", directory)
    services.start("nameserver", "nameserver", tmp_path / "missing.toml")
    with pytest.raises(DidNotStart, match="nameserver ended"):
        services.wait_until("directory", lambda: False)


def test_who_ended_is_told_once(tmp_path, services):
    services.start("directory", "directory", tmp_path / "missing.toml")
    while not (ended := services.ended()):
        time.sleep(0.05)
    assert ended == [("directory", 1)]
    assert services.ended() == []
    assert services.table() == {}


def test_nothing_is_started_any_more_once_the_end_has_begun(services, directory):
    services.close()
    with pytest.raises(Closed):
        services.start("directory", "directory", directory)


def test_a_service_that_was_killed_is_started_again_as_it_was(services, directory):
    """Its end was wanted: nobody is told of it."""
    services.start("directory", "directory", directory)
    before = services.pid("directory")
    services.kill("directory")
    assert services.table() == {}
    assert services.ended() == []
    services.start_again("directory")
    assert services.pid("directory") != before
    assert services.table()["directory"]["config"] == str(directory)
