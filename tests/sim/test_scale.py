"""EC-114: 10,000 places, 500 departments, 2,000 agents, 50 joins a second: in order, and nobody rings twice.

This test only checks correctness; `make bench` measures the speed.
"""

import heapq
import random
from typing import Final

import pytest

from contracts.directory import DepartmentSaved, StrategyKind
from contracts.gateway import Bridged, CallArrived, EndedBy, LegAnswered, LegEnded, LegRinging, Outcome
from contracts.ids import DepartmentId, Instant, LegId
from contracts.log import TimerDue
from contracts.message import Command, Fact
from contracts.queue import OfferMade, PlaceConnected
from contracts.routing import DepartmentReached, Rule
from contracts.telephony import AnswerLeg, Bridge, CancelLeg, DialLeg, HangUp
from runtime.decision import step
from services.queue.rules import agent_selection
from services.queue.service import SERVICE as QUEUE
from services.queue.state import QueueState
from tests import offices
from tests.sim.office import CLOUD, a_department, an_agent

DEPARTMENTS: Final = 500
AGENTS: Final = 2_000
PLACES: Final = 10_000
JOINS_A_SECOND: Final = 50
SECONDS: Final = 5
START: Final = 1_800_000_000_000
KINDS: Final = tuple(StrategyKind)


def _line(number: int) -> str:
    return f"+7495{number:07d}"


def _department(number: int) -> DepartmentSaved:
    """Four agents, and one of the next department, who takes the earlier place of both departments."""
    seats = [f"a{(4 * number + seat) % AGENTS}" for seat in range(5)]
    kind = KINDS[number % len(KINDS)]
    return a_department(DepartmentId(f"d{number}"), _line(number), seats, kind=kind, no_answer_ms=7_200_000)


def _ended(leg_id: LegId, outcome: Outcome, by: EndedBy) -> LegEnded:
    return LegEnded(pbx_id=CLOUD, leg_id=leg_id, outcome=outcome, by=by)


class Company:
    """The queue alone, with phones that obey: agents answer within three seconds, calls last some seconds."""

    def __init__(self, seed: int) -> None:
        self.state = QueueState()
        self.now = START
        self.inversions: list[str] = []
        self.dials: list[LegId] = []
        self.connected = 0
        self._chance = random.Random(seed)
        self._heard = 0
        self._number = 0
        self._planned: list[tuple[int, int, Fact]] = []
        self._over: set[LegId] = set()
        numbers = tuple(_line(number) for number in range(DEPARTMENTS))
        self.hear(offices.pbx(CLOUD, *numbers, name="Moscow"))
        for number in range(AGENTS):
            self.hear(an_agent(number))
        for number in range(DEPARTMENTS):
            self.hear(_department(number))

    def hear(self, fact: Fact) -> None:
        """Hear one fact, what follows from it, and the phones' answers."""
        self._heard += 1
        decision = step(QUEUE, self.state, fact, at=Instant(self.now), cause=f"f{self._heard}")
        for said in decision.facts:
            self.connected += isinstance(said, PlaceConnected)
            if isinstance(said, OfferMade):
                self._look_for_an_inversion(said)
        for command in decision.commands:
            self._obey(command)

    def call(self, number: int) -> None:
        """Let a customer call some department."""
        department = self._chance.randrange(DEPARTMENTS)
        leg_id, caller, line = LegId(f"c{number}"), f"+7916{number:07d}", _line(department)
        self.hear(CallArrived(pbx_id=CLOUD, leg_id=leg_id, caller=caller, line=line))
        self.hear(
            DepartmentReached(
                pbx_id=CLOUD,
                leg_id=leg_id,
                department_id=DepartmentId(f"d{department}"),
                caller=caller,
                line=line,
                rule=Rule.DEPARTMENT_LINE,
            )
        )

    def passes(self, ms: int) -> None:
        """Let time pass: phones' events and due timers are heard at their instants."""
        until = self.now + ms
        while True:
            timer_at = self.state.earliest_due_at()
            phone_at = self._planned[0][0] if self._planned else until + 1
            if min(phone_at, until + 1 if timer_at is None else timer_at) > until:
                break
            if timer_at is not None and timer_at < phone_at:
                self.now = max(self.now, timer_at)
                self._ring()
            else:
                self.now = phone_at
                self._phone(heapq.heappop(self._planned)[2])
        self.now = until

    def _look_for_an_inversion(self, offer: OfferMade) -> None:
        """An earlier place of the department that is still open could have taken this agent (Q3)."""
        rank = self.state.places[offer.place_id].rank
        for earlier in self.state.first_places(offer.department_id):
            if earlier >= rank:
                return
            place = self.state.places[earlier[2]]
            if agent_selection.refuses(place, offer.agent_id, self.state.now_at) is None:
                self.inversions.append(f"{offer.agent_id}: {offer.place_id} before {place.place_id}")

    def _obey(self, command: Command) -> None:
        match command:
            case DialLeg(leg_id=leg_id):
                self.dials.append(leg_id)
                self._plan(200, LegRinging(pbx_id=CLOUD, leg_id=leg_id))
                self._plan(self._chance.randint(1_000, 3_000), LegAnswered(pbx_id=CLOUD, leg_id=leg_id))
            case AnswerLeg(leg_id=leg_id):
                self._plan(100, LegAnswered(pbx_id=CLOUD, leg_id=leg_id))
            case Bridge(bridge_id=bridge_id, legs=legs):
                self._plan(50, Bridged(pbx_id=CLOUD, bridge_id=bridge_id, legs=legs))
                talk_ms = self._chance.randint(1_000, 4_000)
                for leg_id in legs:
                    self._plan(talk_ms, _ended(leg_id, Outcome.COMPLETED, EndedBy.PARTY))
            case CancelLeg(leg_id=leg_id):
                self._plan(50, _ended(leg_id, Outcome.CANCELLED, EndedBy.US))
            case HangUp(leg_id=leg_id):
                self._plan(50, _ended(leg_id, Outcome.COMPLETED, EndedBy.US))
            case _:
                pass

    def _plan(self, ms: int, fact: Fact) -> None:
        self._number += 1
        heapq.heappush(self._planned, (self.now + ms, self._number, fact))

    def _phone(self, fact: Fact) -> None:
        """A leg's events: it ends once, and nothing happens after that."""
        leg_id = getattr(fact, "leg_id", None)
        if leg_id in self._over:
            return
        if isinstance(fact, LegEnded):
            self._over.add(fact.leg_id)
        self.hear(fact)

    def _ring(self) -> None:
        timer = next(iter(self.state.due(Instant(self.now))))
        self.hear(
            TimerDue(
                service="queue",
                timer_id=timer.timer_id,
                due_at=timer.due_at,
                kind=timer.kind,
                subject=timer.subject,
            )
        )

    def nobody_is_free_beside_a_place(self) -> bool:
        """After every step no free agent has a place to take (Q3); here checked over all departments."""
        return not any(
            agent_selection.chosen(self.state, self.state.places[rank[2]])
            for department_id in self.state.servable
            for rank in self.state.first_places(department_id)
        )


@pytest.mark.slow
@pytest.mark.rule("Q2", "Q3")
def test_ten_thousand_places_are_served_in_order_and_nobody_is_dialled_twice() -> None:
    """A whole city calls: the customer who has waited longest is served first, whatever the strategy."""
    company = Company(seed=114)
    for number in range(PLACES):
        company.call(number)
    assert len(company.state.places) == PLACES
    assert len(company.state.offers) > DEPARTMENTS
    for second in range(SECONDS):
        for join in range(JOINS_A_SECOND):
            company.passes(1000 // JOINS_A_SECOND)
            company.call(PLACES + second * JOINS_A_SECOND + join)
        assert company.nobody_is_free_beside_a_place()
    assert company.inversions == []
    assert len(set(company.dials)) == len(company.dials)
    assert company.connected > 800
    holders = [offer.agent_id for offer in company.state.offers]
    assert len(set(holders)) == len(holders), "somebody holds two offers"
