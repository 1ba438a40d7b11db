"""Stories of contacts: an office of two PBXs, facts one after the other, and the row they make."""

from contracts import callback as c
from contracts import queue as q
from contracts import routing as r
from contracts.codec import Envelope
from contracts.directory import (
    AgentSaved,
    DepartmentSaved,
    Device,
    DeviceKind,
    RightsSaved,
    Role,
)
from contracts.gateway import CallArrived, EndedBy, LegEnded, Outcome
from contracts.ids import (
    Address,
    AgentId,
    CallbackId,
    DepartmentId,
    Instant,
    LegId,
    OfferId,
    OrganizationId,
    PbxId,
    PlaceId,
    PlayId,
    TryId,
)
from contracts.message import Fact, type_name
from services.history.rules.card_cache import CardCache
from services.history.rules.history_row import Row, row
from services.history.rules.projection_batch import ProjectionBatch
from services.history.state import Contact, ContactId
from tests import offices

NORTH = OrganizationId("north")
MOSCOW, VOLGA = PbxId("moscow"), PbxId("volga")
SALES, SERVICE = DepartmentId("sales"), DepartmentId("service")
ANNA, BORIS, VERA = AgentId("anna"), AgentId("boris"), AgentId("vera")
LINE = "+74950001000"
CUSTOMER = "+79165550001"
DESK = Device(kind=DeviceKind.DESK, address=Address("sip:101"))
BEGIN = Instant(1_800_000_000_000)


def an_agent(agent_id: AgentId, name: str, pbx_id: PbxId, *, version: int = 1) -> AgentSaved:
    """An employee with a desk phone."""
    return offices.agent(agent_id, pbx_id, name=name, version=version)


def a_department(
    department_id: DepartmentId,
    name: str,
    pbx_id: PbxId,
    *agents: AgentId,
    version: int = 1,
    head_ids: tuple[AgentId, ...] = (),
) -> DepartmentSaved:
    """A department with these agents."""
    return offices.department(
        department_id, pbx_id, *agents, name=name, version=version, lines=(LINE,), head_ids=head_ids
    )


def the_cards() -> tuple[Fact, ...]:
    """Anna and Boris in Moscow, Vera on the Volga; Sales is in Moscow, Service on the Volga."""
    return (
        offices.organization(NORTH),
        offices.pbx(MOSCOW, LINE),
        offices.pbx(VOLGA, "+78460001000"),
        an_agent(ANNA, "Anna", MOSCOW),
        an_agent(BORIS, "Boris", MOSCOW),
        an_agent(VERA, "Vera", VOLGA),
        a_department(SALES, "Sales", MOSCOW, ANNA, VERA),
        a_department(SERVICE, "Service", VOLGA, VERA),
        RightsSaved(agent_id=BORIS, version=1, role=Role.ADMINISTRATOR),
    )


class Office:
    """An organization whose log is written here, second by second."""

    def __init__(self) -> None:
        self.batch = ProjectionBatch(NORTH, CardCache(NORTH), {})
        self._offset = 0
        self.say(*the_cards())

    def say(self, *facts: Fact, at_s: float = 0.0) -> "Office":
        """Facts on the log, seconds after the beginning."""
        for fact in facts:
            self._offset += 1
            envelope = Envelope(
                id=f"test/{self._offset}", type=type_name(fact), source="test", organization_id=NORTH
            )
            self.batch.hear(envelope, fact, at=at(at_s), offset=self._offset)
        return self

    def contact(self, leg: str = "in1") -> Contact:
        """A contact by its first leg."""
        return self.batch.contacts[ContactId(leg)]

    def row(self, leg: str = "in1") -> Row:
        """Its line in history."""
        return row(self.contact(leg))


def at(seconds: float) -> Instant:
    """Seconds after the beginning."""
    return Instant(BEGIN + round(seconds * 1000))


def a_call(leg: str = "in1", caller: str | None = CUSTOMER, *, is_internal: bool = False) -> CallArrived:
    """Somebody calls in Moscow."""
    return CallArrived(pbx_id=MOSCOW, leg_id=LegId(leg), caller=caller, line=LINE, is_internal=is_internal)


def hung_up(leg: str, outcome: Outcome = Outcome.COMPLETED) -> LegEnded:
    """A leg ends."""
    return LegEnded(pbx_id=MOSCOW, leg_id=LegId(leg), outcome=outcome, by=EndedBy.PARTY)


def taken(leg: str = "in1") -> r.CallTaken:
    """Routing has the call."""
    return r.CallTaken(
        leg_id=LegId(leg), pbx_id=MOSCOW, caller=CUSTOMER, line=LINE, rule=r.Rule.PERSONAL_NUMBER
    )


def rung(
    agent_id: AgentId, try_id: str, leg: str = "in1", rule: r.Rule = r.Rule.PERSONAL_NUMBER
) -> r.PersonRung:
    """An employee's phones ring."""
    return r.PersonRung(
        leg_id=LegId(leg),
        try_id=TryId(try_id),
        agent_id=agent_id,
        rule=rule,
        legs=(),
        until_at=at(120),
        ring_ms_max=120_000,
    )


def missed(
    agent_id: AgentId,
    try_id: str | None,
    leg: str = "in1",
    reason: r.MissReason = r.MissReason.NO_ANSWER,
) -> r.PersonMissed:
    """An employee did not take it."""
    return r.PersonMissed(
        leg_id=LegId(leg), agent_id=agent_id, reason=reason, try_id=None if try_id is None else TryId(try_id)
    )


def forwarded(to: AgentId, from_: AgentId = ANNA, leg: str = "in1") -> r.CallForwarded:
    """A call goes on to a colleague."""
    hop = r.Hop(rule=r.Rule.NO_ANSWER, agent_id=to)
    return r.CallForwarded(leg_id=LegId(leg), from_agent_id=from_, to=hop, trail=(hop,))


def answered(agent_id: AgentId, try_id: str, leg: str = "in1") -> tuple[Fact, ...]:
    """An employee answers, and both hear each other."""
    agent_leg = LegId(f"{try_id}.leg")
    return (
        r.PersonAnswered(leg_id=LegId(leg), try_id=TryId(try_id), agent_id=agent_id, agent_leg_id=agent_leg),
        r.CallConnected(leg_id=LegId(leg), with_leg_id=agent_leg, waited_ms=12_000, agent_id=agent_id),
    )


def ended(
    reason: r.EndReason, *, missed_by: AgentId | None = None, leg: str = "in1", waited_ms: int = 0
) -> r.CallEnded:
    """Routing is done with the call."""
    return r.CallEnded(leg_id=LegId(leg), reason=reason, waited_ms=waited_ms, missed_by=missed_by)


def place(
    leg: str = "in1", department_id: DepartmentId = SALES, *, position: int = 1, at_s: float = 0
) -> q.PlaceTaken:
    """A place in a department's queue."""
    return q.PlaceTaken(
        place_id=PlaceId(f"p.{leg}"),
        department_id=department_id,
        pbx_id=MOSCOW,
        leg_id=LegId(leg),
        caller=CUSTOMER,
        line=LINE,
        joined_at=at(at_s),
        deadline_at=at(at_s + 600),
        position=position,
    )


def offer(agent_id: AgentId, number: int, leg: str = "in1", skipped: tuple[q.Skip, ...] = ()) -> q.OfferMade:
    """A place is presented to an agent."""
    return q.OfferMade(
        offer_id=OfferId(f"p.{leg}.o{number}"),
        place_id=PlaceId(f"p.{leg}"),
        department_id=SALES,
        agent_id=agent_id,
        round=1,
        ring_ms_max=20_000,
        legs=(),
        skipped=skipped,
    )


def offer_missed(agent_id: AgentId, number: int, leg: str = "in1") -> q.OfferMissed:
    """It rang to the end."""
    return q.OfferMissed(
        offer_id=OfferId(f"p.{leg}.o{number}"), place_id=PlaceId(f"p.{leg}"), agent_id=agent_id
    )


def offer_accepted(agent_id: AgentId, number: int, leg: str = "in1") -> q.OfferAccepted:
    """The agent took it."""
    return q.OfferAccepted(
        offer_id=OfferId(f"p.{leg}.o{number}"),
        place_id=PlaceId(f"p.{leg}"),
        agent_id=agent_id,
        leg_id=LegId(f"p.{leg}.o{number}.0"),
    )


def connected(agent_id: AgentId, number: int, leg: str = "in1", *, waited_ms: int) -> q.PlaceConnected:
    """Caller and agent hear each other."""
    return q.PlaceConnected(
        place_id=PlaceId(f"p.{leg}"),
        agent_id=agent_id,
        leg_id=LegId(leg),
        agent_leg_id=LegId(f"p.{leg}.o{number}.0"),
        waited_ms=waited_ms,
    )


def ordered(leg: str = "in1", *, at_s: float = 0) -> c.CallbackOrdered:
    """The customer pressed 1."""
    return c.CallbackOrdered(
        callback_id=CallbackId(f"cb.p.{leg}"),
        place_id=PlaceId(f"p.{leg}"),
        department_id=SALES,
        pbx_id=MOSCOW,
        number=CUSTOMER,
        caller_id=LINE,
        joined_at=at(at_s),
        deadline_at=at(at_s + 600),
        leg_id=LegId(leg),
    )


def attempt(agent_id: AgentId, leg: str = "in1", number: int = 1) -> tuple[Fact, ...]:
    """An agent is there, and the customer is dialled."""
    callback_id, place_id = CallbackId(f"cb.p.{leg}"), PlaceId(f"p.{leg}")
    return (
        c.AttemptStarted(
            callback_id=callback_id,
            place_id=place_id,
            attempt=number,
            agent_id=agent_id,
            agent_leg_id=LegId(f"agent.{leg}.{number}"),
            whisper_play_id=PlayId("w"),
        ),
        c.CustomerDialled(
            callback_id=callback_id,
            place_id=place_id,
            attempt=number,
            leg_id=LegId(f"customer.{leg}.{number}"),
            agent_id=agent_id,
            agent_leg_id=LegId(f"agent.{leg}.{number}"),
        ),
    )


def callback_connected(
    agent_id: AgentId, leg: str = "in1", number: int = 1, *, at_s: float
) -> tuple[Fact, ...]:
    """The customer answers and both talk; the queue closes the place."""
    callback_id, place_id = CallbackId(f"cb.p.{leg}"), PlaceId(f"p.{leg}")
    return (
        c.CustomerAnswered(
            callback_id=callback_id, place_id=place_id, leg_id=LegId(f"customer.{leg}.{number}")
        ),
        c.CallbackConnected(
            callback_id=callback_id,
            place_id=place_id,
            department_id=SALES,
            pbx_id=MOSCOW,
            number=CUSTOMER,
            joined_at=at(0),
            ordered_at=at(40),
            attempts=number,
            agent_id=agent_id,
            agent_leg_id=LegId(f"agent.{leg}.{number}"),
            leg_id=LegId(f"customer.{leg}.{number}"),
            waited_ms=round(at_s * 1000),
        ),
        q.PlaceClosed(place_id=place_id, callback_id=callback_id, outcome="connected"),
    )
