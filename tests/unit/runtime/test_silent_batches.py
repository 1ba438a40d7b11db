"""What says nothing is written with the next batch that says something, and nothing is lost by that."""

import pytest

from runtime.host.held import Options
from runtime.host.owner import Owner
from tests.unit.runtime.worlds import (
    ACME,
    REMIND_MS,
    SILENT,
    World,
    a_call,
    digits,
    quiet,
    settled,
    state_of,
)

WRITE_S = Options(version="1").write_s


async def _an_owner_at_rest(world: World) -> Owner:
    owner = world.owner()
    await settled(owner)
    return owner


def _is_stored(world: World) -> bool:
    return "seen/c" in world.store.stored[0].records.get(ACME, {})


def _position(world: World) -> int:
    position = world.store.stored[0].position
    assert position is not None
    return position.offset


async def test_what_says_nothing_waits_for_the_next_batch_that_does() -> None:
    """One write instead of two; at twenty calls a second, half of all batches say nothing."""
    world = World()
    owner = await _an_owner_at_rest(world)
    writes = world.store.writes
    world.hear(digits(SILENT))
    await quiet(owner)
    assert (world.store.writes, _is_stored(world)) == (writes, False)
    world.hear(a_call("c1"))
    await owner.turn()
    assert (world.store.writes, _is_stored(world)) == (writes + 1, True)


async def test_what_was_not_written_is_heard_again_by_the_next_owner() -> None:
    """A process that is killed with unwritten facts loses none of them, and none counts twice."""
    world = World()
    owner = await _an_owner_at_rest(world)
    world.hear(digits(SILENT))
    await quiet(owner)
    before = await state_of(owner)
    successor = await _an_owner_at_rest(world)
    assert await state_of(successor) == before
    assert "seen/c" in before


async def test_a_timer_that_is_not_written_rings_all_the_same() -> None:
    """The host rings what it has in memory: a customer's deadline waits for no write."""
    world = World()
    owner = await _an_owner_at_rest(world)
    world.hear(digits(SILENT))
    await quiet(owner)
    assert not _is_stored(world)
    world.clock.advance(REMIND_MS / 1000)
    await quiet(owner)
    assert [fact.reason for _, _, fact in world.said()] == ["timer"]  # type: ignore[attr-defined]


async def test_an_organization_that_breaks_keeps_what_was_not_written() -> None:
    """It is restored as of its previous fact, not as of its last write."""
    world = World()
    owner = await _an_owner_at_rest(world)
    world.hear(digits(SILENT))
    await quiet(owner)
    world.hear(digits("boom"))
    await quiet(owner)
    assert len(world.alarms("log.organization_parked")) == 1
    assert _is_stored(world)


@pytest.mark.parametrize("after", ["a while", "as many records as one read has", "leaving", "a snapshot"])
async def test_what_says_nothing_is_written_in_the_end(after: str) -> None:
    """So that a takeover has little to hear again, however long nobody says anything."""
    world = World()
    owner = await _an_owner_at_rest(world)
    heard = world.hear(digits("5")) + 1
    await quiet(owner)
    match after:
        case "a while":
            world.clock.advance(WRITE_S - 1)
            await quiet(owner)
            assert _position(world) < heard
            world.clock.advance(1)
            await quiet(owner)
        case "as many records as one read has":
            for _ in range(2):
                world.hear(digits("5"))
                await quiet(owner)
        case "leaving":
            await owner.leave()
        case _:
            await owner.snapshot()
            await owner.settle()
    assert _position(world) >= heard


async def test_many_restarts_say_an_outbox_once_more_and_not_each_time() -> None:
    """What a dead owner may have left unsaid is said by the next one, whose first write removes it."""
    world = World()
    world.hear(a_call("c1"))
    owner = world.owner()
    await owner.claim()
    while not world.said():
        await owner.turn()
    first = len(world.log.facts[0])
    for _ in range(3):
        owner = world.owner()
        await owner.claim()
        await owner.turn()
    repeats = [each for each in world.log.facts[0][first:] if dict(each.headers)["ce_source"] == b"toy"]
    marks = [each for each in repeats if dict(each.headers)["ce_type"] == b"log.partition_claimed"]
    assert len(repeats) - len(marks) == 2, "two facts, by the first of three owners"
