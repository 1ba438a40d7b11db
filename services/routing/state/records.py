"""The small records of routing: cards from the book, calls, and the phones that ring for them."""

from enum import StrEnum

from contracts import directory as book
from contracts.gateway import Outcome
from contracts.ids import (
    Address,
    AgentId,
    DepartmentId,
    Instant,
    LegId,
    MediaKey,
    PbxId,
    PlayId,
    ScenarioId,
    TryId,
)
from contracts.queue import OfferLeg
from contracts.routing import EndReason, Hop, MissReason, Rule
from contracts.scenario import ScenarioSaved
from runtime.records import Record


class Organization(Record, frozen=True, array_like=True):
    """The organization's card; there is one."""

    organization_id: str
    saved: book.OrganizationSaved


class Pbx(Record, frozen=True, array_like=True):
    """A phone exchange, and whether it can be reached.

    `is_lost`: its gateway says so. `away_until_at`: a dialling through the inter-PBX link failed; nobody
    there is dialled before that, and the next one who is dialled then is the probe (O9).
    """

    pbx_id: PbxId
    saved: book.PbxSaved | None = None
    is_lost: bool = False
    away_until_at: Instant = Instant(0)


class Department(Record, frozen=True, array_like=True):
    """What of a department's card leads calls to it."""

    department_id: DepartmentId
    version: int
    pbx_id: PbxId
    extension: str
    lines: tuple[str, ...]
    is_removed: bool


class Person(Record, frozen=True, array_like=True):
    """Somebody who can be called: card, working time, the rules of direct calls.

    `department_leg_id` is there while the person talks for a department, as queue says.
    """

    agent_id: AgentId
    saved: book.AgentSaved | None = None
    availability: book.AgentAvailabilitySaved | None = None
    rules: book.DirectRulesSaved | None = None
    department_leg_id: LegId | None = None


class Responsible(Record, frozen=True, array_like=True):
    """The CRM's word on one customer number (E.164)."""

    number: str
    saved: book.ResponsibleSaved


class Scenario(Record, frozen=True, array_like=True):
    """A call scenario as it is now."""

    scenario_id: ScenarioId
    saved: ScenarioSaved


class FormerScenario(Record, frozen=True, array_like=True):
    """A version of a scenario that was replaced while calls were on their way through it."""

    key: str
    saved: ScenarioSaved


class Notice(Record, frozen=True, array_like=True):
    """A notice of the organization's own that can be played: keys and gaps for values."""

    notice_id: str
    version: int
    parts: tuple[str, ...]


class Phone(Record, frozen=True, array_like=True):
    """A registered phone as its PBX sees it; the key is PBX and address. `in_use_since_at` 0: idle."""

    key: str
    in_use_since_at: Instant = Instant(0)
    is_unreachable: bool = False


class Stage(StrEnum):
    """Where a call is. `deciding` lasts no longer than a step."""

    DECIDING = "deciding"
    TELLING = "telling"
    CHOOSING = "choosing"
    RINGING = "ringing"
    ANSWERED = "answered"
    TALKING = "talking"


class Then(StrEnum):
    """What follows when a notice was heard."""

    FORWARD = "forward"
    NEXT_ELEMENT = "next_element"
    DROP = "drop"
    VOICEMAIL = "voicemail"


class Call(Record, frozen=True, array_like=True):
    """One contact while it is routing's; its key is the caller's leg. It ends by being dropped."""

    leg_id: LegId
    pbx_id: PbxId
    caller: str | None
    line: str
    arrived_at: Instant
    rule: Rule
    is_internal: bool = False
    caller_agent_id: AgentId | None = None
    is_answered: bool = False
    stage: Stage = Stage.DECIDING
    trail: tuple[Hop, ...] = ()
    forwards: int = 0
    second_agent_id: AgentId | None = None
    """Whom the CRM wants when the responsible manager does not take the call."""
    mobile_of: AgentId | None = None
    """Whose own mobile the call was forwarded to: the last that this employee's rule can do."""
    scenario_id: ScenarioId | None = None
    scenario_version: int = 0
    element_id: str = ""
    asked: int = 0
    steps: int = 0
    """Elements entered since the caller last chose: what has no choice in it must come to an end."""
    play_id: PlayId | None = None
    play_count: int = 0
    media: tuple[MediaKey, ...] = ()
    then: Then | None = None
    end_reason: EndReason = EndReason.DROPPED
    machine_of: AgentId | None = None
    try_id: TryId | None = None
    try_count: int = 0
    with_leg_id: LegId | None = None
    with_agent_id: AgentId | None = None
    connected_at: Instant = Instant(0)


class Try(Record, frozen=True, array_like=True):
    """One person or external number (`agent_id` None) being rung for a call.

    `legs` are the plan; `open_legs` those that may still answer; `key_legs` mobiles that were answered and
    have not pressed a key yet. `miss` is what it comes to if none does.
    """

    try_id: TryId
    leg_id: LegId
    pbx_id: PbxId
    agent_id: AgentId | None
    legs: tuple[OfferLeg, ...]
    open_legs: tuple[LegId, ...]
    dialled_legs: tuple[LegId, ...]
    until_at: Instant
    ring_ms_max: int
    has_rung: bool = False
    key_legs: tuple[LegId, ...] = ()
    miss: MissReason = MissReason.UNREACHABLE
    outcome: Outcome | None = None
    """How its last phone ended."""


def phone_key(pbx_id: PbxId, address: Address) -> str:
    """The key of a registered phone."""
    return f"{pbx_id}|{address}"


def former_key(scenario_id: ScenarioId, version: int) -> str:
    """The key of a former version of a scenario."""
    return f"{scenario_id}@{version}"
