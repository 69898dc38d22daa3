"""Editions are what is answered, whatever happens to the records."""

import asyncio
import random

import pytest
from primary import BEGIN, FILE, app_id, apps, placement

from domicile.dns.name import labels_of, name_from_text
from domicile.dns.rdata import Rdtype
from domicile.dns.transfer import split_records, write_records
from domicile.dns.zonefile import read_zone
from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import Cluster, Owner, encode
from domicile.model.zone_records import (
    Challenge,
    ChallengeMode,
    KeyRole,
    KeyState,
    Zone,
    ZoneKey,
)
from domicile.nameserver.alone import NoRecords
from domicile.nameserver.answers import answer
from domicile.nameserver.live import Moment
from domicile.nameserver.transfers import keeping
from domicile.nameserver.transfers.journal import Journal, read
from domicile.nameserver.transfers.keeping import Keeper
from domicile.replica.replica import Replica

APEX = name_from_text("apps.test")
TYPES = (
    Rdtype.A, Rdtype.AAAA, Rdtype.NS, Rdtype.MX, Rdtype.TXT, Rdtype.CNAME, Rdtype.HTTPS,
)  # fmt: skip


class World:
    """A replica that changes, the journal, and its keeper."""

    def __init__(self, folder, file):
        self.folder = folder
        self.files = {file.apex: file} if file else {}
        self.replica = Replica.open(folder / "replica", writable=True)
        self.journal = Journal(folder / "zone.db")
        self.serial = 0
        self.told = []
        self.keep(file)

    def keep(self, file):
        self.keeper = Keeper(APEX, file, self.replica, self.journal, self.told.append)

    def write(self, *records, gone=()):
        changes = [
            Change(self.serial + n, each.kind, each.key, each.scope, value, NO_CHAIN)
            for n, (each, value) in enumerate(
                [(each, encode(each)) for each in records]
                + [(each, None) for each in gone],
                1,
            )
        ]
        self.serial += len(changes)
        self.replica.apply(changes, self.serial, NO_CHAIN)
        self.replica.freshness.stamp()

    async def step(self):
        self.replica.freshness.stamp()
        return await self.keeper.step()

    def given(self):
        with read(self.folder / "zone.db") as reading:
            pieces = list(reading.nodes())
        return sorted(one for each in pieces for one in split_records(each.octets))

    def answered(self, names):
        """Ask for every name that there could be."""
        found = set()
        with self.replica.view() as view:
            for name in names:
                for rdtype in TYPES:
                    wire = name_from_text(name)
                    reply = answer(view, self.files, Moment(0.0), wire, rdtype)
                    for rrset in reply.answer:
                        found.update(split_records(write_records(APEX, [rrset]).octets))
        return sorted(found)

    def close(self):
        self.journal.close()
        self.replica.close()


@pytest.fixture(params=["records", "file and records"])
def world(request, tmp_path):
    file = read_zone("apps.test", FILE) if "file" in request.param else None
    found = World(tmp_path, file)
    yield found
    found.close()


NAMES = ["apps.test", "ns1.apps.test", "ns2.apps.test", "mail.apps.test"]
NAMES += ["text.apps.test", "*.wild.apps.test"]
OWNERS = ("ada", "bob")
LABELS = [f"app{number}" for number in range(12)] + ["mail", "text"]


def names(numbers):
    found = list(NAMES)
    for owner in OWNERS:
        for label in LABELS:
            found += [f"{label}.{owner}.apps.test", f"{label}--{owner}.apps.test"]
    found += [f"{owner}.apps.test" for owner in OWNERS]
    found += [f"{app_id(number)}.apps.test" for number in numbers]
    return found + [f"_acme-challenge.{name}" for name in found if "*" not in name]


async def test_the_first_edition_is_all_that_is_answered(world):
    world.write(*BEGIN, *apps(range(12)))
    edition = await world.step()
    assert edition.serial == world.serial
    assert world.given() == world.answered(names(range(12)))
    assert len(world.given()) > 12 * 3
    assert await world.step() is None


async def test_a_change_of_nothing_that_is_given_is_no_edition(world):
    world.write(*BEGIN, *apps(range(3)))
    first = await world.step()
    world.write(Owner("carol", "apps.test", "free"), Zone("other.test", {}))
    assert await world.step() is None
    assert world.journal.edition() == first
    world.write(placement(1, "birch", 2))
    assert (await world.step()).serial == world.serial


async def test_while_it_is_behind_nothing_is_given_anew(world, monkeypatch):
    world.write(*BEGIN, *apps(range(3)))
    await world.step()
    world.write(placement(1, "birch", 2))
    monkeypatch.setattr(type(world.replica.freshness), "behind", lambda _: True)
    assert await world.step() is None


async def test_a_zone_that_is_signed_is_withheld_until_it_is_no_more(world):
    world.write(*BEGIN, *apps(range(3)))
    first = await world.step()
    key = ZoneKey("apps.test", 7, KeyRole.CSK, KeyState.INTRODUCED, b"", b"", 1.0, 1.0)
    world.write(key, placement(1, "birch", 2))
    assert await world.step() is None
    with read(world.folder / "zone.db") as reading:
        assert reading.is_withheld
    assert world.told == [None]
    world.write(gone=[key])
    edition = await world.step()
    assert world.told == [None, first]
    assert edition.serial == world.serial
    with read(world.folder / "zone.db") as reading:
        assert not reading.is_withheld


async def test_a_scheduled_move_lowers_no_ttl(world):
    world.write(*BEGIN, placement(1, moves_at=10.0**10))
    await world.step()
    ttls = {each[-8:-4] for each in world.given() if each.startswith(b"\x04app1")}
    world.write(placement(1))
    assert await world.step() is None
    assert ttls


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_happens_an_edition_is_what_is_answered(
    world, seed, monkeypatch
):
    """Apps come, go, move and take each other's names; clusters, zone and copy change."""
    monkeypatch.setattr(keeping, "SLICE", 4)
    monkeypatch.setattr(keeping, "MOST_AT_ONCE", 5)
    chance = random.Random(seed)
    world.write(*BEGIN, Owner("bob", "apps.test", "free"))
    there = {}
    for _ in range(25):
        for _ in range(chance.randrange(1, 9)):
            _befall(world, chance, there)
        edition = await world.step()
        assert world.given() == world.answered(names(range(16)))
        if edition is not None:
            assert edition.serial == world.serial
        if chance.random() < 0.1:
            # As after a start.
            world.keep(world.files.get(APEX))


@pytest.mark.parametrize("seed", range(4))
async def test_what_changes_while_all_is_written_is_in_it_as_of_one_serial(
    world, seed, monkeypatch
):
    monkeypatch.setattr(keeping, "SLICE", 2)
    monkeypatch.setattr(keeping, "MOST_AT_ONCE", 3)
    chance = random.Random(seed)
    world.write(*BEGIN, Owner("bob", "apps.test", "free"), *apps(range(12)))
    there = {number: ("ada", f"app{number}", "amber") for number in range(12)}
    as_of = {}

    async def change():
        while True:
            for _ in range(chance.randrange(4)):
                _befall(world, chance, there, ["place", "place", "delete", "challenge"])
            as_of[world.serial] = world.answered(names(range(16)))
            await asyncio.sleep(0)

    changing = asyncio.create_task(change())
    edition = await world.step()
    changing.cancel()
    assert len(as_of) > 5
    assert edition.serial > 16
    assert world.given() == as_of[edition.serial]


EVENTS = ["place", "place", "place", "delete", "cluster", "zone", "anew"]
EVENTS += ["challenge", "challenge"]


def _befall(world, chance, there, events=EVENTS):
    number = chance.randrange(16)
    owner = chance.choice(OWNERS)
    taken = {each[:2] for each in there.values()}
    name = chance.choice([None, *LABELS])
    match chance.choice(events):
        case "place":
            if name and (owner, name) in taken:
                # The one that had the name loses it first.
                (loser,) = [
                    n for n, (o, a, _) in there.items() if (o, a) == (owner, name)
                ]
                cluster = there[loser][2]
                there[loser] = (owner, None, cluster)
                world.write(_placed(loser, *there[loser]))
            there[number] = (owner, name, chance.choice(["amber", "birch", "none"]))
            world.write(_placed(number, *there[number]))
        case "delete" if number in there:
            world.write(gone=[_placed(number, *there.pop(number))])
        case "cluster" if chance.random() < 0.3:
            address = f"127.0.0.{chance.randrange(1, 250)}"
            alpn = chance.choice([(), ("h2",)])
            name = chance.choice(["amber", "birch"])
            world.write(Cluster(name, (address,), (), alpn=alpn))
        case "zone" if chance.random() < 0.3:
            servers = {"ns1.apps.test": ("127.0.0.1",), "ns2.apps.test": ("127.0.0.2",)}
            some = dict(list(servers.items())[: chance.randrange(1, 3)])
            how = chance.choice([ChallengeMode.DIRECT, ChallengeMode.DELEGATE])
            ttl = chance.choice([60, 30])
            more = {"challenges": how, "validation": "check.example"}
            world.write(Zone("apps.test", some, ttl=ttl, **more))
        case "challenge":
            name = chance.choice([each for each in names([number]) if each[0] == "_"])
            challenge = Challenge(name, {chance.choice("xyz"): 10.0**10})
            if chance.random() < 0.3:
                world.write(gone=[challenge])
            else:
                world.write(challenge)
        case "anew" if chance.random() < 0.2:
            _resync(world)


def _placed(number, owner, name, cluster):
    found = placement(number, cluster)
    return type(found)(
        found.app, cluster, 1, name or "", owner if name else "", "apps.test"
    )


def _resync(world):
    """Put another copy of the same records in the place of this one."""
    with world.replica.view() as view:
        records = [
            each
            for kind in (Zone, Owner, Cluster, type(placement(1)), Challenge)
            for each in view.all(kind)
        ]
    changes = [
        Change(world.serial, each.kind, each.key, each.scope, encode(each), NO_CHAIN)
        for each in records
    ]
    world.replica.replace(changes, world.serial, NO_CHAIN)
    world.replica.freshness.stamp()


async def test_a_zone_of_a_file_alone_goes_by_the_serial_of_the_file(tmp_path):
    journal = Journal(tmp_path / "zone.db")

    async def keep(text):
        file = read_zone("apps.test", text)
        return await Keeper(APEX, file, NoRecords(), journal, print).step()

    assert (await keep(FILE)).serial == 1
    assert await keep(FILE) is None
    raised = FILE.replace("host 1 ", "host 7 ").replace("192.0.2.25", "192.0.2.26")
    assert (await keep(raised)).serial == 7
    # Whoever forgets to raise it is told, and secondaries notice all the same.
    assert (await keep(raised.replace("192.0.2.26", "192.0.2.27"))).serial == 8
    assert (await keep(raised.replace("host 7 ", "host 9 "))).serial == 9
    journal.close()


def test_ids_are_such():
    assert len(labels_of(name_from_text(f"{app_id(5)}.apps.test"))[0]) == 26
