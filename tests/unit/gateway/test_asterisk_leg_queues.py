"""The order of work of an adapter to Asterisk: one leg's jobs in turn, different legs' at once."""

import asyncio

from contracts.ids import LegId
from services.gateway.asterisk.client import NotConnected
from services.gateway.asterisk.leg_queues import LegQueues

A, B = LegId("a"), LegId("b")


class Work:
    """Jobs that note when they are done, some of which wait until they may go on."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.failures: list[BaseException] = []
        self.may_go_on = asyncio.Event()
        self.queues = LegQueues(self.failures.append)

    async def slow(self, name: str) -> None:
        await self.may_go_on.wait()
        self.done.append(name)

    async def quick(self, name: str) -> None:
        self.done.append(name)


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_legs_commands_keep_their_order_and_no_other_leg_waits_for_them() -> None:
    """A prompt that is slow to begin must not delay another caller's."""
    work = Work()
    work.queues.put(A, lambda: work.slow("a1"))
    work.queues.put(A, lambda: work.quick("a2"))
    work.queues.put(B, lambda: work.quick("b1"))
    await settled()
    assert work.done == ["b1"]
    work.may_go_on.set()
    await settled()
    assert work.done == ["b1", "a1", "a2"]


async def test_what_concerns_two_legs_waits_for_both_and_both_wait_for_it() -> None:
    """A bridge comes after the commands before it on either leg, and before those after it."""
    work = Work()
    work.queues.put(A, lambda: work.slow("a1"))
    work.queues.put_for_all((A, B), lambda: work.quick("both"))
    work.queues.put_for_all((B, A), lambda: work.quick("both again"))
    work.queues.put(B, lambda: work.quick("b1"))
    await settled()
    assert work.done == []
    work.may_go_on.set()
    await settled()
    assert work.done == ["a1", "both", "both again", "b1"]


async def test_a_request_that_died_with_its_connection_stops_nothing_else() -> None:
    """The gateway asks again; a fault of ours is another matter, and is reported."""
    work = Work()

    async def unanswered() -> None:
        raise NotConnected("x")

    async def wrong() -> None:
        raise LookupError("x")

    work.queues.put(A, unanswered)
    work.queues.put(A, lambda: work.quick("a1"))
    await settled()
    assert work.done == ["a1"]
    assert not work.failures
    work.queues.put(A, wrong)
    await settled()
    assert [type(each) for each in work.failures] == [LookupError]
