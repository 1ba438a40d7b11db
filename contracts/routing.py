"""What routing says: where a call from outside or inside goes, and what becomes of direct calls.

A contact is named by its first leg: the call that arrived. Routing hands a contact over to the queue with
`department_reached` and to voicemail with `voicemail_reached`; until then, and for as long as an employee
it has rung talks, the contact is routing's.
"""

from enum import StrEnum

from contracts import erasure
from contracts.gateway import Outcome
from contracts.ids import AgentId, DepartmentId, Instant, LegId, MediaKey, PbxId, PlayId, ScenarioId, TryId
from contracts.message import Fact, Part
from contracts.queue import OfferLeg


class Rule(StrEnum):
    """Which rule sent a call where it went (D5): what wins comes first."""

    RESPONSIBLE = "responsible"
    SCENARIO = "scenario"
    DEPARTMENT_LINE = "department_line"
    PERSONAL_NUMBER = "personal_number"
    EXTENSION = "extension"
    CALLERS_DIGIT = "callers_digit"
    ABSENCE = "absence"
    OUT_OF_HOURS = "out_of_hours"
    NO_ANSWER = "no_answer"
    LIMIT = "limit"
    """Five forwards, or a second visit: the last target's voicemail, else a message (D6)."""


class Hop(Part, frozen=True, kw_only=True):
    """One stop of a contact: an employee or a department, and the rule that led there (D6)."""

    rule: Rule
    agent_id: AgentId | None = None
    department_id: DepartmentId | None = None


class CallTaken(Fact, tag="routing.call_taken", frozen=True, kw_only=True):
    """A call has arrived and routing knows where it goes first; it is answered when somebody speaks to it.

    One of `agent_id`, `department_id` and `scenario_id` is set. `second_agent_id` is whom a responsible
    manager's calls go to when that one does not take them (D5).
    """

    leg_id: LegId
    pbx_id: PbxId
    caller: str | None
    line: str
    rule: Rule
    is_internal: bool = False
    caller_agent_id: AgentId | None = None
    scenario_id: ScenarioId | None = None
    agent_id: AgentId | None = None
    department_id: DepartmentId | None = None
    second_agent_id: AgentId | None = None


class ElementEntered(Fact, tag="routing.element_entered", frozen=True, kw_only=True):
    """A call stands at an element of its scenario; a digit that led there began a new trail (D6).

    A greeting or a menu plays `media`; a menu is `asked` twice before it goes on without a choice.
    """

    leg_id: LegId
    scenario_id: ScenarioId
    element_id: str
    digit: str = ""
    play_id: PlayId | None = None
    media: tuple[MediaKey, ...] = ()
    asked: int = 1


class PersonRung(Fact, tag="routing.person_rung", frozen=True, kw_only=True):
    """An employee's phones begin to ring for a direct call.

    They ring for `ring_ms_max` from the first ringing on (E4), and never beyond `until_at`, which leaves time
    to set the call up; a scenario's seconds include the set-up (S3), so that there both end together.
    """

    leg_id: LegId
    try_id: TryId
    agent_id: AgentId
    rule: Rule
    legs: tuple[OfferLeg, ...]
    until_at: Instant
    ring_ms_max: int


class TryLegDialled(Fact, tag="routing.try_leg_dialled", frozen=True, kw_only=True):
    """A phone that rings later than the first is dialled now (E4)."""

    leg_id: LegId
    try_id: TryId
    agent_leg_id: LegId


class TryLegSkipped(Fact, tag="routing.try_leg_skipped", frozen=True, kw_only=True):
    """A phone that was to ring later is not dialled: it is another's by now (E8), or not allowed any more."""

    leg_id: LegId
    try_id: TryId
    agent_leg_id: LegId


class TryKeyWanted(Fact, tag="routing.try_key_wanted", frozen=True, kw_only=True):
    """A mobile was answered: its person must press a key within 8 s, the others ring on (E4)."""

    leg_id: LegId
    try_id: TryId
    agent_leg_id: LegId
    until_at: Instant


class PersonAnswered(Fact, tag="routing.person_answered", frozen=True, kw_only=True):
    """The employee took the call on this phone; the others stop."""

    leg_id: LegId
    try_id: TryId
    agent_id: AgentId
    agent_leg_id: LegId


class MissReason(StrEnum):
    """Why an employee did not take a direct call; `absent` and `out_of_hours` are not rung at all (D4)."""

    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    ABSENT = "absent"
    OUT_OF_HOURS = "out_of_hours"
    REMOVED = "removed"
    CALLER_GONE = "caller_gone"


class PersonMissed(Fact, tag="routing.person_missed", frozen=True, kw_only=True):
    """A try ended without the employee; `try_id` None: the phones were not rung."""

    leg_id: LegId
    agent_id: AgentId
    reason: MissReason
    try_id: TryId | None = None


class CallForwarded(Fact, tag="routing.call_forwarded", frozen=True, kw_only=True):
    """A call goes on from an employee who did not take it, after its notice (D2, D3).

    To the same employee means to the own mobile. `trail` has everybody whom this trail visits, `to` included.
    """

    leg_id: LegId
    from_agent_id: AgentId | None
    to: Hop
    trail: tuple[Hop, ...]
    play_id: PlayId | None = None
    media: tuple[MediaKey, ...] = ()


class AfterNotice(StrEnum):
    """What follows when a caller has been told that nobody takes the call."""

    DROP = "drop"
    VOICEMAIL = "voicemail"


class EndReason(StrEnum):
    """Why a call that was routing's ended."""

    TALKED = "talked"
    ABANDONED = "abandoned"
    DROPPED = "dropped"
    SCENARIO_ENDED = "scenario_ended"
    UNKNOWN_NUMBER = "unknown_number"
    LOST = "lost"
    """The PBX lost the caller's leg, or the call had no end within any call's time."""


class CallerTold(Fact, tag="routing.caller_told", frozen=True, kw_only=True):
    """The caller hears a notice; then the call is dropped for `reason`, or is the machine's of `agent_id`.

    `rule` is the one that wanted it so.
    """

    leg_id: LegId
    rule: Rule
    play_id: PlayId
    media: tuple[MediaKey, ...]
    then: AfterNotice
    reason: EndReason = EndReason.DROPPED
    agent_id: AgentId | None = None


class ExternalDialled(Fact, tag="routing.external_dialled", frozen=True, kw_only=True):
    """A scenario's external number is dialled, as policy allows; it must answer before `until_at` (S3)."""

    leg_id: LegId
    try_id: TryId
    to_leg_id: LegId
    number: str
    until_at: Instant


class ExternalAnswered(Fact, tag="routing.external_answered", frozen=True, kw_only=True):
    """The external number took the call."""

    leg_id: LegId
    try_id: TryId
    to_leg_id: LegId


class ExternalEnded(Fact, tag="routing.external_ended", frozen=True, kw_only=True):
    """The external number did not take the call: not reached, or refused by policy (`reason`)."""

    leg_id: LegId
    try_id: TryId
    outcome: Outcome | None
    reason: str = ""


class CallConnected(Fact, tag="routing.call_connected", frozen=True, kw_only=True):
    """Caller and employee, or external number (`agent_id` None), hear each other."""

    leg_id: LegId
    with_leg_id: LegId
    waited_ms: int
    agent_id: AgentId | None = None


class DepartmentReached(Fact, tag="routing.department_reached", frozen=True, kw_only=True):
    """A call is the queue's now: it joins the department, where it waits (Q11: an internal one, too)."""

    leg_id: LegId
    pbx_id: PbxId
    department_id: DepartmentId
    caller: str | None
    line: str
    rule: Rule
    is_internal: bool = False
    is_answered: bool = False
    trail: tuple[Hop, ...] = ()


class VoicemailReached(Fact, tag="routing.voicemail_reached", frozen=True, kw_only=True):
    """A call is voicemail's now: an employee's machine, or a department's.

    `rule` says why: `limit` is the end of a trail that could go no further (D6). `missed_by` is the first
    employee whom the caller wanted (H2, H3).
    """

    leg_id: LegId
    pbx_id: PbxId
    caller: str | None
    line: str
    arrived_at: Instant
    agent_id: AgentId | None = None
    department_id: DepartmentId | None = None
    is_answered: bool = False
    rule: Rule | None = None
    missed_by: AgentId | None = None


class CallEnded(Fact, tag="routing.call_ended", frozen=True, kw_only=True):
    """A contact that nobody else took over is over; `missed_by` is whose missed call it is (H1, H2).

    That is the first employee of the last trail, also when a forward's target was ringing at the end.
    """

    leg_id: LegId
    reason: EndReason
    waited_ms: int
    missed_by: AgentId | None = None
    talk_ms: int = 0


class NumberErased(erasure.NumberErased, tag="routing.number_erased", frozen=True, kw_only=True):
    """What routing has erased of a customer, and what stays."""
