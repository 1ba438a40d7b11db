"""The cards that people fill in, entity by entity. Durations are in ms, times of day in minutes.

Parts that also travel on the log have the fields of their contract, so that one converts into the other; here
they have limits, since anybody may have written them.
"""

from datetime import date
from typing import Annotated, Final

from msgspec import Meta, Struct

from contracts.dialling import HOME_REGION
from contracts.directory import (
    ActionKind,
    DirectActionKind,
    Language,
    NoticeKind,
    PauseReason,
    PbxKind,
    Role,
    StrategyKind,
)
from contracts.number_ranges import NumberType
from contracts.rights import Action
from contracts.scenario import ElementKind
from services.directory.state.limits import (
    ARROW_PATTERN,
    TOKEN_DEPARTMENTS_MAX,
    Count,
    DurationMs,
    Email,
    Extension,
    Id,
    Key,
    Login,
    Minute,
    Name,
    NoticeText,
    Number,
    Numbers,
    Password,
    Reference,
    Region,
    RetentionDays,
    RingMs,
    Title,
    Url,
    Weekday,
    Zone,
)


class Card(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Anything that a person fills in; unknown words are errors."""


class Who(Card, frozen=True, kw_only=True):
    """Somebody who gets letters: an employee, or a person with name and address."""

    agent_id: Reference | None = None
    name: Name | None = None
    email: Email | None = None
    language: Language | None = None


People = Annotated[tuple[Who, ...], Meta(max_length=50)]


class Dialling(Card, frozen=True, kw_only=True):
    """Whom the organization's PBXs may dial (C10); their own numbers are added by the book.

    Nothing here is above the operator's ceilings; None: as much as they grant.
    """

    is_on: bool = True
    home_region: Region = HOME_REGION
    allowed_regions: Annotated[tuple[Region, ...], Meta(max_length=250)] = ()
    denied_numbers: Numbers = ()
    satellite_numbers: Numbers = ()
    orders_per_hour_per_number_max: Count = 3
    orders_per_day_per_number_max: Count = 10
    orders_per_minute_per_department_max: Count = 30
    orders_per_minute_max: Count = 60
    allowed_types: Annotated[tuple[NumberType, ...], Meta(max_length=len(NumberType))] | None = None
    orders_per_day_max: Count | None = None
    minutes_per_day_max: Count | None = None


class ServiceLevel(Card, frozen=True, kw_only=True):
    """The share of calls that should be answered within so many seconds, of those that wait in departments.

    Statistics count waits by the second up to a minute.
    """

    within_s: Annotated[int, Meta(ge=1, le=60)] = 20
    percent: Annotated[int, Meta(ge=1, le=100)] = 80


class OrganizationForm(Card, frozen=True, kw_only=True):
    """The company. `administrators` get the letters that nobody else gets; empty: whoever has that role."""

    name: Name
    language: Language = Language.RUSSIAN
    timezone: Zone = "Europe/Moscow"
    dialling: Dialling = Dialling()
    administrators: People = ()
    console_url: Url = ""


class OrganizationCard(OrganizationForm, frozen=True, kw_only=True):
    """The company. `holidays`: the country whose public ones close the hours of those who keep them."""

    retention_days: RetentionDays = 30
    holidays: Region | None = None
    numbers_hidden_from: Annotated[tuple[Role, ...], Meta(max_length=len(Role))] = ()
    """The roles that see customers' numbers masked."""
    requires_second_factor: bool = False
    """Nobody signs in without one: whoever has none sets it up after the password."""
    service_level: ServiceLevel = ServiceLevel()


class PbxCard(Card, frozen=True, kw_only=True):
    """A phone exchange; its first number is its default caller id. `apologies_at_once_max`: lines (C4)."""

    name: Name
    kind: PbxKind
    numbers: Annotated[tuple[Number, ...], Meta(min_length=1, max_length=100)]
    apologies_at_once_max: Annotated[int, Meta(ge=1, le=50)] = 5


class PbxDraft(PbxCard, frozen=True, kw_only=True):
    """A new PBX; without an id the book chooses one."""

    id: Id | None = None


class Hours(Card, frozen=True, kw_only=True):
    """On these days from one time to another; an end that is not later is on the next day."""

    days: Annotated[tuple[Weekday, ...], Meta(min_length=1, max_length=7)]
    from_minute: Minute
    until_minute: Minute


class Absence(Card, frozen=True, kw_only=True):
    """A holiday or an illness: whole days, the last one included; None: until further notice (E6)."""

    first_day: date
    last_day: date | None = None


Week = Annotated[tuple[Hours, ...], Meta(max_length=50)]


class EmployeeAtWork(Card, frozen=True, kw_only=True):
    """What an office file says of a person of a cloud PBX (E1, E4 to E6). `hours` None: always at work.

    The desk phone and softphones ring at once where `rings_desk`, the SIMs too, the mobile after its delay.
    """

    name: Name
    pbx_id: Reference
    role: Role = Role.USER
    sees_organization: bool = False
    email: Email | None = None
    language: Language | None = None
    sims: Annotated[tuple[Number, ...], Meta(max_length=3)] = ()
    rings_desk: bool = True
    rings_mobile: bool = False
    mobile_delay_ms: Annotated[int, Meta(ge=0, le=120_000)] = 5_000
    timezone: Zone | None = None
    hours: Week | None = None
    absences: Annotated[tuple[Absence, ...], Meta(max_length=100)] = ()


class EmployeeForm(EmployeeAtWork, frozen=True, kw_only=True):
    """A person of a cloud PBX."""

    job_title: Title = ""
    may_download: bool = True
    may_hear: bool = True
    mobile: Number | None = None
    keeps_holidays: bool = False


class EmployeeCard(EmployeeForm, frozen=True, kw_only=True):
    """An employee as the book keeps one."""

    login: Login
    extension: Extension


class EmployeeDraft(EmployeeForm, frozen=True, kw_only=True):
    """A new employee: what is left out is chosen by the book (E1, E2); a typed password is one-time, too."""

    id: Id | None = None
    login: Login | None = None
    extension: Extension | None = None
    password: Password | None = None


class ExtensionCard(Card, frozen=True, kw_only=True):
    """A phone of an office PBX, of which only the extension is known (O2)."""

    name: Name
    pbx_id: Reference
    extension: Extension


class ExtensionDraft(ExtensionCard, frozen=True, kw_only=True):
    """A new phone of an office PBX; without an id the book chooses one."""

    id: Id | None = None


class NoticeChoice(Card, frozen=True, kw_only=True):
    """Which notice plays at one occasion; `notice_id` for uploaded and spoken ones."""

    kind: NoticeKind = NoticeKind.STANDARD
    notice_id: Reference | None = None


STANDARD: Final = NoticeChoice()
NOTHING: Final = NoticeChoice(kind=NoticeKind.NONE)


class NoAnswerAction(Card, frozen=True, kw_only=True):
    """What happens to a caller whom nobody answers (Q5), whom it leads to, and the notice before it."""

    kind: ActionKind = ActionKind.VOICEMAIL
    agent_id: Reference | None = None
    department_id: Reference | None = None
    keeps_joining_time: bool = False
    notice: NoticeChoice = STANDARD


class Strategy(Card, frozen=True, kw_only=True):
    """How a department shares its calls (Q1)."""

    kind: StrategyKind = StrategyKind.RING_ALL
    ring_ms: RingMs = 20_000
    step_ms: RingMs | None = None
    pause_between_rounds_ms: DurationMs = 5_000


class CallbackSettings(Card, frozen=True, kw_only=True):
    """How a department calls back (C1 to C7, C11, C14, C16)."""

    is_on: bool = True
    invitation_after_ms: DurationMs = 30_000
    ring_ms: RingMs = 30_000
    attempts_max: Annotated[int, Meta(ge=1, le=5)] = 2
    attempt_gap_ms: DurationMs = 60_000
    from_abandoned: bool = False
    talk_ms_min: DurationMs = 15_000
    confirms_customer: bool = False


class VoicemailSettings(Card, frozen=True, kw_only=True):
    """How long a voice message may be, which silence ends it, how much speech makes one (V1, V2)."""

    duration_ms_max: RingMs = 180_000
    silence_ms: RingMs = 5_000
    speech_ms_min: DurationMs = 2_000


class NoticeChoices(Card, frozen=True, kw_only=True):
    """A department's notices by occasion."""

    welcome: NoticeChoice = STANDARD
    position: NoticeChoice = STANDARD
    invitation: NoticeChoice = STANDARD
    order_taken: NoticeChoice = STANDARD
    apology: NoticeChoice = STANDARD
    greeting: NoticeChoice = STANDARD


class Seat(Card, frozen=True, kw_only=True):
    """An agent's seat in a department; a suspended one keeps it and gets no calls (O5)."""

    agent_id: Reference
    is_suspended: bool = False


class DepartmentForm(Card, frozen=True, kw_only=True):
    """A group of agents that shares calls, with everything that decides how. `lines` lead here (E.164)."""

    name: Name
    pbx_id: Reference
    lines: Numbers = ()
    agents: Annotated[tuple[Seat, ...], Meta(max_length=1_000)] = ()
    language: Language | None = None
    timezone: Zone | None = None
    strategy: Strategy = Strategy()
    no_answer_ms: RingMs = 600_000
    no_answer_action: NoAnswerAction = NoAnswerAction()
    announcement_gap_ms: RingMs = 30_000
    wrap_up_ms: DurationMs = 0
    waiting_max: Count | None = None
    overflow_action: NoAnswerAction = NoAnswerAction()
    callback: CallbackSettings = CallbackSettings()
    voicemail: VoicemailSettings = VoicemailSettings()
    notices: NoticeChoices = NoticeChoices()
    recipients: People = ()
    heads: People = ()
    legs_max: Count | None = None
    auto_pause_misses: Annotated[int, Meta(ge=1, le=100)] | None = None
    records_calls: bool = False


class DepartmentCard(DepartmentForm, frozen=True, kw_only=True):
    """A department as the book keeps one."""

    extension: Extension


class DepartmentDraft(DepartmentForm, frozen=True, kw_only=True):
    """A new department: what is left out is chosen by the book."""

    id: Id | None = None
    extension: Extension | None = None


class NoticeForm(Card, frozen=True, kw_only=True):
    """A notice of the organization's own: spoken from `text`, or uploaded at `key` (one of them).

    `department_id` and `agent_id` are whom it is bound to: they fill {department}, {employee} and
    {return_date}, and when those change it is spoken anew (T3).
    """

    text: NoticeText = ""
    key: Key | None = None
    language: Language | None = None
    department_id: Reference | None = None
    agent_id: Reference | None = None


class NoticeCard(NoticeForm, frozen=True, kw_only=True):
    """A notice as the book keeps one; without a name it is called by the first words of its text."""

    name: Name | None = None


class NoticeDraft(NoticeCard, frozen=True, kw_only=True):
    """A new notice; without an id the book chooses one."""

    id: Id | None = None


class DirectAction(Card, frozen=True, kw_only=True):
    """What becomes of a direct call that its employee does not take (D2), and the notice before it."""

    kind: DirectActionKind = DirectActionKind.DROP
    agent_id: Reference | None = None
    department_id: Reference | None = None
    notice: NoticeChoice = NOTHING


class RulesCard(Card, frozen=True, kw_only=True):
    """What happens to calls to one employee (D1 to D4, D7, E5, E6); `numbers` are personal outside ones."""

    numbers: Annotated[tuple[Number, ...], Meta(max_length=20)] = ()
    no_answer_ms: RingMs = 120_000
    no_answer: DirectAction = DirectAction()
    out_of_hours: DirectAction = DirectAction()
    absence: DirectAction = DirectAction()
    has_call_waiting: bool = False
    recipients: People = ()


class Arrow(Card, frozen=True, kw_only=True):
    """From an element to the next: `on` is `next`, a digit, `open`, `closed`, `no_answer`, `no_choice`."""

    on: Annotated[str, Meta(pattern=ARROW_PATTERN)]
    to: Reference


class Element(Card, frozen=True, kw_only=True):
    """One element of a call scenario (S1); which fields it needs depends on its kind."""

    element_id: Reference
    kind: ElementKind
    notice: NoticeChoice = NOTHING
    agent_id: Reference | None = None
    department_id: Reference | None = None
    number: Number | None = None
    wait_ms: RingMs | None = None
    hours: Week = ()
    keeps_holidays: bool = False
    arrows: Annotated[tuple[Arrow, ...], Meta(max_length=20)] = ()


class ScenarioCard(Card, frozen=True, kw_only=True):
    """A call scenario on incoming numbers: it begins at its first element."""

    name: Name
    pbx_id: Reference
    lines: Numbers = ()
    timezone: Zone | None = None
    elements: Annotated[tuple[Element, ...], Meta(min_length=1, max_length=100)]


class ScenarioDraft(ScenarioCard, frozen=True, kw_only=True):
    """A new scenario; without an id the book chooses one."""

    id: Id | None = None


class ResponsibleCard(Card, frozen=True, kw_only=True):
    """The CRM's word on one customer number (D5); `agent_id` None ends it."""

    number: Number
    agent_id: Reference | None
    second_agent_id: Reference | None = None


class TokenCard(Card, frozen=True, kw_only=True):
    """A key for programs: what it may do, in the words of the table of rights, and in which departments.

    Without `department_ids` it is for the whole organization. `ends_at`: refused from then on, ms since 1970
    UTC; None: valid until it is revoked.
    """

    name: Name
    actions: Annotated[tuple[Action, ...], Meta(min_length=1, max_length=len(Action))]
    department_ids: Annotated[tuple[Reference, ...], Meta(max_length=TOKEN_DEPARTMENTS_MAX)] = ()
    ends_at: Annotated[int, Meta(ge=0, le=10**14)] | None = None


class PauseCard(Card, frozen=True, kw_only=True):
    """Whether an agent is paused, and why (Q8)."""

    is_paused: bool
    reason: PauseReason | None = None
    """Said with a pause alone: the end of one needs none."""


class WrapUpCard(Card, frozen=True, kw_only=True):
    """Until when an agent takes notes after a call, ms since 1970 UTC; None: ready now (Q13)."""

    until_at: Annotated[int, Meta(ge=0, le=10**14)] | None = None
