"""A broken organization stands still while the others go on; later it reads on as if nothing had happened."""

import pytest

from contracts.codec import Envelope, encode, headers
from contracts.ids import NoticeId
from contracts.log import OrganizationParked
from contracts.message import type_name
from contracts.tts import NoticeFailed
from runtime.ports import Outgoing
from tests.unit.runtime.worlds import (
    ACME,
    BETA,
    REMIND_MS,
    World,
    a_call,
    digits,
    now,
    quiet,
    settled,
    state_of,
    toy,
)


def _about(world: World, organization_id: str) -> list[str]:
    return [
        fact.notice_id
        for found, _, fact in world.said()
        if found == organization_id and isinstance(fact, NoticeFailed) and fact.notice_id != "second"
    ]


def _a_broken_world() -> World:
    world = World()
    world.hear(a_call("a1"))
    world.hear(digits("boom"))
    world.hear(a_call("a2"))
    world.hear(a_call("b1"), organization_id=BETA)
    return world


@pytest.mark.rule("O1")
async def test_what_breaks_one_organization_stops_only_that_one() -> None:
    """A bug that one company hits must not stop the others (O1)."""
    world = _a_broken_world()
    owner = world.owner()
    await settled(owner)
    assert (_about(world, ACME), _about(world, BETA)) == (["a1"], ["b1"])
    [alarm] = world.alarms("log.organization_parked")
    assert isinstance(alarm, OrganizationParked)
    assert "the toy broke" in alarm.reason
    assert (alarm.service, alarm.offset) == ("toy", 1)


async def test_what_it_had_heard_in_the_same_batch_stands() -> None:
    """It is put back as of the previous fact, not as of the last write."""
    world = _a_broken_world()
    owner = world.owner()
    await settled(owner)
    assert "seen/a1" in await state_of(owner)
    assert "seen/a2" not in await state_of(owner)
    assert [seq for found, seq, _ in world.said() if found == ACME] == [1, 2]


async def test_a_parked_organization_stays_parked_for_the_same_version() -> None:
    """Trying again with the same code would break again, at every claim."""
    world = _a_broken_world()
    await settled(world.owner())
    await settled(world.owner())
    assert _about(world, ACME) == ["a1"]
    assert len(world.alarms("log.organization_parked")) == 1


async def test_a_new_version_reads_on_when_it_claims() -> None:
    """The fix is deployed, and the customers who waited are served in their order."""
    world = _a_broken_world()
    await settled(world.owner())
    world.hear(a_call("a3"))
    fixed = world.owner(toy(breaks_at=""), version="2")
    await settled(fixed)
    world.hear(a_call("a4"))
    await quiet(fixed)
    assert _about(world, ACME) == ["a1", "a2", "a3", "a4"]
    assert _about(world, BETA) == ["b1"]
    assert world.store.stored[0].parked == {}


async def test_reading_on_gives_the_state_that_would_have_been() -> None:
    """Also the instants: each fact is heard with the time the log had then."""
    world, whole = _a_broken_world(), _a_broken_world()
    await settled(world.owner())
    fixed, never_broke = world.owner(toy(breaks_at=""), version="2"), whole.owner(toy(breaks_at=""))
    await settled(fixed)
    await settled(never_broke)
    assert await state_of(fixed) == await state_of(never_broke)


async def test_an_operator_lets_it_read_on() -> None:
    """`python -m ringback unpark`: the same code reads on after the cause was removed."""
    world = _a_broken_world()
    broken = [True]
    decider = toy()
    inner = decider.apply

    def mended(state: object, fact: object) -> None:
        if broken[0]:
            inner(state, fact)  # type: ignore[arg-type]
        else:
            toy(breaks_at="").apply(state, fact)  # type: ignore[arg-type]

    import msgspec

    owner = world.owner(msgspec.structs.replace(decider, apply=mended))
    await settled(owner)
    world.unpark()
    await quiet(owner)
    assert len(world.alarms("log.organization_parked")) == 2
    broken[0] = False
    world.unpark()
    await quiet(owner)
    assert _about(world, ACME) == ["a1", "a2"]


@pytest.mark.parametrize("lose", [False, True])
async def test_reading_on_repeats_what_the_log_already_says(lose: bool) -> None:
    """The store loses the second in which it read on: nothing is said twice or differently."""
    world = _a_broken_world()
    await settled(world.owner())
    copy = world.store.copy()
    await settled(world.owner(toy(breaks_at=""), version="2"))
    said, commands = world.said(), world.commands()
    if lose:
        world.store.stored = copy
    await settled(world.owner(toy(breaks_at="", reason="changed"), version="3"))
    assert world.said() == said
    assert world.commands() == commands


async def test_a_parked_organizations_timers_do_not_ring() -> None:
    """Repeating them once a minute for days would be useless."""
    world = _a_broken_world()
    owner = world.owner()
    await settled(owner)
    world.clock.advance(REMIND_MS / 1000)
    await quiet(owner)
    assert len(world.alarms("log.timer_due")) == 1  # Only the other organization's.
    fixed = world.owner(toy(breaks_at=""), version="2")
    await settled(fixed)
    await quiet(fixed)
    assert len(world.alarms("log.timer_due")) >= 3


async def test_an_own_fact_that_comes_back_different_parks() -> None:
    """Another writer used our name: its readers have a different state from ours."""
    world = World()
    owner = world.owner()
    await settled(owner)
    fake = NoticeFailed(notice_id=NoticeId("fake"), version=1, reason="", is_final=False)
    made = Envelope(id="x", type=type_name(fake), source="toy", organization_id=ACME, seq=1)
    world.hear(a_call("c1"))
    now(world.log.append(0, [Outgoing("facts", "acme", tuple(headers(made)), encode(fake), 0)]))
    await quiet(owner)
    [alarm] = world.alarms("log.organization_parked")
    assert isinstance(alarm, OrganizationParked)
    assert "came back different" in alarm.reason


async def test_an_own_fact_that_was_never_said_parks() -> None:
    """The same for the next number."""
    world = World()
    owner = world.owner()
    await settled(owner)
    fake = NoticeFailed(notice_id=NoticeId("fake"), version=1, reason="", is_final=False)
    made = Envelope(id="x", type=type_name(fake), source="toy", organization_id=ACME, seq=1)
    now(world.log.append(0, [Outgoing("facts", "acme", tuple(headers(made)), encode(fake), 0)]))
    await quiet(owner)
    [alarm] = world.alarms("log.organization_parked")
    assert isinstance(alarm, OrganizationParked)
    assert "never said" in alarm.reason
