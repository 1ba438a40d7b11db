"""A toy world of people and phones that act at random, for `test_stateful.py`."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from contracts import directory, gateway, telephony
from contracts.dialling import DiallingPolicy
from contracts.gateway import DeviceState, EndedBy, Outcome
from contracts.ids import AgentId, BridgeId, LegId, PlayId
from services.queue.decider import announcements
from services.queue.state.records import LegKind, Phase, Place
from tests import offices
from tests.offices import desk
from tests.unit.queue.stories import (
    MINUTE,
    MOSCOW,
    SALES_LINE,
    SECOND,
    SERVICE_DESK,
    SERVICE_LINE,
    VOLGA,
    Office,
    by,
    mobile,
)

AGENTS = tuple(AgentId(name) for name in ("anna", "boris", "far", "gleb", "walker", "head"))
CUSTOMERS = (None, "+79123456780", "+79123456781", "89123456782")
LOST = tuple(outcome for outcome in Outcome if outcome is not Outcome.COMPLETED)
NOISE = ("picked_up", "rings", "key", "telephony.dial_leg", "telephony.bridge", "telephony.play")
LINES = (SALES_LINE, SERVICE_LINE)
STRATEGIES = tuple(directory.StrategyKind)
a_number = st.integers(0, 50)


class People(RuleBasedStateMachine):
    """One office; every rule is something that people, their phones and PBXs may do."""

    @initialize(
        kind=st.sampled_from(STRATEGIES),
        wrap_up_s=st.sampled_from((0, 3)),
        limit=st.sampled_from((None, 3)),
        misses=st.sampled_from((None, 1, 2)),
        legs=st.sampled_from((None, 1, 3)),
    )
    def an_office(
        self,
        kind: directory.StrategyKind,
        wrap_up_s: int,
        limit: int | None,
        misses: int | None,
        legs: int | None,
    ) -> None:
        self.office = Office(auto=False)
        self.callers = 0
        self.legs: list[LegId] = []
        self.policy_version = 1
        self.pending: list[telephony.TelephonyCommand] = []
        self.office.hears(
            self.organization(is_on=True), offices.pbx(MOSCOW, SALES_LINE, SERVICE_LINE), offices.pbx(VOLGA)
        )
        self.save_agents()
        shared: dict[str, Any] = {
            "strategy": by(kind),
            "wrap_up_ms": wrap_up_s * SECOND,
            "no_answer_ms": 4 * MINUTE,
            "auto_pause_misses": misses,
            "legs_max": legs,
        }
        self.office.hears(
            self.office.department(*AGENTS[:4], waiting_max=limit, **shared),
            self.office.department(AGENTS[0], *AGENTS[3:5], department_id=SERVICE_DESK, **shared),
        )

    def save_agents(self) -> None:
        for agent_id in AGENTS:
            phones: tuple[directory.Device, ...] = (desk(agent_id),)
            if agent_id == "walker":
                phones = (desk(agent_id), mobile(delay_ms=5 * SECOND))
            pbx_id = VOLGA if agent_id == "far" else MOSCOW
            self.office.hears(self.office.agent(agent_id, *phones, pbx_id=pbx_id))

    def organization(self, *, is_on: bool) -> directory.OrganizationSaved:
        return offices.organization(version=self.policy_version, dialling_policy=DiallingPolicy(is_on=is_on))

    # Choosing a record

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

    @rule(number=a_number, what=st.sampled_from(("is_answered", "presses_1", "hangs_up")))
    def a_customer(self, number: int, what: str) -> None:
        leg_id = self.some_leg(number, LegKind.CALLER)
        if leg_id is None:
            return
        match what:
            case "is_answered":
                self.office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=leg_id))
            case "presses_1":
                self.office.presses(leg_id)
            case _:
                self.office.hangs_up(leg_id)

    # Agents and their phones

    @rule(number=a_number, what=st.sampled_from(NOISE))
    def an_agents_phone_reports(self, number: int, what: str) -> None:
        leg_id = self.some_leg(number, LegKind.AGENT)
        if leg_id is None:
            return
        match what:
            case "picked_up":
                self.office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=leg_id))
            case "rings":
                self.office.hears(gateway.LegRinging(pbx_id=MOSCOW, leg_id=leg_id))
            case "key":
                self.office.presses(leg_id, "5")
            case command:
                refused = gateway.CommandRefused(pbx_id=MOSCOW, command=command, reason="gone", leg_id=leg_id)
                self.office.hears(refused)

    @rule(number=a_number, outcome=st.sampled_from((*LOST, Outcome.COMPLETED, Outcome.DECLINED)))
    def an_agents_leg_ends(self, number: int, outcome: Outcome) -> None:
        leg_id = self.some_leg(number, LegKind.AGENT)
        if leg_id is not None:
            self.legs.append(leg_id)
            self.office.hears(self.office.leg_ended(leg_id, outcome))

    @rule(agent_id=st.sampled_from(AGENTS), state=st.sampled_from(tuple(DeviceState)))
    def a_phone_changes(self, agent_id: AgentId, state: DeviceState) -> None:
        pbx_id = VOLGA if agent_id == "far" else MOSCOW
        self.office.phone_is(agent_id, state, pbx_id)

    @rule(number=a_number, is_bridged=st.booleans())
    def an_agent_answers(self, number: int, is_bridged: bool) -> None:
        offers = list(self.office.state.offers)
        if not offers:
            return
        offer = offers[number % len(offers)]
        leg_id = next(leg_id for leg_id in offer.open_legs if leg_id in offer.dialled_legs)
        self.office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=leg_id))
        if offer.offer_id in self.office.state.offers:
            self.office.presses(leg_id, "5")
        if is_bridged:
            self.whispers_and_bridges()

    def whispers_and_bridges(self) -> None:
        for kind in (telephony.Play, telephony.Bridge):
            for command in self.office.said(kind)[-2:]:
                self.office.hears(*self.office.replies(command))

    @rule(number=a_number, hangs_up=st.booleans(), customer=st.sampled_from(CUSTOMERS[1:3]))
    def a_caller_orders(self, number: int, hangs_up: bool, customer: str) -> None:
        places = [place for place in self.office.state.places if announcements.can_announce(place)]
        places = [place for place in places if place.callback_id is None and place.is_invited]
        if not places:
            return
        leg_id = places[number % len(places)].leg_id
        assert leg_id is not None
        self.office.presses(leg_id)
        place = self.office.state.places.get(places[number % len(places)].place_id)
        if place is None or not place.is_ordering:
            return
        self.office.ordered(place.place_id.removeprefix("p."), number=customer)
        if hangs_up and leg_id in self.office.state.legs:
            self.office.hangs_up(leg_id)

    @rule(number=a_number)
    def a_customer_calls_again(self, number: int) -> None:
        places = [place for place in self.office.state.places if place.callback_id is not None]
        if not places:
            return
        place = places[number % len(places)]
        self.a_customer_calls(caller=place.caller, line=place.line, ok=True)
        if f"c{self.callers}" in self.office.state.legs:
            self.office.presses(f"c{self.callers}")

    @rule(number=a_number)
    def a_notice_is_heard(self, number: int) -> None:
        place = self.some_place(number, Phase.NO_ANSWER, has_leg=True)
        if place is not None and place.play_id is not None and place.leg_id is not None:
            heard = gateway.PlayFinished(pbx_id=MOSCOW, leg_id=place.leg_id, play_id=place.play_id, ok=True)
            self.office.hears(heard)

    # The PBX carries commands out, or reports something else

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

    @rule(pbx_id=st.sampled_from((MOSCOW, VOLGA)), is_lost=st.sampled_from((False, False, True)))
    def a_pbx_vanishes_or_returns(self, pbx_id: str, is_lost: bool) -> None:
        fact = gateway.PbxLost if is_lost else gateway.PbxReturned
        more = {} if is_lost else {"live_legs": ()}
        self.office.hears(fact(pbx_id=pbx_id, **more))  # type: ignore[arg-type]  # one of two facts
