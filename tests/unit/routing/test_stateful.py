"""Routing against random events in random order: the checks of `checks.py` hold after each.

People call, choose, hang up; phones ring, answer, decline, die; the directory changes in mid-call; PBXs
vanish; facts come late and twice; time passes; another process takes over.
"""

from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from contracts import directory, gateway, queue, routing, telephony
from contracts.gateway import DeviceState, EndedBy, Outcome
from contracts.ids import BridgeId, Instant, LegId, PlayId
from contracts.message import Command, Interval
from tests.offices import desk
from tests.unit.routing.directory_facts import (
    ANNA,
    ANNAS_LINE,
    BORIS,
    BORISS_LINE,
    CUSTOMER,
    FAR,
    GLEB,
    MENU_LINE,
    MINUTE,
    MOSCOW,
    PEOPLE,
    SALES,
    SALES_LINE,
    SECOND,
    SERVICE_DESK,
    STANDARD,
    VERA,
    VOLGA,
    a_department,
    drop,
    element,
    mobile,
    sim,
    to_colleague,
    to_department,
    to_mobile,
    to_voicemail,
)
from tests.unit.routing.harness import an_office

DIALLED = (ANNAS_LINE, BORISS_LINE, MENU_LINE, MENU_LINE, SALES_LINE, "+74959999999")
ACTIONS = (
    drop(),
    drop(STANDARD),
    to_voicemail(),
    to_voicemail(STANDARD),
    to_mobile(),
    to_department(SALES, STANDARD),
    *(to_colleague(agent_id) for agent_id in PEOPLE),
    to_colleague(BORIS, STANDARD),
)
SECONDS = st.sampled_from((0, 1, 5, 8, 20, 60, 130))
a_number = st.integers(0, 50)
a_person = st.sampled_from(PEOPLE)


class World(RuleBasedStateMachine):
    """One office; every rule is something that people, phones, the directory or the clock may do."""

    @initialize()
    def begin(self) -> None:
        self.office = an_office(auto=False)
        self.names = 0
        self.past: list[LegId] = []
        self.late: Counter[LegId | None] = Counter()
        """Legs that the gateway refused to dial because the command came too late: they are dialled again."""
        self.office.saves_person(VERA, desk("203"), sim(), mobile())
        self.office.rules(VERA, numbers=(), no_answer=to_mobile(), no_answer_ms=20 * SECOND)
        self.a_scenario_is_saved(0)

    def some_leg(self, number: int) -> LegId | None:
        legs = sorted((*(call.leg_id for call in self.office.state.calls), *self.office.state.calls_by_leg))
        return LegId(legs[number % len(legs)]) if legs else None

    # People

    @rule(line=st.sampled_from(DIALLED), caller=st.sampled_from((CUSTOMER, "89123456780", None)))
    def a_customer_calls(self, line: str, caller: str | None) -> None:
        self.names += 1
        self.office.calls(line, f"c{self.names}", caller=caller)

    @rule(extension=st.sampled_from(("201", "202", "203", "204", "205", "400", "999")))
    def a_colleague_calls(self, extension: str) -> None:
        self.names += 1
        self.office.dials(extension, f"c{self.names}")

    @rule(number=a_number, digits=st.sampled_from(("", "1", "2", "9", "12")), is_complete=st.booleans())
    def a_key_is_pressed(self, number: int, digits: str, is_complete: bool) -> None:
        leg_id = self.some_leg(number)
        if leg_id is not None:
            self.office.hears(
                gateway.DigitsEntered(pbx_id=MOSCOW, leg_id=leg_id, digits=digits, is_complete=is_complete)
            )

    @rule(number=a_number, outcome=st.sampled_from(tuple(Outcome)))
    def a_leg_ends(self, number: int, outcome: Outcome) -> None:
        leg_id = self.some_leg(number)
        if leg_id is not None:
            self.past.append(leg_id)
            self.office.hears(self.office.leg_ended(leg_id, outcome))

    @rule(number=a_number)
    def a_leg_is_answered(self, number: int) -> None:
        leg_id = self.some_leg(number)
        if leg_id is not None:
            self.office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=leg_id))

    @rule(number=a_number)
    def somebody_takes_the_call(self, number: int) -> None:
        tries = list(self.office.state.tries)
        if tries:
            a_try = tries[number % len(tries)]
            leg_id = next(each for each in a_try.open_legs if each in a_try.dialled_legs)
            self.office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=leg_id))
            self.office.presses("5", leg_id)
            for _ in range(3):
                self.commands_are_carried_out()

    # The PBX

    @rule()
    def commands_are_carried_out(self) -> None:
        for command in self.office.commands[-4:]:
            self._reply(command)

    @rule(number=a_number)
    def a_command_is_answered_late(self, number: int) -> None:
        commands = self.office.commands[-30:]
        if commands:
            self._reply(commands[number % len(commands)])

    def _reply(self, command: Command) -> None:
        self.office.hears(*self.office.replies(command))

    @rule(
        number=a_number,
        command=st.sampled_from(("dial_leg", "play", "answer_leg", "bridge", "collect_digits")),
        reason=st.sampled_from(("too_late", "gone", "pbx_lost")),
    )
    def a_command_is_refused(self, number: int, command: str, reason: str) -> None:
        leg_id = self.some_leg(number)
        if (command, reason) == ("dial_leg", gateway.TOO_LATE):
            self.late[leg_id] += 1
        self.office.hears(
            gateway.CommandRefused(
                pbx_id=MOSCOW, command=f"telephony.{command}", reason=reason, leg_id=leg_id
            )
        )

    @rule(number=a_number)
    def facts_come_late(self, number: int) -> None:
        leg_id = self.past[number % len(self.past)] if self.past else LegId("unknown")
        self.office.hears(
            gateway.LegRinging(pbx_id=MOSCOW, leg_id=leg_id),
            gateway.PlayFinished(pbx_id=MOSCOW, leg_id=leg_id, play_id=PlayId("r"), ok=False),
            gateway.Bridged(pbx_id=MOSCOW, bridge_id=BridgeId("late"), legs=(leg_id, LegId("c1"))),
            self.office.leg_ended(leg_id, Outcome.COMPLETED, EndedBy.NETWORK),
        )

    @rule(pbx_id=st.sampled_from((MOSCOW, VOLGA)), is_lost=st.sampled_from((False, False, True)))
    def a_pbx_vanishes_or_returns(self, pbx_id: str, is_lost: bool) -> None:
        fact = gateway.PbxLost if is_lost else gateway.PbxReturned
        more = {} if is_lost else {"live_legs": ()}
        self.office.hears(fact(pbx_id=pbx_id, **more))  # type: ignore[arg-type]  # one of two facts

    @rule(agent_id=a_person, state=st.sampled_from(tuple(DeviceState)))
    def a_phone_changes(self, agent_id: str, state: DeviceState) -> None:
        person = next(each for each in PEOPLE if each == agent_id)
        self.office.phone_is(person, state, VOLGA if person == FAR else MOSCOW)

    @rule(agent_id=st.sampled_from((ANNA, BORIS)), is_busy=st.booleans())
    def the_queue_uses_somebody(self, agent_id: str, is_busy: bool) -> None:
        person = next(each for each in PEOPLE if each == agent_id)
        if is_busy:
            lease_until_at = Instant(self.office.at + MINUTE)
            self.office.hears(
                queue.AgentBusy(agent_id=person, leg_id=LegId("q"), lease_until_at=lease_until_at)
            )
        else:
            self.office.hears(queue.AgentFreed(agent_id=person, cause="any", idle_since_at=self.office.at))

    # The directory

    @rule(
        agent_id=a_person,
        no_answer=st.sampled_from(ACTIONS),
        away=st.sampled_from(ACTIONS),
        ring_s=st.sampled_from((0, 20, 120)),
        waits=st.booleans(),
    )
    def rules_change(
        self,
        agent_id: str,
        no_answer: directory.DirectAction,
        away: directory.DirectAction,
        ring_s: int,
        waits: bool,
    ) -> None:
        person = next(each for each in PEOPLE if each == agent_id)
        self.office.rules(
            person,
            no_answer=no_answer,
            absence=away,
            out_of_hours=away,
            no_answer_ms=ring_s * SECOND,
            has_call_waiting=waits,
        )

    @rule(agent_id=a_person, what=st.sampled_from(("absent", "closed", "always", "always")))
    def somebodys_time_changes(self, agent_id: str, what: str) -> None:
        person = next(each for each in PEOPLE if each == agent_id)
        match what:
            case "absent":
                self.office.is_absent(person, for_ms=MINUTE)
            case "closed":
                later = Interval(from_at=Instant(self.office.at + MINUTE))
                self.office.hours(person, hours=(later,))
            case _:
                self.office.hours(person)

    @rule(
        agent_id=a_person,
        is_removed=st.sampled_from((False, False, False, True)),
        extension=st.sampled_from(("", "201", "777")),
    )
    def a_card_changes(self, agent_id: str, is_removed: bool, extension: str) -> None:
        person = next(each for each in PEOPLE if each == agent_id)
        phones = (desk(extension or "201"), mobile())
        self.office.saves_person(person, *phones, extension=extension, is_removed=is_removed)

    @rule(agent_id=st.sampled_from((None, GLEB, ANNA)), second=st.sampled_from((None, BORIS, GLEB)))
    def the_crm_speaks(self, agent_id: str | None, second: str | None) -> None:
        self.office.responsible(
            next((each for each in PEOPLE if each == agent_id), None),
            next((each for each in PEOPLE if each == second), None),
        )

    @rule(number=st.integers(0, 3))
    def a_scenario_is_saved(self, number: int) -> None:
        menu_ends = ("anna", "gone", "menu", "outside")
        self.office.scenario(
            element("hello", "greeting", ("next", "when"), notice=STANDARD),
            element("when", "hours", ("open", "menu"), ("closed", "menu")),
            element(
                "menu",
                "menu",
                ("1", "anna"),
                ("2", "sales"),
                ("9", "menu"),
                ("no_choice", menu_ends[number]),
                notice=STANDARD,
            ),
            element(
                "anna",
                "internal_subscriber",
                ("no_answer", "outside"),
                agent_id=ANNA,
                wait_ms=None if number == 1 else 20 * SECOND,
            ),
            element(
                "outside",
                "external_number",
                ("no_answer", "boris"),
                number="112" if number == 2 else "+79165550000",
                wait_ms=15 * SECOND,
            ),
            element("boris", "internal_subscriber", ("no_answer", "anna"), agent_id=BORIS, wait_ms=SECOND),
            element("sales", "department", department_id=SALES if number else SERVICE_DESK),
            is_removed=number == 3,
        )

    @rule(is_removed=st.sampled_from((False, False, True)))
    def a_department_changes(self, is_removed: bool) -> None:
        version = self.office.version()
        self.office.hears(a_department(SALES, "400", SALES_LINE, version=version, is_removed=is_removed))

    @rule(is_on=st.sampled_from((True, True, False)))
    def the_policy_changes(self, is_on: bool) -> None:
        self.office.policy(is_on=is_on)

    # Time, and whoever takes over

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        self.office.waits(seconds * SECOND)

    @precondition(lambda self: self.names > 0)
    @rule()
    def another_process_takes_over(self) -> None:
        self.office.restarts()

    def teardown(self) -> None:
        """With the PBXs back, every contact ends by itself, exactly once."""
        if not hasattr(self, "office"):
            return
        office = self.office
        for pbx_id in (MOSCOW, VOLGA):
            office.hears(gateway.PbxReturned(pbx_id=pbx_id, live_legs=()))
        office.waits(9 * 60 * MINUTE)
        assert list(office.state.calls) == []
        assert list(office.state.tries) == []
        assert list(office.state.timers) == []
        assert list(office.state.former_scenarios) == []
        taken = [fact.leg_id for fact in office.said(routing.CallTaken)]
        ended = Counter(fact.leg_id for fact in office.said(routing.CallEnded))
        ended.update(fact.leg_id for fact in office.said(routing.DepartmentReached))
        ended.update(fact.leg_id for fact in office.said(routing.VoicemailReached))
        unknown = [
            fact.leg_id
            for fact in office.said(routing.CallEnded)
            if fact.reason is routing.EndReason.UNKNOWN_NUMBER
        ]
        assert sorted(ended.elements()) == sorted((*taken, *unknown))
        rung = Counter(fact.try_id for fact in office.said(routing.PersonRung))
        assert max(rung.values(), default=1) == 1
        dialled = Counter(command.leg_id for command in office.said(telephony.DialLeg))
        assert all(count <= 1 + self.late[leg_id] for leg_id, count in dialled.items()), dialled
        assert "tel:112" not in office.dialled()


TestWorld = pytest.mark.rule("D6", "G4")(World.TestCase)
TestWorld.settings = settings(
    max_examples=20,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
