"""Nothing is lost or done twice, wherever the owner of a partition dies."""

import pytest

from runtime.ports import LogUnavailable, Refused, StoreUnavailable
from tests.unit.runtime.worlds import (
    ACME,
    BETA,
    REMIND_MS,
    Crashed,
    Faults,
    World,
    a_call,
    digits,
    quiet,
    settled,
    state_of,
    toy,
)

CALLS = 5


def _a_world() -> World:
    world = World()
    for number in range(CALLS):
        world.hear(a_call(f"c{number}"), organization_id=ACME if number % 2 else BETA)
    return world


async def _undisturbed() -> tuple[World, dict[str, bytes]]:
    world = _a_world()
    owner = world.owner()
    await settled(owner)
    world.clock.advance(REMIND_MS / 1000)
    await quiet(owner)
    return world, await state_of(owner)


async def _calls_in_a_run() -> int:
    world, faults = _a_world(), Faults()
    owner = world.owner(faults=faults)
    await settled(owner)
    world.clock.advance(REMIND_MS / 1000)
    await quiet(owner)
    return faults.calls


async def _with_fault(faults: Faults, *, lose: str = "") -> tuple[World, dict[str, bytes]]:
    world = _a_world()
    owner = world.owner(faults=faults)
    copy = world.store.copy()
    try:
        await settled(owner)
        copy = world.store.copy() if lose == "some" else copy
        world.clock.advance(REMIND_MS / 1000)
        await quiet(owner)
    except Crashed:
        pass
    except (LogUnavailable, StoreUnavailable, Refused):
        owner.drop()
    if lose == "all":
        world.store.stored = {}
    elif lose:
        world.store.stored = copy
    successor = world.owner()
    await settled(successor)
    world.clock.advance(REMIND_MS / 1000)
    await quiet(successor)
    world.clock.advance(100)
    await quiet(successor)
    return world, await state_of(successor)


async def test_an_owner_says_what_follows_from_each_call_once() -> None:
    """The ordinary case: facts and commands of every call, numbered without a hole, for every reader."""
    world, _ = await _undisturbed()
    assert len(world.said()) == 2 * CALLS + CALLS
    assert len(world.commands()) == CALLS
    assert len(world.alarms("log.partition_claimed")) == 1


@pytest.mark.rule("Q12")
@pytest.mark.parametrize("lose", ["", "some", "all"])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_crash_at_any_port_call_loses_and_doubles_nothing(moment: str, lose: str) -> None:
    """The log has every customer's facts once, wherever kill -9 comes, whatever Redis lost (Q12)."""
    whole, state = await _undisturbed()
    for number in range(1, await _calls_in_a_run() + 1):
        faults = Faults()
        setattr(faults, moment, number)
        world, found = await _with_fault(faults, lose=lose)
        context = f"{moment} port call {number}, the store lost {lose or 'nothing'}"
        assert _by_call(world) == _by_call(whole), context
        assert _commands(world) == _commands(whole), context
        assert found.keys() == state.keys(), context


def _by_call(world: World) -> list[tuple[str, str, int, bool]]:
    """The facts, without the ids of timers' records, which depend on the owner."""
    return sorted(
        (organization_id, fact.notice_id, fact.version, fact.reason == "timer")  # type: ignore[attr-defined]
        for organization_id, _, fact in world.said()
    )


def _commands(world: World) -> list[tuple[str, str]]:
    return sorted((organization_id, command.leg_id) for organization_id, _, command in world.commands())  # type: ignore[attr-defined]


@pytest.mark.parametrize("error", [LogUnavailable, StoreUnavailable])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_an_unclear_answer_at_any_port_call_loses_and_doubles_nothing(
    moment: str, error: type[Exception]
) -> None:
    """After a lost reply the outcome is unclear: a new claim finds out."""
    whole, _ = await _undisturbed()
    for number in range(1, await _calls_in_a_run() + 1):
        faults = Faults()
        setattr(faults, moment, number)
        faults.error = error
        world, _ = await _with_fault(faults)
        assert _by_call(world) == _by_call(whole), f"{moment} port call {number}"
        assert _commands(world) == _commands(whole), f"{moment} port call {number}"


async def test_a_zombie_is_refused_and_says_nothing_new() -> None:
    """A frozen owner that wakes up after its successor claimed must not speak for customers any more."""
    world = _a_world()
    zombie, successor = world.owner(), world.owner()
    await zombie.claim()
    await successor.claim()
    await quiet(successor)
    before = len(world.log.facts[0])
    with pytest.raises(Refused):
        await quiet(zombie)
    assert len(world.log.facts[0]) == before


async def test_a_zombie_is_refused_before_its_successor_has_written_anything() -> None:
    """The version is still the zombie's: only the epoch differs."""
    world = World()
    zombie = world.owner()
    await settled(zombie)
    await world.owner().claim()
    world.hear(a_call("c1"))
    with pytest.raises(Refused):
        await quiet(zombie)
    assert world.said() == []


async def test_a_rollback_under_a_living_owner_is_refused() -> None:
    """Redis fails over and loses its last second: the version differs, though the epoch does not."""
    world = _a_world()
    owner = world.owner()
    await settled(owner)
    copy = world.store.copy()
    world.hear(a_call("later"))
    await quiet(owner)
    world.store.stored = copy
    world.hear(a_call("latest"))
    with pytest.raises(Refused):
        await quiet(owner)


async def test_after_a_rollback_changed_code_repeats_what_the_log_says() -> None:
    """A deploy and a lost second of Redis: the old code's facts and promises stand."""
    world = World()
    owner = world.owner()
    await settled(owner)
    copy = world.store.copy()
    world.hear(a_call("c1"))
    await quiet(owner)
    said, commands = world.said(), world.commands()
    world.store.stored = copy
    changed = world.owner(toy(reason="changed"), version="2")
    await settled(changed)
    assert world.said() == said
    assert world.commands() == commands
    world.hear(a_call("c2"))
    await quiet(changed)
    assert [seq for _, seq, _ in world.said()] == [1, 2, 3, 4]
    assert [seq for _, seq, _ in world.commands()] == [1, 2]


async def test_after_a_rollback_no_number_is_given_twice_to_commands_that_no_fact_names() -> None:
    """A step may be commands alone; the next fact on the log, whatever its step, tells how far they are."""
    world = World()
    owner = world.owner()
    await settled(owner)
    copy = world.store.copy()
    world.hear(digits("0"))
    world.hear(digits("1"))
    await quiet(owner)
    world.store.stored = copy
    successor = world.owner()
    await settled(successor)
    world.hear(digits("0"))
    await quiet(successor)
    assert [seq for _, seq, _ in world.commands()] == [1, 2]


async def test_an_outbox_stops_at_a_failed_send_and_goes_again_as_a_whole() -> None:
    """Nothing is ever sent past a failure: a reader may rely on the order of what it hears."""
    world, faults = World(), Faults()
    owner = world.owner(faults=faults)
    await settled(owner)
    world.hear(a_call("c1"))
    # read, load, write, send, append: the fifth call appends the facts.
    faults.before, faults.error = faults.calls + 5, LogUnavailable
    await quiet(owner)
    assert len(world.log.topics["telephony"]) == 2
    assert [seq for _, seq, _ in world.said()] == [1, 2]


async def test_commands_go_before_facts() -> None:
    """A fact on the log means that the commands of its step are there: a claim need not ask."""
    world, faults = World(), Faults()
    owner = world.owner(faults=faults)
    await settled(owner)
    world.hear(a_call("c1"))
    faults.before, faults.error = faults.calls + 4, Crashed
    with pytest.raises(Crashed):
        await quiet(owner)
    assert world.said() == []
