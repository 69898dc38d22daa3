"""A copy that has grown is packed, and is the same: with all that came meanwhile."""

import asyncio
import random

import pytest

from domicile.model.records import Owner, Placement
from domicile.replica.packing import Packer, pack

CHAIN, NEXT = b"c" * 16, b"d" * 16
FIRST = 3000


def placement(number):
    return Placement(f"{number:026}", "amber", 1, f"app{number}", "ada", "apps.test")


def contents(replica):
    with replica.view() as view:
        stored = [
            (name, pair)
            for name, pairs in view.everything()
            for pair in pairs
            if pair[0] != b"packed"
        ]
        return view.serial, view.chain, stored


def pages(replica):
    return replica.newest()._pages()


@pytest.fixture
def grown(replica, change_of, monkeypatch):
    """A replica that was packed, and grew by as much."""
    monkeypatch.setattr("domicile.replica.copy._LOOSE_PAGES", 10)
    numbers = list(range(2 * FIRST))
    random.Random(1).shuffle(numbers)
    changes = [
        change_of(serial, placement(number)) for serial, number in enumerate(numbers, 1)
    ]
    replica.apply(changes[:FIRST], FIRST, CHAIN)
    assert not replica.loose()
    replica.apply(changes[FIRST:], 2 * FIRST, CHAIN)
    replica.freshness.stamp()
    return replica


async def test_what_is_packed_is_the_same_and_smaller(grown):
    before, size, name = contents(grown), pages(grown), grown.current_name()
    assert grown.loose()
    await pack(grown)
    assert contents(grown) == before
    assert grown.current_name() != name
    assert pages(grown) < 0.8 * size
    assert not grown.loose()


async def test_what_comes_meanwhile_is_in_it(grown, change_of):
    with grown.view() as view:
        packed = grown.begin_packing()
        packed.fill(view)
    late = [
        change_of(2 * FIRST + 1, Owner("late", "apps.test", "free")),
        change_of(2 * FIRST + 2, placement(7), deleted=True),
    ]
    grown.apply(late[:1], 2 * FIRST + 1, CHAIN)
    grown.apply(late[1:], 2 * FIRST + 2, NEXT)
    before, name = contents(grown), grown.current_name()
    grown.end_packing(packed)
    assert grown.current_name() != name
    assert contents(grown) == before
    with grown.view() as view:
        assert view.owner("late") is not None
        assert view.placed("app7.ada.apps.test") is None
        assert view.count(Placement) == 2 * FIRST - 1


@pytest.mark.parametrize(
    "meanwhile", ["a snapshot", "one that came", "damage", "aside"]
)
async def test_where_something_else_befell_the_copy_it_leads_to_nothing(
    grown, change_of, folder, meanwhile
):
    with grown.view() as view:
        packed = grown.begin_packing()
        packed.fill(view)
        if meanwhile == "damage":
            view.distrust("it is not what it should be")
    if meanwhile == "a snapshot":
        grown.start_over().abandon()
    if meanwhile == "one that came":
        grown.replace([change_of(9, Owner("only", "apps.test", "free"))], 9, NEXT)
    if meanwhile == "aside":
        grown.set_aside(folder)
    before = grown.current_name()
    grown.end_packing(packed)
    assert grown.current_name() == before
    left = {each.name for each in folder.glob("copy-*")}
    assert left == ({before} if before else set())


async def test_it_is_looked_at_now_and_then_and_packed_where_it_is_worth_it(grown):
    now = [0.0]
    packer = Packer(grown, lambda: now[0])
    name = grown.current_name()
    packer.look()
    assert packer._task is None
    now[0] = 61.0
    packer.look()
    first = packer._task
    await first
    assert grown.current_name() != name
    now[0] = 200.0
    packer.look()
    assert packer._task is first
    await packer.end()


@pytest.mark.parametrize("has_begun", [False, True])
async def test_whoever_ends_does_not_wait_for_all_of_it(grown, has_begun):
    now = [0.0]
    packer = Packer(grown, lambda: now[0])
    now[0] = 61.0
    name = grown.current_name()
    packer.look()
    if has_begun:
        await asyncio.sleep(0)
        assert grown._packed is not None
    await packer.end()
    assert grown.current_name() == name


async def test_where_it_cannot_be_packed_that_is_said_and_tried_again_later(
    grown, folder, caplog
):
    now = [0.0]
    packer = Packer(grown, lambda: now[0])
    now[0] = 61.0
    grown.loose()
    (folder / "current").unlink()
    packer.look()
    if packer._task is not None:
        await packer._task
    assert "cannot be packed" in caplog.text
    assert grown._packed is None
