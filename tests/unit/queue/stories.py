"""An office for tests of the queue: facts go in, facts and commands come out, time passes.

`Office` plays the PBX by itself: a dialled phone rings, a bridge is made, a play is heard to its end. With
`auto=False` the test does all that.
"""

from typing import Any

from contracts import callback, directory, gateway, queue, routing
from contracts.dialling import DiallingPolicy
from contracts.gateway import DeviceState, EndedBy, Outcome
from contracts.ids import (
    Address,
    AgentId,
    CallbackId,
    DepartmentId,
    Instant,
    LegId,
    PbxId,
    PlaceId,
)
from contracts.message import Fact, Interval
from runtime.decision import Decision, together
from services.queue.service import SERVICE
from services.queue.state import QueueState
from services.queue.state.records import Offer, Place
from tests import offices
from tests.offices import desk
from tests.unit.decider_harness import Told
from tests.unit.queue.checks import Watch, reloaded, watched

NINE = Instant(1_779_948_000_000)
"""Nine in the morning, when every test begins."""
SECOND = 1_000
MINUTE = 60_000
MOSCOW, VOLGA, OFFICE = PbxId("moscow"), PbxId("volga"), PbxId("office")
SALES, SERVICE_DESK = DepartmentId("sales"), DepartmentId("service")
SALES_LINE, SERVICE_LINE = "+74951110001", "+74951110002"
ANNA, BORIS, VERA, GLEB = AgentId("anna"), AgentId("boris"), AgentId("vera"), AgentId("gleb")
CUSTOMER = "+79123456789"


class Office(Told[QueueState]):
    """One organization's queue, its clock, everything it said, and its phones."""

    def __init__(self, *, auto: bool = True) -> None:
        self.watch = Watch()
        super().__init__(watched(self.watch), QueueState(), NINE)
        self.auto = auto
        self.plain_decider = SERVICE
        self.versions = 0
        self._settings: dict[DepartmentId, dict[str, Any]] = {}

    # Facts and time

    def hears(self, *facts: Fact, after_ms: int = 0) -> Decision:
        """Consume facts, and return all decisions that follow, including those on the phones' replies."""
        self.at = Instant(self.at + after_ms)
        said: list[Decision] = []
        for fact in facts:
            said.append(self.step(fact))
            if self.auto:
                said.extend(self.hears(reply) for c in said[-1].commands for reply in self.replies(c))
        return together(said)

    def check(self) -> None:
        """Check the queue's invariants."""
        self.watch.after(self.state)

    def waits(self, ms: int) -> None:
        """Let time pass."""
        self.waits_until(Instant(self.at + ms))

    def leg_ended(self, leg_id: LegId, outcome: Outcome, by: EndedBy = EndedBy.PARTY) -> gateway.LegEnded:
        """The fact that a leg has ended."""
        leg = self.state.legs.get(leg_id)
        return gateway.LegEnded(
            pbx_id=MOSCOW if leg is None else leg.pbx_id, leg_id=leg_id, outcome=outcome, by=by
        )

    # What was said

    def place(self, name: str) -> Place:
        """The place of a caller who waits."""
        return self.state.places[f"p.{name}"]

    def waits_for(self, name: str) -> bool:
        """Whether a caller's place has not ended."""
        return f"p.{name}" in self.state.places

    def offer_to(self, agent_id: AgentId) -> Offer:
        """The offer that an agent holds."""
        offer_id = self.state.activity(agent_id).offer_id
        assert offer_id is not None, f"{agent_id} holds no offer"
        return self.state.offers[offer_id]

    def ringing(self, name: str) -> list[AgentId]:
        """The agents who are offered a caller's place, in the order of their offers."""
        return [self.state.offers[offer_id].agent_id for offer_id in self.place(name).offers]

    def has_offer(self, agent_id: AgentId) -> bool:
        """Whether an agent has an offer."""
        return self.state.activity(agent_id).offer_id is not None

    def end_of(self, offer_of: AgentId) -> type[Fact]:
        """How the last offer of an agent ended."""
        ends = (queue.OfferAccepted, queue.OfferDeclined, queue.OfferMissed, queue.OfferUnreachable)
        return type(
            [
                fact
                for fact in self.facts
                if isinstance(fact, (*ends, queue.OfferWithdrawn)) and fact.agent_id == offer_of
            ][-1]
        )

    # Customers

    def calls(
        self,
        name: str,
        *,
        caller: str | None = CUSTOMER,
        line: str = SALES_LINE,
        pbx_id: PbxId = MOSCOW,
        is_internal: bool = False,
    ) -> PlaceId:
        """A call arrives on a department's line, and routing hands it over."""
        about: dict[str, Any] = {"pbx_id": pbx_id, "leg_id": LegId(name), "caller": caller, "line": line}
        self.hears(gateway.CallArrived(**about, is_internal=is_internal))
        found = [each for each in self.state.departments if line in each.saved.lines]
        if found and not found[0].saved.is_removed:  # else routing rejects the call
            rule = routing.Rule.EXTENSION if is_internal else routing.Rule.DEPARTMENT_LINE
            about |= {"department_id": found[0].department_id, "rule": rule, "is_internal": is_internal}
            self.hears(routing.DepartmentReached(**about))
        return PlaceId(f"p.{name}")

    def hangs_up(self, name: str) -> Decision:
        """The person on the leg of this name hangs up."""
        return self.hears(self.leg_ended(LegId(name), Outcome.COMPLETED))

    def presses(self, name: str, digits: str = "1") -> Decision:
        """A key is pressed on a leg."""
        pbx_id = self.state.legs[name].pbx_id
        return self.hears(gateway.DigitsEntered(pbx_id=pbx_id, leg_id=LegId(name), digits=digits))

    def orders(self, name: str, *, hangs_up: bool = True, number: str = CUSTOMER) -> CallbackId:
        """A caller is invited, presses 1, callback takes the order, and the caller hangs up by default."""
        self.waits_until(Instant(max(self.at, self.place(name).joined_at + 30 * SECOND)))
        self.presses(name)
        callback_id = self.ordered(name, number=number)
        if hangs_up:
            self.hangs_up(name)
        return callback_id

    def ordered(self, name: str, *, number: str = CUSTOMER) -> CallbackId:
        """Callback says that the order of a caller stands."""
        place = self.place(name)
        callback_id = CallbackId(f"cb.{place.place_id}")
        self.hears(
            callback.CallbackOrdered(
                callback_id=callback_id,
                place_id=place.place_id,
                department_id=place.department_id,
                pbx_id=place.pbx_id,
                number=number,
                caller_id=place.line,
                joined_at=place.joined_at,
                deadline_at=place.deadline_at,
                leg_id=place.leg_id,
            )
        )
        return callback_id

    # Agents

    def answers(self, agent_id: AgentId, device: int = 0) -> Decision:
        """An agent picks up one of the ringing phones."""
        offer = self.offer_to(agent_id)
        return self.hears(gateway.LegAnswered(pbx_id=offer.pbx_id, leg_id=offer.legs[device].leg_id))

    def declines(self, agent_id: AgentId, device: int = 0) -> Decision:
        """An agent presses reject."""
        leg_id = self.offer_to(agent_id).legs[device].leg_id
        return self.hears(self.leg_ended(leg_id, Outcome.DECLINED))

    def phone_ends(self, agent_id: AgentId, outcome: Outcome, device: int = 0) -> Decision:
        """A phone of an agent's offer ends without an answer."""
        leg_id = self.offer_to(agent_id).legs[device].leg_id
        return self.hears(self.leg_ended(leg_id, outcome, EndedBy.NETWORK))

    def finishes(self, agent_id: AgentId) -> Decision:
        """An agent hangs up."""
        leg_id = self.state.activity(agent_id).leg_id
        assert leg_id is not None, f"{agent_id} is on no call"
        return self.hears(self.leg_ended(leg_id, Outcome.COMPLETED))

    def talks(self, agent_id: AgentId, name: str, for_ms: int = MINUTE) -> None:
        """A whole call: somebody calls, the agent answers, and hangs up after a while."""
        self.calls(name)
        self.answers(agent_id)
        self.waits(for_ms)
        self.finishes(agent_id)

    def phone_is(self, agent_id: AgentId, state: DeviceState, pbx_id: PbxId = MOSCOW) -> Decision:
        """A PBX reports the state of an agent's desk phone."""
        address = Address(f"sip:{agent_id}")
        return self.hears(gateway.DeviceChanged(pbx_id=pbx_id, address=address, state=state))

    # The directory

    def saves(self, *facts: Fact) -> Decision:
        """Cards are saved."""
        return self.hears(*facts)

    def department(
        self,
        *agents: AgentId,
        department_id: DepartmentId = SALES,
        suspended: tuple[AgentId, ...] = (),
        **settings: Any,
    ) -> directory.DepartmentSaved:
        """A department's card with the next version; settings stay as they were unless given."""
        self.versions += 1
        kept = self._settings.setdefault(department_id, {})
        kept.update(settings)
        lines = {SALES: (SALES_LINE,), SERVICE_DESK: (SERVICE_LINE,)}
        usual: dict[str, Any] = {
            "extension": "400",
            "lines": lines.get(department_id, ()),
            "agents": tuple(
                directory.Membership(agent_id=agent_id, is_suspended=agent_id in suspended)
                for agent_id in agents
            ),
        }
        return offices.department(department_id, MOSCOW, version=self.versions, **(usual | kept))

    def agent(
        self,
        agent_id: AgentId,
        *devices: directory.Device,
        pbx_id: PbxId = MOSCOW,
        is_removed: bool = False,
    ) -> directory.AgentSaved:
        """An agent's card: a desk phone, unless devices are given."""
        self.versions += 1
        return offices.agent(
            agent_id,
            pbx_id,
            agent_id,
            version=self.versions,
            devices=devices or (desk(agent_id),),
            is_removed=is_removed,
        )

    def hours(
        self,
        agent_id: AgentId,
        *,
        hours: tuple[Interval, ...] | None = None,
        absences: tuple[Interval, ...] = (),
        known_until_at: Instant | None = None,
    ) -> directory.AgentAvailabilitySaved:
        """When an agent works."""
        self.versions += 1
        return directory.AgentAvailabilitySaved(
            agent_id=agent_id,
            version=self.versions,
            hours=hours,
            absences=absences,
            known_until_at=known_until_at,
        )

    def pause(self, agent_id: AgentId, is_paused: bool = True) -> directory.AgentPauseSaved:
        """An agent switches the pause on or off."""
        self.versions += 1
        return directory.AgentPauseSaved(agent_id=agent_id, version=self.versions, is_paused=is_paused)

    def restarts(self) -> None:
        """Another process takes over and loads the records."""
        self.state = reloaded(self.state)


def an_office(
    *agents: AgentId,
    auto: bool = True,
    policy: DiallingPolicy | None = None,
    **settings: Any,
) -> Office:
    """Sales on the PBX in Moscow, with these agents and settings; ring all by default."""
    office = Office(auto=auto)
    office.hears(
        offices.organization(dialling_policy=policy or DiallingPolicy()),
        offices.pbx(MOSCOW, SALES_LINE, SERVICE_LINE),
        *(office.agent(agent_id) for agent_id in agents),
        office.department(*agents, **settings),
    )
    return office


def mobile(number: str = "+79160000001", delay_ms: int = 0) -> directory.Device:
    """A mobile."""
    return directory.Device(
        kind=directory.DeviceKind.MOBILE, address=Address(f"tel:{number}"), delay_ms=delay_ms
    )


def by(kind: str, **times: int) -> directory.Strategy:
    """A strategy."""
    return directory.Strategy(kind=directory.StrategyKind(kind), **times)


def action(kind: str, **settings: Any) -> directory.NoAnswerAction:
    """A no-answer action."""
    return directory.NoAnswerAction(kind=directory.ActionKind(kind), **settings)


def silence() -> directory.NoticeChoice:
    """No notice at all, «Без сообщения»."""
    return directory.NoticeChoice(kind=directory.NoticeKind.NONE)


def played(office: Office, kind: queue.AnnouncementKind) -> list[queue.AnnouncementMade]:
    """The announcements of a kind."""
    return [fact for fact in office.said(queue.AnnouncementMade) if fact.kind is kind]
