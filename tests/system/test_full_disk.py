"""Disks fill up under services that run: they serve on, say so, and lose nothing."""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from waiting import wait_until

HELLO = "hello.ada.apps.test"
STAGE = Path(__file__).parent / "apps" / "stage"
SIZE = "48m"
FOLDERS = {
    "nameserver": "nameserver",
    "proxy-amber": "amber/proxy",
    "manager-amber": "amber/manager",
    "directory": "directory",
}
WRITERS = {
    "nameserver": "follower",
    "proxy-amber": "keeper",
    "manager-amber": "manager",
}


class Disk:
    """A small one, mounted where a service has its data."""

    def __init__(self, folder):
        self.folder = folder
        self._beside = folder.with_name(f"{folder.name}-beside")
        self._ballast = folder / "ballast"

    def mount(self):
        self.folder.rename(self._beside)
        self.folder.mkdir(mode=0o700)
        options = ["-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "none"]
        subprocess.run(["mount", *options, self.folder], check=True)
        copy(self._beside, self.folder)

    def unmount(self):
        """Apps may still stand in a folder there: they keep it until they end."""
        self.free()
        shutil.rmtree(self._beside)
        self._beside.mkdir(mode=0o700)
        copy(self.folder, self._beside)
        subprocess.run(["umount", "--lazy", self.folder], check=True)
        self.folder.rmdir()
        self._beside.rename(self.folder)

    def fill(self):
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)):
                        pass

    def free(self):
        self._ballast.unlink(missing_ok=True)


def copy(source, target):
    subprocess.run(["cp", "-a", "--sparse=always", f"{source}/.", target], check=True)


@pytest.fixture(scope="module")
def disks(own_demo, tmp_path_factory):
    """Give each of the services a small disk of its own."""
    if os.geteuid():
        pytest.skip("only root may mount a small disk")
    probe = tmp_path_factory.mktemp("disk")
    if subprocess.run(["mount", "-t", "tmpfs", "none", probe]).returncode:
        pytest.skip("no small disk can be mounted here")
    subprocess.run(["umount", probe], check=True)
    own_demo.mend()
    disks = {name: Disk(own_demo.data / path) for name, path in FOLDERS.items()}
    own_demo.kill(*disks)
    with contextlib.ExitStack() as mounted:
        for each in disks.values():
            each.mount()
            mounted.callback(each.unmount)
        mounted.callback(own_demo.kill, *disks)
        own_demo.mend()
        yield disks


@pytest.fixture
def demo(own_demo, disks):
    yield own_demo
    for each in disks.values():
        each.free()
    own_demo.mend()


def change_birch(demo, plans):
    """Make a long record of what everybody has of the cluster birch."""
    record = demo.api("GET", "/clusters/birch").json()
    record["accepts"] = ["free", "pro", *(f"plan-{number}" for number in range(plans))]
    return demo.api("PUT", "/clusters/birch", record)


def wait_for_complaint(demo, name, words):
    wait_until(lambda: words in demo.health(name).get("message", ""))


def all_follow(demo):
    told = demo.api("GET", "/status").json()
    return {each["serial"] for each in told["followers"]} == {told["serial"]}


def test_who_cannot_write_its_replica_serves_from_what_there_is(demo, disks, witness):
    witnesses = witness(HELLO)
    # A proxy is told by its manager, so that one has room at first.
    for full, plans in (
        (("nameserver", "proxy-amber"), 4000),
        (("manager-amber",), 8000),
    ):
        for name in full:
            disks[name].fill()
        assert change_birch(demo, plans).status_code == 200
        for name in full:
            wait_for_complaint(demo, name, "the replica has no room")
            demo.children(name)[WRITERS[name]].kill()
            wait_until(lambda n=name: WRITERS[n] in demo.children(n))
            wait_for_complaint(demo, name, "the replica has no room")
            disks[name].free()
        demo.mend()
    for each in witnesses.values():
        each.end()
        assert (each.wrong, each.missing) == ([], [])
    wait_until(lambda: all_follow(demo))
    assert change_birch(demo, 0).status_code == 200


def test_a_directory_without_room_says_so_and_loses_nothing(demo, disks, witness):
    witnesses = witness(HELLO)
    disks["directory"].fill()
    added, number = [], 0
    while (told := demo.api("POST", "/owners", {"name": f"full-{number}"})).is_success:
        added.append(f"full-{number}")
        number += 1
    assert told.status_code == 507
    assert "no room" in told.json()["detail"]
    wait_for_complaint(demo, "directory", "there is no room")
    assert "no room" in demo.refused("app", "deploy", "full.ada", str(STAGE))
    demo.children("directory")["directory"].kill()
    (owners,) = demo.api("GET", "/owners").json().values()
    assert {each["name"] for each in owners} >= set(added)
    assert not list((disks["directory"].folder / "blobs").glob(".*"))
    disks["directory"].free()
    demo.mend()
    assert demo.api("POST", "/owners", {"name": f"full-{number}"}).status_code == 201
    wait_until(lambda: all_follow(demo))
    for each in witnesses.values():
        each.end()
        assert (each.wrong, each.missing) == ([], [])
