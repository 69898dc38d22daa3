"""Keys live as RFC 6781 and 7583 say, and no validator sees a bogus answer meanwhile."""

from typing import NamedTuple

import pytest
from msgspec.structs import replace

from domicile.dns.keys import Algorithm, ds_of, key_tag
from domicile.dns.name import name_from_text
from domicile.model import keyroll
from domicile.model.keyroll import Facts, advance, confirmed, first_state, wait_of
from domicile.model.zone_records import KeyRole, KeyState, Zone, ZoneKey

ZONE = Zone("apps.test", {}, longest_ttl=3600, ds_ttl=7200)
APEX = name_from_text(ZONE.name)
P256, ED25519 = Algorithm.ECDSAP256SHA256, Algorithm.ED25519
SLOW = 500.0  # so long a name server takes to learn of a step
TICK = 100.0


def made(number, role=KeyRole.CSK, algorithm=P256, keys=(), now=0.0):
    flags = 256 if role is KeyRole.ZSK else 257
    public = flags.to_bytes(2, "big") + bytes((3, algorithm, number))
    state = first_state(algorithm, keys)
    return ZoneKey(ZONE.name, key_tag(public), role, state, public, b"", now, now)


class Served(NamedTuple):
    """What some name server said of the zone, or the parent of it, for a while."""

    since: float
    until: float
    what: object


class World:
    """Name servers that lag, a parent that does as it is asked, and every cache."""

    def __init__(self):
        self.now = 0.0
        self.keys = []
        self.changed_at = 0.0
        self.parent = frozenset()
        self.parent_lag = 1000.0
        self.zone_history = [Served(0.0, 1e9, ())]
        self.parent_history = [Served(0.0, 1e9, frozenset())]
        self.states = []

    def put(self, keys):
        self.keys = list(keys)
        last = self.zone_history[-1]
        # Until the slowest server has taken it in, what was before is served, too.
        self.zone_history[-1] = last._replace(until=self.now + SLOW)
        self.zone_history.append(Served(self.now, 1e9, tuple(self.keys)))
        self.changed_at = self.now
        self.states.append({each.public[4]: each.state.value for each in self.keys})

    def tick(self):
        self.now += TICK
        wanted = frozenset(keyroll.ds_records(self.keys))
        asked = self.now - self.changed_at >= self.parent_lag
        # It says nothing of a zone that is not to have one yet, unless it leaves.
        says = wanted or keyroll.is_leaving(self.keys)
        if asked and says and wanted != self.parent:
            last = self.parent_history[-1]
            self.parent_history[-1] = last._replace(until=self.now)
            self.parent_history.append(Served(self.now, 1e9, wanted))
            self.parent = wanted
        known = self.now - self.changed_at >= SLOW
        step = advance(ZONE, self.keys, Facts(self.now, known, self.parent))
        if step:
            gone = {each.tag for each in step.removed}
            put = {each.tag: each for each in step.put}
            self.put(put.get(k.tag, k) for k in self.keys if k.tag not in gone)
        self.validate()

    def run(self, until, ticks=2000):
        for _ in range(ticks):
            if until(self.keys):
                return
            self.tick()
        pytest.fail(f"it does not come to its end: {self.states[-1]}")

    def validate(self):
        """Whatever of all this a resolver has in its cache, it can validate."""
        cached = [
            each.what
            for each in self.zone_history
            if each.until >= self.now - ZONE.longest_ttl
        ]
        chains = [
            each.what
            for each in self.parent_history
            if each.until >= self.now - ZONE.ds_ttl
        ]
        for ds in chains:
            for with_keys in cached:
                for with_data in cached:
                    assert is_valid(ds, with_keys, with_data), (
                        self.now, ds, with_keys, with_data,
                    )  # fmt: skip


def is_valid(ds, with_keys, with_data):
    """Judge as the strictest validator: by each algorithm of the DS (RFC 4035 2.2)."""
    algorithms = {each[2] for each in ds}
    there = {each.tag for each in keyroll.published(with_keys)}
    of_keys = keyroll.signers_of_keys(with_keys)
    of_data = keyroll.signers_of_data(with_data)
    trusted = any(ds_of(APEX, each.public) in ds for each in of_keys)
    return not ds or (
        trusted
        and algorithms <= {each.public[3] for each in of_keys}
        and algorithms <= {each.public[3] for each in of_data if each.tag in there}
    )


def is_settled(keys):
    return keys and all(each.state is KeyState.ACTIVE for each in keys)


SETS = {
    "csk": [KeyRole.CSK],
    "ksk and zsk": [KeyRole.KSK, KeyRole.ZSK],
}


def signed_world(roles):
    world = World()
    world.put(made(number, role) for number, role in enumerate(roles, start=1))
    world.run(is_settled)
    return world


@pytest.fixture(params=SETS, ids=list(SETS))
def world(request):
    """A world whose zone is signed."""
    return signed_world(SETS[request.param])


@pytest.fixture
def split_world():
    """One whose zone has a KSK and a ZSK."""
    return signed_world(SETS["ksk and zsk"])


def test_a_first_signing_asks_for_the_ds_once_nobody_has_unsigned_answers():
    world = World()
    world.put([made(1)])
    assert keyroll.signers_of_data(world.keys) == world.keys
    assert keyroll.ds_records(world.keys) == []
    world.run(lambda keys: keys[0].state is KeyState.READY)
    assert world.now >= SLOW + ZONE.longest_ttl
    assert keyroll.ds_records(world.keys) == [ds_of(APEX, world.keys[0].public)]
    world.run(is_settled)
    assert world.now >= SLOW + ZONE.longest_ttl + ZONE.ds_ttl


def test_a_roll_over_of_all_keys_is_valid_at_every_moment(world):
    old = world.keys
    new = [made(n, k.role, keys=old, now=world.now) for n, k in enumerate(old, 8)]
    world.put([*old, *new])
    world.run(lambda keys: is_settled(keys) and len(keys) == len(old))
    assert {each.tag for each in world.keys} == {each.tag for each in new}
    assert world.parent == frozenset(keyroll.ds_records(world.keys))


def test_a_roll_over_of_the_algorithm_is_valid_at_every_moment(world):
    old = world.keys
    new = [made(n, each.role, ED25519, old, world.now) for n, each in enumerate(old, 8)]
    assert {each.state for each in new} == {KeyState.INTRODUCED}
    world.put([*old, *new])
    world.run(lambda keys: is_settled(keys) and len(keys) == len(old))
    assert {each.public[3] for each in world.keys} == {ED25519}
    assert any("withdrawn" in each.values() for each in world.states)


def test_a_zsk_rolls_without_the_parent(split_world):
    world = split_world
    before = world.parent
    world.put([*world.keys, made(9, KeyRole.ZSK, keys=world.keys, now=world.now)])
    world.run(lambda keys: is_settled(keys) and len(keys) == 2)
    assert {each.public[4] for each in world.keys} == {1, 9}
    assert world.parent == before


def test_a_ksk_rolls_and_the_zsk_stays(split_world):
    world = split_world
    world.put([*world.keys, made(9, KeyRole.KSK, keys=world.keys, now=world.now)])
    world.run(lambda keys: is_settled(keys) and len(keys) == 2)
    assert {each.public[4] for each in world.keys} == {2, 9}


def test_a_zone_goes_insecure_once_no_resolver_has_its_ds(world):
    world.put(keyroll.leave(world.keys))
    assert keyroll.ds_records(world.keys) == []
    assert keyroll.signers_of_data(world.keys)
    world.run(lambda keys: not keys)
    assert world.parent == frozenset()


@pytest.mark.parametrize("ticks", [1, 20, 45, 60, 90, 130])
def test_a_zone_that_rolls_can_go_insecure_and_can_stay(world, ticks):
    """At whatever step it is."""
    new = [
        made(n, k.role, ED25519, world.keys, world.now)
        for n, k in enumerate(world.keys, 8)
    ]
    world.put([*world.keys, *new])
    for _ in range(ticks):
        world.tick()
    world.put(keyroll.leave(world.keys))
    for _ in range(5):
        world.tick()
    world.put(keyroll.stay(world.keys, world.now))
    world.run(is_settled)
    world.put(keyroll.leave(world.keys))
    world.run(lambda keys: not keys)


def test_nothing_goes_on_while_a_name_server_does_not_know():
    keys = [made(1)]
    for now in (0.0, 1e6):
        assert advance(ZONE, keys, Facts(now, known=False)) is None
    step = advance(ZONE, keys, Facts(1e6, known=True))
    assert [each.known_at for each in step.put] == [1e6], "from here its TTL is waited"


def test_the_parent_is_waited_for_until_it_has_our_ds_and_no_other():
    key = replace(made(1), state=KeyState.READY, known_at=1.0)
    other = made(2)
    ours, theirs = (ds_of(APEX, each.public) for each in (key, other))
    sha384 = ours[:3] + b"\x04" + bytes(48)
    for parent in (None, frozenset(), frozenset({theirs}), frozenset({ours, theirs})):
        assert advance(ZONE, [key], Facts(5.0, known=True, parent=parent)) is None
    for parent in (frozenset({ours}), frozenset({ours, sha384})):
        step = advance(ZONE, [key], Facts(5.0, known=True, parent=parent))
        assert [each.parent_at for each in step.put] == [5.0]


def test_an_operator_may_say_that_the_parent_has_done_its_part():
    key = replace(made(1), state=KeyState.READY, known_at=1.0)
    (said,) = confirmed([key, made(2)], 7.0)
    assert said == replace(key, parent_at=7.0)
    assert confirmed([said], 9.0) == []


def test_what_is_waited_for_is_said():
    key = made(1)
    assert wait_of(ZONE, key).what == "every name server to know it"
    assert wait_of(ZONE, replace(key, known_at=10.0)).until == 3615.0
    ready = replace(key, state=KeyState.READY, known_at=10.0)
    assert wait_of(ZONE, ready) == ("the parent zone to have its DS", 0.0)
    assert wait_of(ZONE, replace(ready, parent_at=20.0)).until == 7225.0
    active = replace(key, state=KeyState.ACTIVE)
    assert wait_of(ZONE, active) is None
    assert "no DS" in wait_of(ZONE, replace(active, leaving=True)).what
