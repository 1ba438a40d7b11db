"""Routing's decider for tests of direct calls and scenarios: facts and time go in, what it says comes out.

`RoutingHarness` plays the PBX where a test does not care: what is dialled rings, what is bridged is bridged,
what is played is heard to its end. With `auto=False` the test does all that.
"""

from typing import Any

from contracts import directory, gateway, routing, telephony
from contracts.dialling import DiallingPolicy
from contracts.directory import NoticeChoice, NoticeKind
from contracts.gateway import DeviceState, EndedBy, Outcome
from contracts.ids import (
    Address,
    AgentId,
    Instant,
    LegId,
    NoticeId,
    PbxId,
)
from contracts.message import Fact, Interval
from contracts.scenario import Element, ScenarioSaved
from contracts.tts import NoticeRendered
from runtime.decision import Decision, together
from services.routing.service import SERVICE
from services.routing.state import RoutingState
from services.routing.state.records import Call, Try
from tests import offices
from tests.offices import desk
from tests.unit.decider_harness import Told
from tests.unit.routing.checks import after_step, reloaded
from tests.unit.routing.directory_facts import (
    ANNAS_LINE,
    CUSTOMER,
    EXTENSIONS,
    FAR,
    LINES,
    MENU,
    MENU_LINE,
    MINUTE,
    MOSCOW,
    NINE,
    PEOPLE,
    SALES,
    SALES_LINE,
    SECOND,
    SERVICE_DESK,
    VOLGA,
    a_department,
)


class RoutingHarness(Told[RoutingState]):
    """One organization's routing, its clock, all that it said, and phones that do what commands ask."""

    def __init__(self, *, auto: bool = True) -> None:
        super().__init__(SERVICE, RoutingState(), NINE)
        self.auto = auto
        self.versions = 0
        self._rules: dict[AgentId, dict[str, Any]] = {}

    # Facts and time

    def hears(self, *facts: Fact, after_ms: int = 0) -> Decision:
        """Hear facts; all that they led to is returned, the phones' replies included."""
        self.at = Instant(self.at + after_ms)
        said: list[Decision] = []
        for fact in facts:
            said.append(self.step(fact))
            if self.auto:
                said.extend(self.hears(reply) for c in said[-1].commands for reply in self.replies(c))
        return together(said)

    def check(self) -> None:
        """What must hold of routing."""
        after_step(self.state, self.heard_count)

    def waits(self, ms: int) -> None:
        """Let time pass."""
        self.waits_until(Instant(self.at + ms))

    def leg_ended(self, leg_id: str, outcome: Outcome, by: EndedBy = EndedBy.PARTY) -> gateway.LegEnded:
        """The fact that a leg has ended."""
        return gateway.LegEnded(pbx_id=MOSCOW, leg_id=LegId(leg_id), outcome=outcome, by=by)

    # What was said

    def call(self, name: str = "c1") -> Call:
        """A contact that is routing's."""
        return self.state.calls[name]

    def is_here(self, name: str = "c1") -> bool:
        """Whether a contact is still routing's."""
        return name in self.state.calls

    def a_try(self, name: str = "c1") -> Try:
        """The try that rings for a contact."""
        found = self.state.try_of(self.call(name))
        assert found is not None, f"nobody is rung for {name}"
        return found

    def ringing(self, name: str = "c1") -> AgentId | None:
        """Which employee is being rung for a contact."""
        found = self.state.try_of(self.call(name)) if self.is_here(name) else None
        return None if found is None else found.agent_id

    def dialled(self) -> list[str]:
        """The addresses that were dialled, in order."""
        return [command.address for command in self.said(telephony.DialLeg)]

    def heard(self, name: str = "c1") -> list[str]:
        """The names of what was played on a leg, in order, without the ringing tone."""
        plays = [play for play in self.said(telephony.Play) if play.leg_id == name]
        keys = [key.rpartition("/")[2].removesuffix(".wav") for play in plays for key in play.media]
        return [key for key in keys if key != "ringing_tone"]

    def missed(self) -> list[tuple[AgentId, str]]:
        """Who missed a call, and why."""
        return [(fact.agent_id, str(fact.reason)) for fact in self.said(routing.PersonMissed)]

    # People outside and inside

    def calls(
        self,
        line: str = ANNAS_LINE,
        name: str = "c1",
        *,
        caller: str | None = CUSTOMER,
        is_internal: bool = False,
        pbx_id: PbxId = MOSCOW,
    ) -> Decision:
        """A call arrives on a line."""
        return self.hears(
            gateway.CallArrived(
                pbx_id=pbx_id, leg_id=LegId(name), caller=caller, line=line, is_internal=is_internal
            )
        )

    def dials(self, extension: str, name: str = "c1", *, caller: str = "204") -> Decision:
        """An employee calls an extension from inside."""
        return self.calls(extension, name, caller=caller, is_internal=True)

    def hangs_up(self, name: str = "c1") -> Decision:
        """The person on a leg hangs up."""
        return self.hears(self.leg_ended(name, Outcome.COMPLETED))

    def presses(self, digits: str, name: str = "c1") -> Decision:
        """A key is pressed on a leg."""
        return self.hears(gateway.DigitsEntered(pbx_id=MOSCOW, leg_id=LegId(name), digits=digits))

    def presses_nothing(self, name: str = "c1") -> Decision:
        """A menu's time ends without a key."""
        return self.hears(
            gateway.DigitsEntered(pbx_id=MOSCOW, leg_id=LegId(name), digits="", is_complete=True)
        )

    def leg(self, device: int = 0, name: str = "c1") -> LegId:
        """The leg of a phone that rings for a contact."""
        return self.a_try(name).legs[device].leg_id

    def answers(self, device: int = 0, name: str = "c1") -> Decision:
        """One of the phones that ring for a contact is answered."""
        return self.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=self.leg(device, name)))

    def phone_ends(self, outcome: Outcome, device: int = 0, name: str = "c1") -> Decision:
        """A phone that rings ends without an answer."""
        return self.hears(self.leg_ended(self.leg(device, name), outcome, EndedBy.NETWORK))

    def phone_is(self, agent_id: AgentId, state: DeviceState, pbx_id: PbxId = MOSCOW) -> Decision:
        """A PBX tells what an employee's desk phone does."""
        address = Address(f"sip:{EXTENSIONS[agent_id]}")
        return self.hears(gateway.DeviceChanged(pbx_id=pbx_id, address=address, state=state))

    # The directory

    def version(self) -> int:
        """A version newer than all before."""
        self.versions += 1
        return self.versions

    def saves_person(
        self,
        agent_id: AgentId,
        *devices: directory.Device,
        extension: str = "",
        is_removed: bool = False,
        is_employee: bool = True,
    ) -> Decision:
        """An employee's card: a desk phone, unless devices are given."""
        number = extension or EXTENSIONS[agent_id]
        return self.hears(
            offices.agent(
                agent_id,
                VOLGA if agent_id == FAR else MOSCOW,
                number,
                version=self.version(),
                devices=devices or (desk(number),),
                is_removed=is_removed,
                is_employee=is_employee,
            )
        )

    def rules(self, agent_id: AgentId, **settings: Any) -> Decision:
        """Change the given rules of an employee's direct calls."""
        kept = self._rules.setdefault(agent_id, {"numbers": (LINES[agent_id],) if agent_id in LINES else ()})
        kept.update(settings)
        return self.hears(directory.DirectRulesSaved(agent_id=agent_id, version=self.version(), **kept))

    def hours(
        self,
        agent_id: AgentId,
        *,
        hours: tuple[Interval, ...] | None = None,
        absences: tuple[Interval, ...] = (),
        known_until_at: Instant | None = None,
    ) -> Decision:
        """When an employee works."""
        return self.hears(
            directory.AgentAvailabilitySaved(
                agent_id=agent_id,
                version=self.version(),
                hours=hours,
                absences=absences,
                known_until_at=known_until_at,
            )
        )

    def is_absent(self, agent_id: AgentId, for_ms: int | None = None) -> Decision:
        """An employee is away from now on."""
        until_at = None if for_ms is None else Instant(self.at + for_ms)
        return self.hours(agent_id, absences=(Interval(from_at=self.at, until_at=until_at),))

    def is_out_of_hours(self, agent_id: AgentId) -> Decision:
        """An employee's hours begin tomorrow."""
        return self.hours(agent_id, hours=(Interval(from_at=Instant(self.at + 24 * 60 * MINUTE)),))

    def responsible(self, agent_id: AgentId | None, second: AgentId | None = None) -> Decision:
        """The CRM says who looks after the customer."""
        return self.hears(
            directory.ResponsibleSaved(
                number=CUSTOMER, version=self.version(), agent_id=agent_id, second_agent_id=second
            )
        )

    def scenario(
        self, *elements: Element, is_removed: bool = False, known_until_at: Instant | None = None
    ) -> Decision:
        """The scenario of the menu's line; it begins at its first element."""
        return self.hears(
            ScenarioSaved(
                scenario_id=MENU,
                version=self.version(),
                pbx_id=MOSCOW,
                name="Main",
                lines=(MENU_LINE,),
                elements=elements,
                is_removed=is_removed,
                hours_known_until_at=known_until_at,
            )
        )

    def policy(self, **settings: Any) -> Decision:
        """The organization's policy for dialling."""
        return self.hears(
            offices.organization(
                version=self.version(),
                language=directory.Language.ENGLISH,
                dialling_policy=DiallingPolicy(**settings),
            )
        )

    def notice(self, name: str) -> NoticeChoice:
        """A notice of the organization's own that can be played."""
        rendered = NoticeRendered(
            notice_id=NoticeId(name),
            version=self.version(),
            language=directory.Language.ENGLISH,
            parts=(f"notices/{name}.wav",),
            duration_ms=2 * SECOND,
        )
        self.hears(rendered)
        return NoticeChoice(kind=NoticeKind.SPOKEN, notice_id=NoticeId(name))

    def restarts(self) -> None:
        """Another process takes over: it knows the records and nothing else."""
        self.state = reloaded(self.state)


def an_office(*, auto: bool = True) -> RoutingHarness:
    """Four employees in Moscow, one on the Volga, two departments, and default rules."""
    office = RoutingHarness(auto=auto)
    office.policy()
    office.hears(
        offices.pbx(MOSCOW, MENU_LINE, SALES_LINE, *LINES.values()),
        offices.pbx(VOLGA, "+78431110000"),
        a_department(SALES, "400", SALES_LINE),
        a_department(SERVICE_DESK, "500"),
    )
    for agent_id in PEOPLE:
        office.saves_person(agent_id)
        office.rules(agent_id)
    return office
