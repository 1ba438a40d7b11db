"""The queue against a toy world that does what it likes: whatever happens, in whatever order, checks hold.

Agents answer, decline, miss, drop; callers join, hang up, order; callback says what it may say; settings
change in mid-call; PBXs vanish; facts come late and twice; time passes. The checks are in `checks.py`.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from contracts import callback, directory, gateway, queue, telephony
from contracts.dialling import DiallingPolicy, Refusal
from contracts.gateway import DeviceState, EndedBy, Outcome
from contracts.ids import AgentId, BridgeId, CallbackId, Instant, LegId, OrganizationId, PlayId
from contracts.message import Interval
from services.queue.state.records import LegKind, Phase, Place
from tests.unit.queue.callback_stories import end
from tests.unit.queue.stories import (
    MINUTE,
    MOSCOW,
    SALES_LINE,
    SECOND,
    SERVICE_DESK,
    SERVICE_LINE,
    VOLGA,
    Office,
    a_pbx,
    action,
    by,
    desk,
    mobile,
)

AGENTS = tuple(AgentId(name) for name in ("anna", "boris", "far", "gleb", "walker"))
CUSTOMERS = (None, "+79123456780", "+79123456781", "89123456782")
LOST = tuple(outcome for outcome in Outcome if outcome is not Outcome.COMPLETED)
ENDS = (
    callback.CallbackExpired,
    callback.CallbackUnreached,
    callback.CallbackCancelled,
    callback.CallbackBarred,
)
COMMANDS = ("telephony.dial_leg", "telephony.bridge", "telephony.play")
LINES = (SALES_LINE, SERVICE_LINE)
TIMES = ("pause", "resume", "absent", "hours", "always")
STRATEGIES = tuple(directory.StrategyKind)
ACTIONS = ("voicemail", "hang_up", "fallback_employee", "other_department")
a_number = st.integers(0, 50)


class World(RuleBasedStateMachine):
    """One office; every rule is something that people, phones, callback or the clock may do."""

    @initialize(
        kind=st.sampled_from(STRATEGIES), wrap_up_s=st.sampled_from((0, 3)), limit=st.sampled_from((None, 3))
    )
    def an_office(self, kind: directory.StrategyKind, wrap_up_s: int, limit: int | None) -> None:
        self.office = Office(auto=False)
        self.callers = 0
        self.legs: list[LegId] = []
        self.policy_version = 1
        self.pending: list[telephony.TelephonyCommand] = []
        self.office.hears(
            self.organization(is_on=True), a_pbx(MOSCOW, SALES_LINE, SERVICE_LINE), a_pbx(VOLGA)
        )
        self.save_agents()
        shared: dict[str, Any] = {
            "strategy": by(kind),
            "wrap_up_ms": wrap_up_s * SECOND,
            "no_answer_ms": 4 * MINUTE,
        }
        self.office.hears(
            self.office.department(*AGENTS[:4], waiting_max=limit, **shared),
            self.office.department(AGENTS[0], *AGENTS[3:], department_id=SERVICE_DESK, **shared),
        )

    def save_agents(self) -> None:
        for agent_id in AGENTS:
            phones: tuple[directory.Device, ...] = (desk(agent_id),)
            if agent_id == "walker":
                phones = (desk(agent_id), mobile(delay_ms=5 * SECOND))
            pbx_id = VOLGA if agent_id == "far" else MOSCOW
            self.office.hears(self.office.agent(agent_id, *phones, pbx_id=pbx_id))

    def organization(self, *, is_on: bool) -> directory.OrganizationSaved:
        return directory.OrganizationSaved(
            organization_id=OrganizationId("org"),
            version=self.policy_version,
            name="Org",
            language=directory.Language.RUSSIAN,
            timezone="Europe/Moscow",
            dialling_policy=DiallingPolicy(is_on=is_on),
            administrators=(),
        )

    # Choosing among what there is

    def some_place(self, number: int, *phases: Phase, has_leg: bool | None = None) -> Place | None:
        found = [
            place
            for place in self.office.state.places
            if (not phases or place.phase in phases) and has_leg in (None, place.leg_id is not None)
        ]
        return found[number % len(found)] if found else None

    def some_leg(self, number: int, kind: LegKind) -> LegId | None:
        found = [leg.leg_id for leg in self.office.state.legs if leg.kind is kind]
        return found[number % len(found)] if found else None

    # Customers

    @rule(caller=st.sampled_from(CUSTOMERS), line=st.sampled_from(LINES), ok=st.booleans())
    def a_customer_calls(self, caller: str | None, line: str, ok: bool) -> None:
        self.callers += 1
        name = f"c{self.callers}"
        self.legs.append(LegId(name))
        self.office.calls(name, caller=caller, line=line)
        if ok:
            self.office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId(name)))

    @rule(number=a_number)
    def a_caller_is_answered(self, number: int) -> None:
        leg_id = self.some_leg(number, LegKind.CALLER)
        if leg_id is not None:
            self.office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=leg_id))

    @rule(number=a_number)
    def a_customer_hangs_up(self, number: int) -> None:
        leg_id = self.some_leg(number, LegKind.CALLER)
        if leg_id is not None:
            self.office.hangs_up(leg_id)

    @rule(number=a_number)
    def a_customer_presses_1(self, number: int) -> None:
        leg_id = self.some_leg(number, LegKind.CALLER)
        if leg_id is not None:
            self.office.presses(leg_id)

    # Agents and their phones

    @rule(number=a_number)
    def an_agents_phone_is_picked_up(self, number: int) -> None:
        leg_id = self.some_leg(number, LegKind.AGENT)
        if leg_id is not None:
            self.office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=leg_id))

    @rule(number=a_number)
    def an_agents_phone_rings(self, number: int) -> None:
        leg_id = self.some_leg(number, LegKind.AGENT)
        if leg_id is not None:
            self.office.hears(gateway.LegRinging(pbx_id=MOSCOW, leg_id=leg_id))

    @rule(number=a_number)
    def an_agent_presses_a_key(self, number: int) -> None:
        leg_id = self.some_leg(number, LegKind.AGENT)
        if leg_id is not None:
            self.office.presses(leg_id, "5")

    @rule(number=a_number, outcome=st.sampled_from((*LOST, Outcome.COMPLETED, Outcome.DECLINED)))
    def an_agents_leg_ends(self, number: int, outcome: Outcome) -> None:
        leg_id = self.some_leg(number, LegKind.AGENT)
        if leg_id is not None:
            self.legs.append(leg_id)
            self.office.hears(self.office.leg_ended(leg_id, outcome))

    @rule(number=a_number, command=st.sampled_from(COMMANDS))
    def the_gateway_refuses(self, number: int, command: str) -> None:
        leg_id = self.some_leg(number, LegKind.AGENT)
        if leg_id is not None:
            talking = any(line.leg_id == leg_id for line in self.office.state.lines)
            if command != "telephony.dial_leg" or not talking:
                self.office.hears(
                    gateway.CommandRefused(pbx_id=MOSCOW, command=command, reason="gone", leg_id=leg_id)
                )

    @rule(agent_id=st.sampled_from(AGENTS), state=st.sampled_from(tuple(DeviceState)))
    def a_phone_changes(self, agent_id: AgentId, state: DeviceState) -> None:
        pbx_id = VOLGA if agent_id == "far" else MOSCOW
        self.office.phone_is(agent_id, state, pbx_id)

    # The PBX carries commands out, or says what it likes

    @rule(number=a_number)
    def a_command_is_answered(self, number: int) -> None:
        commands = [command for command in self.office.commands[-30:] if self.office.replies(command)]
        if commands:
            command = commands[number % len(commands)]
            leg_id = getattr(command, "leg_id", None)
            if (
                isinstance(command, telephony.CancelLeg | telephony.HangUp)
                and leg_id not in self.office.state.legs
            ):
                return
            self.office.hears(*self.office.replies(command))

    @rule(number=a_number)
    def a_late_fact(self, number: int) -> None:
        leg_id = self.legs[number % len(self.legs)] if self.legs else LegId("unknown")
        if leg_id in self.office.state.legs:
            return
        self.office.hears(
            gateway.LegRinging(pbx_id=MOSCOW, leg_id=leg_id),
            gateway.LegAnswered(pbx_id=MOSCOW, leg_id=leg_id),
            gateway.DigitsEntered(pbx_id=MOSCOW, leg_id=leg_id, digits="1"),
            gateway.PlayFinished(pbx_id=MOSCOW, leg_id=leg_id, play_id=PlayId("p"), ok=False),
            gateway.Bridged(pbx_id=MOSCOW, bridge_id=BridgeId("late"), legs=(leg_id,)),
            self.office.leg_ended(leg_id, Outcome.COMPLETED, EndedBy.NETWORK),
        )

    @rule(pbx_id=st.sampled_from((MOSCOW, VOLGA)), is_lost=st.booleans())
    def a_pbx_vanishes_or_returns(self, pbx_id: str, is_lost: bool) -> None:
        fact = gateway.PbxLost if is_lost else gateway.PbxReturned
        more = {} if is_lost else {"live_legs": ()}
        self.office.hears(fact(pbx_id=pbx_id, **more))  # type: ignore[arg-type]  # one of two facts

    # Callback

    @rule(number=a_number, customer=st.sampled_from(CUSTOMERS[1:3]))
    def callback_takes_an_order(self, number: int, customer: str) -> None:
        ordering = [
            place for place in self.office.state.places if place.is_ordering and not place.callback_id
        ]
        if ordering:
            place = ordering[number % len(ordering)]
            self.office.ordered(place.place_id.removeprefix("p."), number=customer)

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

    def attempt(self, number: int, retry_ms: int | None) -> None:
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

    @rule(number=a_number)
    def an_attempt_fails(self, number: int) -> None:
        self.attempt(number, MINUTE)

    @rule(number=a_number)
    def the_last_attempt_fails(self, number: int) -> None:
        self.attempt(number, None)

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
            self.office.hears(
                callback.CustomerHeld(
                    callback_id=place.callback_id,
                    place_id=place.place_id,
                    leg_id=LegId(f"h{self.callers}"),
                    until_at=Instant(self.office.at + 30 * SECOND),
                    play_id=PlayId("moment"),
                )
            )

    @rule(number=a_number)
    def a_callback_is_connected(self, number: int) -> None:
        place = self.some_place(number, Phase.WITH_CALLBACK)
        if place is not None and place.callback_id is not None:
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

    # The book

    @rule(
        kind=st.sampled_from(STRATEGIES),
        suspended=st.lists(st.sampled_from(AGENTS), max_size=2),
        wanted=st.sampled_from(ACTIONS),
        is_removed=st.sampled_from((False, False, False, True)),
    )
    def a_department_changes(
        self, kind: directory.StrategyKind, suspended: list[AgentId], wanted: str, is_removed: bool
    ) -> None:
        no_answer = action(wanted, agent_id=AGENTS[3], department_id=SERVICE_DESK)
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

    @rule(agent_id=st.sampled_from(AGENTS), is_removed=st.booleans())
    def an_agents_card_changes(self, agent_id: AgentId, is_removed: bool) -> None:
        phones = (desk(agent_id), mobile(delay_ms=5 * SECOND))
        self.office.hears(self.office.agent(agent_id, *phones, is_removed=is_removed))

    @rule(is_on=st.booleans())
    def the_policy_changes(self, is_on: bool) -> None:
        self.policy_version += 1
        self.office.hears(self.organization(is_on=is_on))

    # Time, and whoever takes over

    @rule(seconds=st.sampled_from((0, 1, 4, 5, 10, 20, 30, 60, 240)))
    def time_passes(self, seconds: int) -> None:
        self.office.waits(seconds * SECOND)

    @precondition(lambda self: self.callers > 0)
    @rule()
    def another_process_takes_over(self) -> None:
        self.office.restarts()

    def teardown(self) -> None:
        """Nobody is forgotten: when every leg has ended and callback has spoken, nothing waits any more."""
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
        assert all(line.leg_id is None for line in office.state.lines)
        assert not office.said(queue.PlaceTaken) or office.watch.ended


TestWorld = pytest.mark.rule("Q2", "Q3", "Q12")(World.TestCase)
TestWorld.settings = settings(
    max_examples=40,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
