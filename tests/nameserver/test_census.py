"""What is known of all hosts is what the replica says, whatever happens to it."""

from random import Random

import pytest

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import Cluster, Owner, Placement, encode
from domicile.model.zone_records import Zone
from domicile.nameserver import census
from domicile.nameserver.replies import Replies
from domicile.replica.glance import HOST

LEFT, MISSING = b"", None
IDS = [letter * 26 for letter in "abcdefghijkl"]
NAMES = ["hello", "other", "third", ""]
OWNERS = ["ada", "eve"]
CLUSTERS = ["amber", "birch"]
RECORDS = [
    Zone("apps.test", {"ns1.apps.test": ("127.0.0.1",)}),
    *(Owner(name, "apps.test", "free") for name in OWNERS),
    *(Cluster(name, ("127.0.0.1",), ()) for name in CLUSTERS),
    Placement(IDS[0], "amber", 1, "hello", "ada", "apps.test"),
]


@pytest.fixture
def records():
    return RECORDS


class Scene:
    """A replica that is written to, and what is known of its hosts."""

    def __init__(self, replica):
        self.replica = replica
        self.replies = Replies(replica)
        self.hosts = self.replies._census._hosts

    def write(self, *records):
        """Write records, or for a key take its placement away."""
        with self.replica.view() as view:
            serial = view.serial
        changes = []
        for number, each in enumerate(records, start=serial + 1):
            key, value = (
                (each, None) if isinstance(each, str) else (each.key, encode(each))
            )
            changes.append(Change(number, "placement", key, "", value, NO_CHAIN))
        self.replica.apply(changes, serial + len(changes), NO_CHAIN)

    def look(self):
        """Be as of what there is now."""
        self.replies.begin()
        self.replies.end()

    def finish(self):
        while self.replies.take_census():
            pass

    def judge(self):
        """Compare what is known of every name with what the replica says of it."""
        glance = self.replies.glance
        self.replies.begin()
        for name in NAMES:
            for owner in OWNERS:
                host = bytes((HOST,)) + f"{name}.{owner}.apps.test".encode()
                found = self.hosts.find(host, len(host))
                if self.hosts.whole or found != b"?":
                    assert found == glance.cluster_of_host(host), host
        self.replies.end()


@pytest.fixture
def scene(replica):
    return Scene(replica)


def known(scene, host):
    octets = bytes((HOST,)) + host.encode()
    return scene.hosts.find(octets, len(octets))


def any_change(random):
    app = random.choice(IDS)
    if random.random() < 0.2:
        return app
    moves_at = random.choice([0.0, 0.0, 0.0, 2e9])
    return Placement(
        app, random.choice(CLUSTERS), random.randrange(9), random.choice(NAMES),
        random.choice(OWNERS), "apps.test", moves_at,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(30))
def test_it_follows_whatever_changes(scene, seed, monkeypatch):
    """Also while it is filled: two hosts at a time, so changes come before and behind."""
    monkeypatch.setattr(census, "AT_ONCE", 2)
    random = Random(seed)
    for _ in range(200):
        step = random.random()
        if step < 0.5:
            scene.write(*(any_change(random) for _ in range(random.choice([1, 1, 3]))))
        elif step < 0.7:
            scene.replies.take_census()
        elif step < 0.72:
            scene.finish()
        else:
            scene.judge()
    scene.finish()
    assert scene.hosts.whole
    scene.judge()


def test_it_is_whole_only_once_all_was_looked_at(scene, monkeypatch):
    monkeypatch.setattr(census, "AT_ONCE", 1)
    scene.write(
        *(Placement(each, "birch", 1, each, "ada", "apps.test") for each in IDS)
    )
    turns = 0
    while scene.replies.take_census():
        assert not scene.hosts.whole
        turns += 1
    assert turns == len(IDS)
    assert scene.hosts.whole
    assert known(scene, f"{IDS[3]}.ada.apps.test") == b"birch"
    assert known(scene, "hello.ada.apps.test") is MISSING


def test_who_is_about_to_move_is_left_to_the_long_way(scene):
    scene.finish()
    scene.write(
        Placement(IDS[0], "amber", 1, "hello", "ada", "apps.test", moves_at=2e9)
    )
    scene.look()
    assert known(scene, "hello.ada.apps.test") == LEFT


def test_many_changes_at_once_are_not_looked_up_one_by_one(scene, monkeypatch):
    scene.finish()
    monkeypatch.setattr(census, "_MOST_TOUCHED", 2)
    scene.write(
        *(Placement(each, "birch", 1, each, "ada", "apps.test") for each in IDS)
    )
    scene.look()
    assert not scene.hosts.whole
    scene.finish()
    assert known(scene, f"{IDS[0]}.ada.apps.test") == b"birch"


def test_another_copy_is_gone_through_anew(scene):
    scene.finish()
    placed = Placement(IDS[1], "birch", 1, "other", "eve", "apps.test")
    change = Change(9, placed.kind, placed.key, "", encode(placed), NO_CHAIN)
    scene.replica.replace([change], 9, NO_CHAIN)
    scene.replies.glance.look_anew()
    scene.look()
    assert not scene.hosts.whole
    scene.finish()
    assert known(scene, "hello.ada.apps.test") is MISSING
    assert known(scene, "other.eve.apps.test") == b"birch"


def test_a_damaged_entry_is_left_to_the_long_way(scene):
    copy = scene.replica.newest()
    place = bytes((HOST,)) + b"hello.ada.apps.test"
    with copy._env.begin(write=True) as txn:
        entry = bytearray(txn.get(place, db=copy.index))
        entry[-1] ^= 1
        txn.put(place, bytes(entry), db=copy.index)
    scene.finish()
    assert known(scene, "hello.ada.apps.test") == LEFT


def test_more_hosts_than_there_is_room_for_are_left_to_the_replica(scene, monkeypatch):
    monkeypatch.setattr(census, "MOST", 0)
    assert not scene.replies.take_census()
    assert not scene.hosts.whole
    monkeypatch.setattr(census, "MOST", 10)
    scene.write(Placement(IDS[1], "birch", 1, "other", "ada", "apps.test"))
    scene.look()
    scene.finish()
    scene.judge()


def test_a_table_that_is_too_small_is_begun_anew(scene):
    """Where more came than it was made for, and no place was left near theirs."""
    scene.finish()
    for begin in range(0, 1800, 600):
        apps = (f"{n:026}" for n in range(begin, begin + 600))
        scene.write(
            *(Placement(each, "birch", 1, each, "ada", "apps.test") for each in apps)
        )
        scene.look()
    scene.finish()
    assert scene.hosts.whole
    assert known(scene, f"{1700:026}.ada.apps.test") == b"birch"
    scene.judge()


def test_it_is_not_whole_where_nothing_could_be_looked_at(scene, monkeypatch):
    """A copy that cannot be opened for a moment has no end that was reached."""
    monkeypatch.setattr(census, "AT_ONCE", 2)
    scene.write(
        *(Placement(each, "birch", 1, each, "ada", "apps.test") for each in IDS)
    )
    assert scene.replies.take_census()

    def fail():
        raise OSError("the link cannot be read")

    with monkeypatch.context() as patched:
        patched.setattr(scene.replica, "newest", fail)
        scene.replies.glance.look_anew()
        scene.replies.take_census()
        assert not scene.hosts.whole
    scene.replies.glance.look_anew()
    scene.look()
    assert not scene.hosts.whole
    scene.finish()
    assert scene.hosts.whole
    assert known(scene, f"{IDS[9]}.ada.apps.test") == b"birch"


def test_a_placement_that_cannot_be_read_is_no_hindrance_to_others(scene):
    scene.finish()
    scene.write(Placement(IDS[1], "birch", 1, "other", "ada", "apps.test"))
    with scene.replica.view() as view:
        serial = view.serial + 1
    unreadable = Change(serial, "placement", IDS[0], "", b"\xc0", NO_CHAIN)
    scene.replica.apply([unreadable], serial, NO_CHAIN)
    scene.look()
    assert scene.hosts.whole
    assert known(scene, "hello.ada.apps.test") is MISSING
    assert known(scene, "other.ada.apps.test") == b"birch"
    scene.judge()


def test_what_comes_and_goes_makes_it_begin_anew_in_the_end(scene, monkeypatch):
    scene.finish()
    begun = []
    monkeypatch.setattr(census.Census, "_begin", lambda _, count: begun.append(count))
    for number in range(700):
        name = NAMES[number % 3]
        scene.write(Placement(IDS[0], "amber", 1, name, "ada", "apps.test"))
        scene.look()
        if begun:
            break
    assert begun
    assert number > 100


def test_what_is_known_is_not_used_after_a_change_that_could_not_be_followed(
    scene, monkeypatch
):
    scene.finish()
    scene.look()

    def fail(*_):
        raise ValueError("counts are garbled")

    scene.write(Placement(IDS[0], "birch", 2, "hello", "ada", "apps.test"))
    with monkeypatch.context() as patched:
        patched.setattr(census.Census, "follow", fail)
        with pytest.raises(ValueError, match="garbled"):
            scene.look()
    scene.replies.end()
    # The next glance is of the same records, and follows them.
    scene.look()
    scene.judge()
    assert known(scene, "hello.ada.apps.test") == b"birch"
