"""A replica's file is cut short or garbled, under who reads it or while nobody does.

What is answered meanwhile is right, or is no answer; what comes after is right.
"""

import struct

import pytest
from waiting import wait_until

HELLO = "hello.ada.apps.test"
PAGE = 4096
REPLICAS = {
    "nameserver": "nameserver",
    "proxy-amber": "amber/proxy/replica",
    "manager-amber": "amber/manager/directory",
}


@pytest.fixture
def demo(whole_demo):
    return whole_demo


class File:
    """The data file of a service's current copy."""

    def __init__(self, demo, name):
        self.folder = demo.data / REPLICAS[name]
        self.copy = (self.folder / "current").readlink()
        self.path = self.folder / self.copy / "data.mdb"

    def cut(self):
        with self.path.open("r+b") as file:
            file.truncate(self.path.stat().st_size // 2)

    def garble(self):
        """Make all pages but LMDB's first two mean nothing."""
        with self.path.open("r+b") as file:
            file.seek(2 * PAGE)
            file.write(bytes(self.path.stat().st_size - 2 * PAGE))

    def lie(self, key):
        """Have a long record say to be longer than the file: SIGBUS for who reads it.

        A node of LMDB: the size of its data in two halves; that its data have pages of
        their own; the size of its key, and the key.
        """
        content = self.path.read_bytes()
        wanted, at, found = struct.pack("<HH", 1, len(key)) + key, 0, 0
        with self.path.open("r+b") as file:
            while (at := content.find(wanted, at) + 1) > 0:
                file.seek(at - 3)
                file.write(struct.pack("<H", 0x1000))
                found += 1
        assert found

    def replaced(self):
        current = self.folder / "current"
        return current.is_symlink() and current.readlink() != self.copy


def is_served(demo):
    """Whether name and app are there again, for all who are asked."""
    told = [demo.resolve(HELLO) for _ in range(10)]
    codes = [demo.fetch(HELLO, at="amber").status_code for _ in range(10)]
    return told == [demo.place("amber")[0]] * 10 and codes == [200] * 10


@pytest.fixture
def files(demo):
    return {name: File(demo, name) for name in REPLICAS}


def wait_until_replaced(demo, files):
    wait_until(lambda: all(file.replaced() for file in files.values()))
    wait_until(lambda: is_served(demo))


@pytest.mark.parametrize("harm", [File.cut, File.garble])
def test_files_that_are_damaged_under_their_readers_are_replaced(
    demo, files, witness, harm
):
    witnesses = witness(HELLO)
    for file in files.values():
        harm(file)
    wait_until_replaced(demo, files)
    for each in witnesses.values():
        each.end()
        assert each.wrong == []


@pytest.mark.parametrize("harm", [File.cut, File.garble])
def test_files_that_were_damaged_while_nobody_looked_are_replaced(demo, files, harm):
    demo.kill(*files)
    for file in files.values():
        harm(file)
    demo.mend()
    wait_until_replaced(demo, files)


@pytest.fixture
def forwarded(demo):
    """An app for which all must read the long record of birch."""
    record = demo.api("GET", "/clusters/birch").json()
    record["accepts"] = ["free", "pro", *(f"plan-{number}" for number in range(500))]
    assert demo.api("PUT", "/clusters/birch", record).status_code == 200
    host = demo.deploy("forwarded.ada")
    demo.move("forwarded.ada", "birch")
    yield host
    demo.run("app", "delete", "forwarded.ada")


def test_a_file_that_kills_who_reads_it_is_set_aside(demo, forwarded, files, witness):
    """It is as long as it should be; who dies of it twice has it taken away."""
    witnesses = witness(forwarded)
    for file in files.values():
        file.lie(b"cluster\0birch")
    # The manager reads when there is something new.
    demo.run("app", "stop", "upload.ada")
    demo.run("app", "start", "upload.ada")
    wait_until_replaced(demo, files)
    for name, file in files.items():
        assert "crashed again" in demo.log_of(name)
        assert (file.folder / "aside").is_dir()
    for each in witnesses.values():
        each.end()
        assert each.wrong == []
