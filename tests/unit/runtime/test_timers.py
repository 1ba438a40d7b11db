"""Timers are in the state, ring through the log, and are repeated until the state drops them."""

import msgspec
import pytest

from contracts.log import TimerDue
from runtime.ports import LogUnavailable
from tests.unit.runtime.worlds import (
    ACME,
    BETA,
    REMIND_MS,
    Faults,
    WaitingLog,
    World,
    a_call,
    digits,
    quiet,
    settled,
    toy,
)

LINGER_MS = 100


def _reminders(world: World) -> int:
    return sum(1 for _, _, fact in world.said() if getattr(fact, "reason", "") == "timer")


async def test_a_timer_rings_when_it_is_due_and_once() -> None:
    """No process holds business timers: the state sets them, the log rings them."""
    world = World()
    world.hear(a_call("c1"))
    owner = world.owner()
    await settled(owner)
    world.clock.advance(REMIND_MS / 1000 - 1)
    await quiet(owner)
    assert _reminders(world) == 0
    world.clock.advance(1)
    await quiet(owner)
    world.clock.advance(600)
    await quiet(owner)
    assert _reminders(world) == 1
    assert len(world.alarms("log.timer_due")) == 1


async def test_an_idle_organization_wakes_in_a_new_owner() -> None:
    """The organization is idle and not in memory, but the store's index has it."""
    world = World()
    world.hear(a_call("c1"))
    await settled(world.owner())
    world.clock.advance(REMIND_MS / 1000)
    successor = world.owner()
    await settled(successor)
    assert _reminders(world) == 1


@pytest.mark.rule("Q5", "Q12")
@pytest.mark.parametrize("before_ms", [1, LINGER_MS // 2])
async def test_m26_a_timer_that_falls_due_while_records_gather_rings_after_that(before_ms: int) -> None:
    """Something about another organization came just before it, and then nobody says anything for long."""
    world = World()
    world.log = WaitingLog(world.clock)
    owner = world.owner(msgspec.structs.replace(toy(), linger_ms=LINGER_MS))
    world.hear(a_call("c1"))
    due_at = world.clock.now() + REMIND_MS
    await owner.claim()
    while await owner.turn():
        pass
    world.clock.advance((due_at - before_ms - world.clock.now()) / 1000)
    world.hear(digits("5"), organization_id=BETA)
    while not _reminders(world):
        await owner.turn()
    (rung_at,) = [each.at for each in world.log.facts[0] if dict(each.headers)["ce_type"] == b"log.timer_due"]
    assert rung_at - due_at == LINGER_MS - before_ms


async def test_a_host_whose_clock_is_ahead_asks_again_until_it_is_time() -> None:
    """One node 90 s ahead makes no early apologies: the record's own time decides (EC-107)."""
    world = World()
    world.hear(a_call("c1"))
    owner = world.owner()
    await settled(owner)
    world.clock.skew_ms = 90_000
    await quiet(owner)
    assert _reminders(world) == 0
    for _ in range(15):
        world.clock.advance(1)
        await quiet(owner)
    assert _reminders(world) == 1
    # At once, then after 1, 2, 4 and 8 s: the fifth one is on time.
    assert len(world.alarms("log.timer_due")) == 5


async def test_timers_of_others_are_not_ours() -> None:
    """Every service's timers are on the same topic."""
    world = World()
    owner = world.owner()
    world.hear(a_call("c1"))
    await settled(owner)
    assert owner.held is not None
    timer = next(iter((await owner.held.organization(ACME)).state.timers))
    world.clock.advance(REMIND_MS / 1000)
    due = TimerDue(
        service="queue", timer_id=timer.timer_id, due_at=timer.due_at, kind=timer.kind, subject=timer.subject
    )
    world.hear(due, source="queue")
    await owner.turn()
    assert owner.held is not None
    assert len((await owner.held.organization(ACME)).state.timers) == 1


async def test_a_timer_that_could_not_be_appended_is_asked_for_again() -> None:
    """A broker that is away for a second delays a deadline, and never drops it."""
    world, faults = World(), Faults()
    owner = world.owner(faults=faults)
    world.hear(a_call("c1"))
    await settled(owner)
    world.clock.advance(REMIND_MS / 1000)
    faults.error, faults.before = LogUnavailable, faults.calls + 2
    await quiet(owner)
    world.clock.advance(2)
    await quiet(owner)
    assert _reminders(world) == 1


async def test_a_broker_that_is_away_delays_a_timer_by_a_second_however_often_it_came_too_early() -> None:
    """A clock that is ahead has asked four times by then; the pause after the fifth request is long."""
    world, faults = World(), Faults()
    owner = world.owner(faults=faults)
    world.hear(a_call("c1"))
    await settled(owner)
    world.clock.skew_ms = 90_000
    for _ in range(REMIND_MS // 1000):
        await quiet(owner)
        world.clock.advance(1)
    world.clock.advance(0.01)
    early = len(world.alarms("log.timer_due"))
    faults.error, faults.before = LogUnavailable, faults.calls + 2
    await quiet(owner)
    assert faults.calls >= faults.before
    assert len(world.alarms("log.timer_due")) == early == 4
    world.clock.advance(1)
    await quiet(owner)
    assert _reminders(world) == 1


async def test_a_broker_that_stays_away_is_asked_once_a_second() -> None:
    """Not at every turn, of which a busy partition has fifty a second."""
    world, faults = World(), Faults()
    owner = world.owner(faults=faults)
    world.hear(a_call("c1"))
    await settled(owner)
    world.clock.advance(REMIND_MS / 1000)
    faults.error, faults.before = LogUnavailable, faults.calls + 2
    await quiet(owner)
    world.clock.advance(0.9)
    await quiet(owner)
    assert not world.alarms("log.timer_due")
    world.clock.advance(0.1)
    await quiet(owner)
    assert len(world.alarms("log.timer_due")) == 1


async def test_setting_a_timer_anew_moves_it() -> None:
    """The old instant, still on its way, finds nothing that waits for it."""
    world = World()
    owner = world.owner()
    world.hear(a_call("c1"))
    await settled(owner)
    world.clock.advance(5)
    world.hear(a_call("c1"))
    await quiet(owner)
    world.clock.advance(5)
    await quiet(owner)
    assert _reminders(world) == 0
    world.clock.advance(5)
    await quiet(owner)
    assert _reminders(world) == 1
