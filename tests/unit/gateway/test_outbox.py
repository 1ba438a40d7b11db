"""The outbox of one PBX: in order, none past one that was not acknowledged, and what waits goes together."""

import asyncio
from collections.abc import Sequence

from contracts.gateway import LegAnswered, PbxFact
from contracts.ids import Instant, LegId, OrganizationId, PbxId
from contracts.message import Fact
from runtime.edge import EdgePorts, NotSaid, Said
from runtime.memory import MemoryBlobs
from runtime.system_clock import SystemClock
from services.gateway.activities.outbox import TOGETHER_MAX, Outbox
from services.gateway.decider import Gateway, Minutes, Say

PBX = PbxId("cloud")
CALLS = 200


class SlowLog:
    """Takes one batch at a time; the first `fails` batches are not acknowledged."""

    def __init__(self, fails: int = 0) -> None:
        self.batches: list[list[tuple[LegId, str]]] = []
        self.numbers: list[int] = []
        self.fails = fails

    async def say(
        self,
        facts: Sequence[Fact],
        *,
        organization_id: OrganizationId,
        source: str,
        cause: str | tuple[str, ...] = "",
        seq: int = 0,
        incarnation: int = 0,
    ) -> tuple[Said, ...]:
        await asyncio.sleep(0.01)
        if self.fails:
            self.fails -= 1
            raise NotSaid("the broker is away")
        legs = [fact.leg_id for fact in facts if isinstance(fact, LegAnswered)]
        self.batches.append(list(zip(legs, cause, strict=True)))
        self.numbers.append(seq)
        return tuple(Said(partition=0, offset=at) for at, _ in enumerate(facts))


def answered(number: int) -> PbxFact:
    return LegAnswered(pbx_id=PBX, leg_id=LegId(f"leg-{number}"))


async def said(log: SlowLog) -> None:
    """All calls of a crowd are answered at once, each by a command of its own."""
    ports = EdgePorts(say=log.say, blobs=MemoryBlobs(), clock=SystemClock(), log_time=lambda: Instant(0))
    outbox = Outbox(PBX, ports)
    outbox.belong_to(Gateway(PBX, OrganizationId("volga"), Minutes()))
    for number in range(1, CALLS + 1):
        outbox.say(Say(seq=number, fact=answered(number), cause=f"command-{number}"))
    running = asyncio.create_task(outbox.run())
    while sum(map(len, log.batches)) < CALLS:
        await asyncio.sleep(0.01)
    running.cancel()


async def test_what_waits_goes_together_each_with_its_own_cause() -> None:
    """Two hundred batches, each waited for, would keep the last caller waiting for seconds."""
    log = SlowLog()
    await said(log)
    assert log.numbers == list(range(1, CALLS + 1, TOGETHER_MAX))
    expected = [(LegId(f"leg-{n}"), f"command-{n}") for n in range(1, CALLS + 1)]
    assert [each for batch in log.batches for each in batch] == expected


async def test_a_batch_that_was_not_acknowledged_is_said_again_before_any_other() -> None:
    """Under the same numbers: it may be on the log."""
    log = SlowLog(fails=2)
    await said(log)
    assert log.numbers == list(range(1, CALLS + 1, TOGETHER_MAX))
