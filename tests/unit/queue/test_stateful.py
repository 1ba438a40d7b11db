"""The queue in a toy world that acts at random: whatever happens, in whatever order, the checks hold.

Agents answer, decline, miss, drop; callers join, hang up, order; callback says any fact it may; settings
change during calls; PBXs vanish; facts come late and twice; time passes. The checks are in `checks.py`.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from contracts import callback, directory, queue
from contracts.callback import Origin
from contracts.dialling import Refusal
from contracts.gateway import Outcome
from contracts.ids import AgentId, CallbackId, Instant, LegId, PlaceId, PlayId
from contracts.message import Interval
from services.queue.state.records import Phase
from tests.offices import desk
from tests.unit.queue.callback_stories import dialled, end
from tests.unit.queue.stories import (
    MINUTE,
    MOSCOW,
    SALES,
    SALES_LINE,
    SECOND,
    SERVICE_DESK,
    action,
    by,
    mobile,
)
from tests.unit.queue.toy import AGENTS, CUSTOMERS, STRATEGIES, People, a_number

ENDS = (
    callback.CallbackExpired,
    callback.CallbackUnreached,
    callback.CallbackCancelled,
    callback.CallbackBarred,
)
TIMES = ("pause", "resume", "absent", "hours", "always")
ACTIONS = ("voicemail", "hang_up", "fallback_employee", "other_department")


class World(People):
    """The further rules: what callback, the directory or the clock may do."""

    # Callback

    @rule(number=a_number, customer=st.sampled_from(CUSTOMERS[1:3]))
    def callback_takes_an_order(self, number: int, customer: str) -> None:
        ordering = [
            place for place in self.office.state.places if place.is_ordering and not place.callback_id
        ]
        if ordering:
            place = ordering[number % len(ordering)]
            self.office.ordered(place.place_id.removeprefix("p."), number=customer)

    @rule(
        number=a_number,
        customer=st.sampled_from(CUSTOMERS[1:3]),
        origin=st.sampled_from((Origin.API, Origin.ABANDONED)),
        minutes=st.sampled_from((4, 4, 900)),
    )
    def callback_has_an_order_without_a_call(
        self, number: int, customer: str, origin: Origin, minutes: int
    ) -> None:
        office = self.office
        place_id = PlaceId(f"p.asked.{len(office.facts)}.{number}")
        office.hears(
            callback.CallbackOrdered(
                callback_id=CallbackId(f"cb.{place_id}"),
                place_id=place_id,
                department_id=(SALES, SERVICE_DESK)[number % 2],
                pbx_id=MOSCOW,
                number=customer,
                caller_id=SALES_LINE,
                joined_at=office.at,
                deadline_at=Instant(office.at + minutes * MINUTE),
                leg_id=None,
                origin=origin,
            )
        )

    @rule(number=a_number, is_refused=st.booleans())
    def callback_takes_no_order(self, number: int, is_refused: bool) -> None:
        place = self.some_place(number)
        if place is None or not place.is_ordering:
            return
        if is_refused:
            fact: callback.CallbackRefused | callback.OrderAbandoned = callback.CallbackRefused(
                place_id=place.place_id,
                department_id=place.department_id,
                leg_id=place.leg_id,
                reason=Refusal.INVALID,
            )
        else:
            fact = callback.OrderAbandoned(place_id=place.place_id, leg_id=LegId("any"))
        self.office.hears(fact)

    @rule(number=a_number)
    def callback_confirms_the_first(self, number: int) -> None:
        place = self.some_place(number)
        first = self.some_place(number + 1)
        if place is not None and place.is_ordering and first is not None and first.callback_id is not None:
            self.office.hears(
                callback.CallbackConfirmed(
                    callback_id=first.callback_id,
                    place_id=first.place_id,
                    new_place_id=place.place_id,
                    leg_id=place.leg_id or LegId("gone"),
                )
            )

    @rule(number=a_number, retry_ms=st.sampled_from((MINUTE, None)))
    def an_attempt_fails(self, number: int, retry_ms: int | None) -> None:
        place = self.some_place(number, Phase.WITH_CALLBACK)
        if place is None or place.callback_id is None or place.agent_id is None:
            return
        now = self.office.at
        self.office.hears(
            callback.AttemptFailed(
                callback_id=place.callback_id,
                place_id=place.place_id,
                attempt=1,
                agent_id=place.agent_id,
                agent_leg_id=place.agent_leg_id or LegId("gone"),
                outcome=Outcome.BUSY,
                next_attempt_at=None if retry_ms is None else Instant(now + retry_ms),
                give_up_at=None if retry_ms is None else Instant(now + 2 * retry_ms),
            )
        )
        if retry_ms is None:
            self.office.hears(end(self.office, callback.CallbackUnreached, place.callback_id))

    @rule(number=a_number, is_first=st.booleans())
    def an_agent_is_lost(self, number: int, is_first: bool) -> None:
        place = self.some_place(number, Phase.WITH_CALLBACK)
        if place is not None and place.callback_id is not None and place.agent_id is not None:
            self.office.hears(
                callback.AgentLost(
                    callback_id=place.callback_id,
                    place_id=place.place_id,
                    agent_id=place.agent_id,
                    give_up_at=Instant(self.office.at + MINUTE) if is_first else None,
                )
            )

    @rule(number=a_number)
    def a_customer_is_held(self, number: int) -> None:
        place = self.some_place(number, Phase.WITH_CALLBACK, Phase.WAITING, has_leg=False)
        if place is not None and place.callback_id is not None:
            self.callers += 1
            leg_id = LegId(f"h{self.callers}")
            self.office.hears(
                dialled(place.callback_id, place.place_id, leg_id, LegId("agent")),
                callback.CustomerHeld(
                    callback_id=place.callback_id,
                    place_id=place.place_id,
                    leg_id=leg_id,
                    until_at=Instant(self.office.at + 30 * SECOND),
                    play_id=PlayId("moment"),
                ),
            )

    @rule(number=a_number)
    def a_callback_is_connected(self, number: int) -> None:
        place = self.some_place(number, Phase.WITH_CALLBACK)
        if place is not None and place.callback_id is not None and place.agent_id is not None:
            self.office.hears(
                end(
                    self.office,
                    callback.CallbackConnected,
                    place.callback_id,
                    agent_id=place.agent_id,
                    agent_leg_id=place.agent_leg_id,
                    leg_id=LegId("customer"),
                    waited_ms=1,
                )
            )

    @rule(number=a_number, kind=st.sampled_from(ENDS))
    def a_callback_ends(self, number: int, kind: type[callback.CallbackEnd]) -> None:
        place = self.some_place(number)
        callback_id = place.callback_id if place is not None else None
        more = {"has_voice_message": False, "was_told": True} if kind is callback.CallbackExpired else {}
        self.office.hears(end(self.office, kind, callback_id or CallbackId("cb.p.gone"), **more))

    # The directory

    @rule(
        kind=st.sampled_from(STRATEGIES),
        suspended=st.lists(st.sampled_from(AGENTS), max_size=2),
        wanted=st.sampled_from(ACTIONS),
        is_removed=st.sampled_from((False, False, False, True)),
    )
    def a_department_changes(
        self, kind: directory.StrategyKind, suspended: list[AgentId], wanted: str, is_removed: bool
    ) -> None:
        no_answer = action(wanted, agent_id=AGENTS[5], department_id=SERVICE_DESK)
        self.office.hears(
            self.office.department(
                *AGENTS[:4],
                suspended=tuple(suspended),
                strategy=by(kind),
                no_answer_action=no_answer,
                is_removed=is_removed,
            )
        )

    @rule(
        agent_id=st.sampled_from(AGENTS),
        what=st.sampled_from(TIMES),
    )
    def an_agents_time_changes(self, agent_id: AgentId, what: str) -> None:
        now = self.office.at
        match what:
            case "pause" | "resume":
                self.office.hears(self.office.pause(agent_id, what == "pause"))
            case "absent":
                gone = Interval(from_at=now, until_at=Instant(now + MINUTE))
                self.office.hears(self.office.hours(agent_id, absences=(gone,)))
            case "hours":
                later = Interval(from_at=Instant(now + 20 * SECOND), until_at=Instant(now + 3 * MINUTE))
                self.office.hears(self.office.hours(agent_id, hours=(later,)))
            case _:
                self.office.hears(self.office.hours(agent_id))

    @rule(agent_id=st.sampled_from(AGENTS), is_removed=st.sampled_from((False, False, True)))
    def an_agents_card_changes(self, agent_id: AgentId, is_removed: bool) -> None:
        phones = (desk(agent_id), mobile(delay_ms=5 * SECOND))
        self.office.hears(self.office.agent(agent_id, *phones, is_removed=is_removed))

    @rule(is_on=st.sampled_from((True, True, False)))
    def the_policy_changes(self, is_on: bool) -> None:
        self.policy_version += 1
        self.office.hears(self.organization(is_on=is_on))

    # Time, and a new owner

    @rule(seconds=st.sampled_from((0, 1, 4, 5, 10, 20, 30, 60, 240)))
    def time_passes(self, seconds: int) -> None:
        self.office.waits(seconds * SECOND)

    @precondition(lambda self: self.callers > 0)
    @rule()
    def another_process_takes_over(self) -> None:
        self.office.restarts()

    def teardown(self) -> None:
        """No customer is forgotten: when every leg and every callback has ended, nothing waits any more."""
        if not hasattr(self, "office"):
            return
        office = self.office
        for _ in range(3):
            for leg in list(office.state.legs):
                office.hears(office.leg_ended(leg.leg_id, Outcome.COMPLETED))
            for place in list(office.state.places):
                if place.is_ordering:
                    office.hears(callback.OrderAbandoned(place_id=place.place_id, leg_id=LegId("any")))
                if place.callback_id is not None:
                    office.hears(end(office, callback.CallbackCancelled, place.callback_id))
        assert list(office.state.places) == []
        assert list(office.state.offers) == []
        assert list(office.state.legs) == []
        assert all(line.leg_id is None for line in office.state.activities)
        assert not office.said(queue.PlaceTaken) or office.watch.ended


TestWorld = pytest.mark.rule("Q2", "Q3", "Q12")(World.TestCase)
TestWorld.settings = settings(
    max_examples=15,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
