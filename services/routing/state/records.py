"""The records of routing: cards from the directory, calls, and the tries that ring for them."""

from enum import StrEnum

from contracts import directory
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
    saved: directory.OrganizationSaved


class Pbx(Record, frozen=True, array_like=True):
    """A PBX, and whether it can be reached.

    `is_lost`: its gateway says that it can't. `away_until_at`: a dialling through the inter-PBX link failed;
    nobody there is dialled before that, and the next dialling after it is the probe (O9).
    """

    pbx_id: PbxId
    saved: directory.PbxSaved | None = None
    is_lost: bool = False
    away_until_at: Instant = Instant(0)


class Department(Record, frozen=True, array_like=True):
    """The part of a department's card that leads calls to it."""

    department_id: DepartmentId
    version: int
    pbx_id: PbxId
    extension: str
    lines: tuple[str, ...]
    is_removed: bool


class Person(Record, frozen=True, array_like=True):
    """An employee, or an extension of an office PBX: card, working time, the rules of direct calls.

    `department_leg_id` is set while the person talks for a department, as queue says.
    """

    agent_id: AgentId
    saved: directory.AgentSaved | None = None
    availability: directory.AgentAvailabilitySaved | None = None
    rules: directory.DirectRulesSaved | None = None
    department_leg_id: LegId | None = None


class Responsible(Record, frozen=True, array_like=True):
    """The CRM's entry for one customer number (E.164)."""

    number: str
    saved: directory.ResponsibleSaved


class Scenario(Record, frozen=True, array_like=True):
    """The current version of a call scenario."""

    scenario_id: ScenarioId
    saved: ScenarioSaved


class FormerScenario(Record, frozen=True, array_like=True):
    """A version of a scenario that was replaced while calls were in it."""

    key: str
    saved: ScenarioSaved


class Notice(Record, frozen=True, array_like=True):
    """The organization's own notice that can be played: keys of audio, and placeholders for values."""

    notice_id: str
    version: int
    parts: tuple[str, ...]


class Phone(Record, frozen=True, array_like=True):
    """A registered phone as its PBX sees it; the key is PBX and address. `in_use_since_at` 0: idle."""

    key: str
    in_use_since_at: Instant = Instant(0)
    is_unreachable: bool = False


class Stage(StrEnum):
    """What a call waits for. `deciding` lasts no longer than a step."""

    DECIDING = "deciding"
    TELLING = "telling"
    CHOOSING = "choosing"
    RINGING = "ringing"
    ANSWERED = "answered"
    TALKING = "talking"


class Then(StrEnum):
    """What follows when a notice has ended."""

    FORWARD = "forward"
    NEXT_ELEMENT = "next_element"
    DROP = "drop"
    VOICEMAIL = "voicemail"


class Call(Record, frozen=True, array_like=True):
    """One contact while it is routing's; its key is the caller's leg. The record is dropped at the end."""

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
    """The CRM's second person, for a call that the responsible manager does not take."""
    mobile_of: AgentId | None = None
    """The employee to whose own mobile the call was forwarded: their rule has no further forward."""
    scenario_id: ScenarioId | None = None
    scenario_version: int = 0
    element_id: str = ""
    asked: int = 0
    steps: int = 0
    """Elements entered since the caller last chose: a way without a choice must come to an end."""
    play_id: PlayId | None = None
    play_count: int = 0
    media: tuple[MediaKey, ...] = ()
    then: Then | None = None
    end_reason: EndReason = EndReason.DROPPED
    machine_of: AgentId | None = None
    """The employee whose voicemail takes the call after the notice."""
    try_id: TryId | None = None
    try_count: int = 0
    with_leg_id: LegId | None = None
    with_agent_id: AgentId | None = None
    connected_at: Instant = Instant(0)


class Try(Record, frozen=True, array_like=True):
    """One person or external number (`agent_id` None) being rung for a call.

    `legs` is the plan; `open_legs` may still answer; `key_legs` are mobiles that were answered and have not
    pressed a key yet. `miss` is the reason if none answers.
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
