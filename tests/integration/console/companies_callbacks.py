"""Callbacks of the directory's company, as callback itself decides them, and as its history tells."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from contracts import callback as c
from contracts.callback import CallbackEnd, CallbackOrdered, Origin
from contracts.dialling import Refusal
from contracts.gateway import Outcome
from contracts.ids import CallbackId, DepartmentId, Instant, LegId, PbxId, PlaceId, PlayId
from contracts.message import Fact
from contracts.queue import PlaceClosed, PlaceTaken
from runtime.decision import Decision
from services.callback.service import SERVICE
from services.callback.state import CallbackState
from tests.integration.console.companies_history import CompanyHistory
from tests.integration.directory.companies import Company
from tests.unit.decider_harness import Told
from tests.unit.history.stories import ANNA

LOOK_S = 0.02
NUMBER = "+79165550001"
MINUTE = 60_000


class CompanyCallbacks(Told[CallbackState]):
    """Callback's decider, which hears what the directory says; the queue gives each order a place."""

    def __init__(self, company: Company, history: CompanyHistory) -> None:
        super().__init__(SERVICE, CallbackState(), company.clock.now())
        self._company = company
        self._history = history
        self._heard = 0

    def check(self) -> None:
        """Its own tests look at its state."""

    def hears(self, *facts: Fact, after_ms: int = 0) -> Decision:
        """Hear facts, one after the other; what the last one led to is returned."""
        self.at = Instant(self._company.clock.now() + after_ms)
        decision = Decision()
        for fact in facts:
            decision = self.step(fact)
        return decision

    async def look(self) -> None:
        """Hear what the directory has said since the last time, and tell history what comes of it."""
        said = (await self._company.sent()).sent
        new, self._heard = said[self._heard :], len(said)
        for _, message in new:
            if isinstance(message, Fact):
                await self.tell(*self.hears(message).facts)

    async def tell(self, *facts: Fact) -> None:
        """History hears what was decided, and that the queue gives a place, or ends it."""
        for fact in facts:
            await self._history.tell(fact)
            if isinstance(fact, CallbackOrdered) and fact.leg_id is None:
                await self._history.tell(place_of(fact))
            elif isinstance(fact, CallbackEnd):
                await self._history.tell(place_closed(fact))

    @asynccontextmanager
    async def deciding(self) -> AsyncIterator[None]:
        """Decide by itself meanwhile, as the running service does."""

        async def decide() -> None:
            while True:
                await self.look()
                await asyncio.sleep(LOOK_S)

        await self.look()
        task = asyncio.create_task(decide())
        try:
            yield
        finally:
            task.cancel()


def place_of(ordered: CallbackOrdered) -> PlaceTaken:
    """The place that the queue gives to an order without a call (C11)."""
    return PlaceTaken(
        place_id=ordered.place_id,
        department_id=ordered.department_id,
        pbx_id=ordered.pbx_id,
        leg_id=None,
        caller=ordered.number,
        line=ordered.caller_id,
        joined_at=ordered.joined_at,
        deadline_at=ordered.deadline_at,
        position=1,
        callback_id=ordered.callback_id,
        origin=ordered.origin,
    )


def place_closed(ended: CallbackEnd) -> PlaceClosed:
    """The queue ends the place of a callback that has ended (C13)."""
    return PlaceClosed(place_id=ended.place_id, callback_id=ended.callback_id, outcome="cancelled")


def ordered(
    company: Company,
    name: str,
    *,
    department: str = "sales",
    ago: int = 1,
    number: str = NUMBER,
    origin: Origin = Origin.API,
) -> CallbackOrdered:
    """A callback that was ordered some minutes ago, of ten."""
    at = company.clock.now() - ago * MINUTE
    return CallbackOrdered(
        callback_id=CallbackId(f"cb.{name}"),
        place_id=PlaceId(f"p.{name}"),
        department_id=DepartmentId(department),
        pbx_id=PbxId("moskva"),
        number=number,
        caller_id="+74950001000",
        joined_at=Instant(at),
        deadline_at=Instant(at + 10 * MINUTE),
        leg_id=None,
        origin=origin,
    )


def ending(of: CallbackOrdered, reason: str) -> dict[str, Any]:
    """What every end says."""
    return {
        "callback_id": of.callback_id,
        "place_id": of.place_id,
        "department_id": of.department_id,
        "pbx_id": of.pbx_id,
        "number": of.number,
        "joined_at": of.joined_at,
        "ordered_at": of.joined_at,
        "attempts": 0,
        "reason": reason,
    }


def cancelled(of: CallbackOrdered, reason: str = "by_customer") -> tuple[c.CallbackCancelled, PlaceClosed]:
    """It ends, and so does its place."""
    ended = c.CallbackCancelled(**ending(of, reason))
    return ended, place_closed(ended)


def callbacks_at_work(company: Company) -> list[Fact]:
    """A morning's callbacks: three stand, one of them late and one tried in vain; four have ended."""
    late, tried = ordered(company, "late", ago=9), ordered(company, "tried", ago=6, number="+79165550005")
    new = ordered(company, "new", number="+79165550006", origin=Origin.ABANDONED)
    gone = ordered(company, "gone", ago=20, number="+79165550002")
    missed = ordered(company, "missed", ago=30, number="+79165550007", origin=Origin.QUEUE)
    told = ordered(company, "told", ago=50, number="+79165550008", origin=Origin.QUEUE)
    refused = c.CallbackRefused(
        place_id=PlaceId("p.refused"),
        department_id=late.department_id,
        leg_id=None,
        reason=Refusal.DENIED,
        callback_id=CallbackId("cb.refused"),
        number="+79165550009",
        pbx_id=late.pbx_id,
    )
    return [
        *(fact for each in (late, tried, new) for fact in (each, place_of(each))),
        *attempt(tried, next_attempt_at=Instant(company.clock.now() + MINUTE)),
        told,
        c.CallbackExpired(**ending(told, "nobody_came"), has_voice_message=False, was_told=True),
        refused,
        missed,
        *attempt(missed, next_attempt_at=None),
        c.CallbackUnreached(**ending(missed, "no_answer")),
        gone,
        c.CallbackCancelled(**ending(gone, "by_customer")),
    ]


def attempt(of: CallbackOrdered, *, next_attempt_at: Instant | None) -> list[Fact]:
    """Anna is there, and the customer does not answer."""
    its: dict[str, Any] = {"callback_id": of.callback_id, "place_id": of.place_id, "attempt": 1}
    its |= {"agent_id": ANNA, "agent_leg_id": LegId(f"agent.{of.callback_id}")}
    return [
        c.AttemptStarted(**its, whisper_play_id=PlayId("w")),
        c.CustomerDialled(**its, leg_id=LegId(f"customer.{of.callback_id}")),
        c.AttemptFailed(**its, outcome=Outcome.NO_ANSWER, next_attempt_at=next_attempt_at, give_up_at=None),
    ]
