"""One demo a folder."""

import os
import subprocess
import sys
import threading

import pytest

from domicile.host import lock


def test_a_folder_is_held_by_one(tmp_path):
    with (
        lock.hold(tmp_path),
        pytest.raises(lock.FolderInUse, match=str(tmp_path)),
        lock.hold(tmp_path),
    ):
        pass
    with lock.hold(tmp_path):
        pass


def test_who_inherits_the_lock_holds_it_on(tmp_path):
    """As the janitor does when its demo is killed."""
    with lock.hold(tmp_path) as descriptor:
        heir = subprocess.Popen(
            [sys.executable, "-c", "input()"],
            stdin=subprocess.PIPE,
            pass_fds=[descriptor],
        )
    with heir:
        with pytest.raises(lock.FolderInUse), lock.hold(tmp_path):
            pass
        heir.stdin.write(b"\n")


def test_what_is_being_ended_is_waited_for(tmp_path):
    """For longer than a demo that runs on is."""
    with lock.hold(tmp_path) as descriptor:
        held = os.dup(descriptor)
    lock.note_ending(tmp_path)
    end = threading.Timer(3 * lock._SETTLE_SECONDS, os.close, [held])
    end.start()
    with lock.hold(tmp_path):
        end.join()


@pytest.mark.parametrize("name", ["file", "file/data"])
def test_a_folder_that_cannot_be_is_told(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(lock.BadFolder, match="--data"), lock.hold(tmp_path / name):
        pass
