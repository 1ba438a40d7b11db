"""Records that keep coming are heard together, and the first one after a pause at once."""

import msgspec

from contracts.ids import OrganizationId
from runtime.host.held import HostPorts, Options
from runtime.host.owner import Owner
from runtime.memory import counting_tokens
from tests.unit.runtime.worlds import World, a_call, quiet, toy

LINGER_MS = 100


def lingering(world: World, *, setting: int | None = None) -> Owner:
    """An owner whose decider lets records gather, unless the setting says otherwise."""
    ports = HostPorts(
        log=world.log,
        store=world.store,
        blobs=world.blobs,
        clock=world.clock,
        tokens=counting_tokens("owner."),
    )
    decider = msgspec.structs.replace(toy(), linger_ms=LINGER_MS)
    return Owner(0, decider, ports, Options(version="1", records_max=3, linger_ms=setting))


async def rested(world: World, *, setting: int | None = None) -> Owner:
    """Such an owner, which has heard nothing for a while."""
    owner = lingering(world, setting=setting)
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


async def test_the_setting_counts_more_than_the_service() -> None:
    """RINGBACK_LINGER_MS=0 hears every record as it comes."""
    world = World()
    owner = await rested(world, setting=0)
    for number in range(3):
        world.hear(a_call(f"c{number}"), organization_id=OrganizationId(f"org{number}"))
        assert await waited_ms(world, owner) == 0
