"""Records that keep coming are heard together, and the first one after a pause at once."""

import msgspec
import pytest

from contracts.ids import OrganizationId
from runtime.host.held import HostPorts, Options
from runtime.host.owner import Owner
from runtime.memory import counting_tokens
from tests.unit.runtime.worlds import BETA, ToyState, World, a_call, quiet, toy

LINGER_MS = 100
URGENT_MS = 15


def is_alone(state: ToyState) -> bool:
    """Whether a customer waits, in the toy's world: a second call serves the first."""
    return len(state.seen) == 1


def lingering(world: World, *, setting: int | None = None, hurries: bool = False) -> Owner:
    """An owner whose decider lets records gather, unless the setting or one who waits says otherwise."""
    ports = HostPorts(
        log=world.log,
        store=world.store,
        blobs=world.blobs,
        clock=world.clock,
        tokens=counting_tokens("owner."),
    )
    decider = msgspec.structs.replace(
        toy(),
        linger_ms=LINGER_MS,
        urgent_linger_ms=URGENT_MS,
        is_urgent=is_alone if hurries else None,
    )
    return Owner(0, decider, ports, Options(version="1", records_max=3, linger_ms=setting))


async def rested(world: World, *, setting: int | None = None, hurries: bool = False) -> Owner:
    """Such an owner, which has heard nothing for a while."""
    owner = lingering(world, setting=setting, hurries=hurries)
    await owner.claim()
    await quiet(owner)
    world.clock.advance(1)
    return owner


async def waited_ms(world: World, owner: Owner) -> int:
    """How long a turn waits before it reads."""
    began = world.clock.elapsed()
    await owner.turn()
    return round(1000 * (world.clock.elapsed() - began))


async def test_the_first_record_after_a_pause_is_heard_at_once() -> None:
    """Nobody waits in a quiet office: only a batch that follows another one gathers."""
    world = World()
    owner = await rested(world)
    world.hear(a_call("c1"), organization_id=OrganizationId("one"))
    assert await waited_ms(world, owner) == 0
    assert world.said()
    world.hear(a_call("c2"), organization_id=OrganizationId("two"))
    assert await waited_ms(world, owner) == LINGER_MS


async def test_a_full_batch_is_followed_at_once_by_the_next() -> None:
    """Who is behind does not wait."""
    world = World()
    owner = await rested(world)
    for number in range(9):
        world.hear(a_call(f"c{number}"))
    assert await waited_ms(world, owner) == 0
    assert await waited_ms(world, owner) == 0


async def test_while_somebody_waits_records_gather_for_a_shorter_time() -> None:
    """Whichever organization of the partition it is; when the last one is served the hurry is over."""
    world = World()
    owner = await rested(world, hurries=True)
    world.hear(a_call("c1"))
    assert await waited_ms(world, owner) == 0
    assert await waited_ms(world, owner) == URGENT_MS
    world.hear(a_call("c2"))
    assert await waited_ms(world, owner) == URGENT_MS
    assert await waited_ms(world, owner) == LINGER_MS
    world.hear(a_call("b1"), organization_id=BETA)
    assert await waited_ms(world, owner) == LINGER_MS
    assert await waited_ms(world, owner) == URGENT_MS


@pytest.mark.parametrize("hurries", [False, True])
async def test_the_setting_counts_more_than_the_service(hurries: bool) -> None:
    """RINGBACK_LINGER_MS=0 hears every record as it comes."""
    world = World()
    owner = await rested(world, setting=0, hurries=hurries)
    for number in range(3):
        world.hear(a_call(f"c{number}"), organization_id=OrganizationId(f"org{number}"))
        assert await waited_ms(world, owner) == 0
