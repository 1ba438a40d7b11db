"""What the office's book says: organizations, PBXs, agents, departments, notices.

Every fact carries the whole entity and its version; a reader accepts a version newer than the one it
has and drops the rest, so these may come twice and in any order.
"""

from enum import StrEnum

from contracts import erasure
from contracts.callback import Origin
from contracts.dialling import DiallingPolicy
from contracts.ids import (
    Address,
    AgentId,
    CallbackId,
    DepartmentId,
    Instant,
    MediaKey,
    NoticeId,
    OrganizationId,
    PbxId,
    PlaceId,
)
from contracts.message import Fact, Interval, Part


class Language(StrEnum):
    """What a person reads and hears."""

    RUSSIAN = "ru"
    ENGLISH = "en"


class Role(StrEnum):
    """What a person may see and do, by the table of contracts/rights.py (P1 to P4)."""

    ADMINISTRATOR = "administrator"
    DEPARTMENT_HEAD = "department_head"
    USER = "user"
    RESTRICTED_USER = "restricted_user"


class Recipient(Part, frozen=True, kw_only=True):
    """Somebody who gets letters."""

    name: str
    email: str
    language: Language = Language.RUSSIAN


class OrganizationSaved(Fact, tag="directory.organization_saved", frozen=True, kw_only=True):
    """A customer company, its policy for dialling and its administrators.

    `numbers_hidden_from`: roles that see customers' numbers masked. `calls_at_once_max`: calls over all its
    PBXs, those that arrived and those dialled over the public network. `is_suspended`: nobody signs in,
    nothing is dialled, calls are rejected; `is_removed`: every service forgets it, and its id is never used
    again.
    """

    organization_id: OrganizationId
    version: int
    name: str
    language: Language
    timezone: str
    dialling_policy: DiallingPolicy
    administrators: tuple[Recipient, ...]
    console_url: str = ""
    retention_days: int = 30
    numbers_hidden_from: tuple[Role, ...] = ()
    calls_at_once_max: int = 200
    is_suspended: bool = False
    is_removed: bool = False


class PbxKind(StrEnum):
    """Cloud: its people are kept here. Office: only its extensions are known."""

    CLOUD = "cloud"
    OFFICE = "office"


class PbxSaved(Fact, tag="directory.pbx_saved", frozen=True, kw_only=True):
    """A phone exchange; `numbers` are its public numbers (E.164), the first is its default caller id."""

    pbx_id: PbxId
    version: int
    name: str
    kind: PbxKind
    numbers: tuple[str, ...]
    apologies_at_once_max: int = 5
    """How many lines apology calls may take at once (C4)."""
    is_removed: bool = False


class DeviceKind(StrEnum):
    """Office devices answer by being picked up, a mobile by a key (E4)."""

    DESK = "desk"
    SIM = "sim"
    MOBILE = "mobile"


class Device(Part, frozen=True, kw_only=True):
    """A phone of an agent, as dialled from the agent's own PBX; rung `delay_ms` after the first."""

    kind: DeviceKind
    address: Address
    delay_ms: int = 0


class AgentSaved(Fact, tag="directory.agent_saved", frozen=True, kw_only=True):
    """Whoever can take a department's calls: an employee, or an extension of an office PBX."""

    agent_id: AgentId
    version: int
    name: str
    pbx_id: PbxId
    extension: str
    devices: tuple[Device, ...]
    is_employee: bool = True
    email: str = ""
    language: Language = Language.RUSSIAN
    is_removed: bool = False


class AgentAvailabilitySaved(Fact, tag="directory.agent_availability_saved", frozen=True, kw_only=True):
    """When an agent works, as UTC intervals; `hours` None means always open (E5), absences win (E6).

    Beyond `known_until_at` the hours are unknown: that counts as open and is alarmed.
    """

    agent_id: AgentId
    version: int
    hours: tuple[Interval, ...] | None
    absences: tuple[Interval, ...]
    known_until_at: Instant | None = None


class PauseReason(StrEnum):
    """Why an agent takes no calls, as far as the agent says so."""

    BREAK = "break"
    LUNCH = "lunch"
    MEETING = "meeting"
    TRAINING = "training"
    OTHER_WORK = "other_work"


class AgentPauseSaved(Fact, tag="directory.agent_pause_saved", frozen=True, kw_only=True):
    """An agent, or the head, switched the pause on or off; `reason` None: nobody said why."""

    agent_id: AgentId
    version: int
    is_paused: bool
    reason: PauseReason | None = None


class AgentWrapUpSaved(Fact, tag="directory.agent_wrap_up_saved", frozen=True, kw_only=True):
    """An agent ends the time for notes after a call (`until_at` None), or extends it (Q13)."""

    agent_id: AgentId
    version: int
    until_at: Instant | None = None


class StrategyKind(StrEnum):
    """How a department shares its calls (Q1)."""

    RING_ALL = "ring_all"
    LONGEST_IDLE = "longest_idle"
    LINEAR = "linear"
    CUMULATIVE = "cumulative"


class Strategy(Part, frozen=True, kw_only=True):
    """The strategy with its times; `step_ms` None means 20 s for linear, 10 s for cumulative."""

    kind: StrategyKind = StrategyKind.RING_ALL
    ring_ms: int = 20_000
    step_ms: int | None = None
    pause_between_rounds_ms: int = 5_000


class NoticeKind(StrEnum):
    """What a caller is told (T1)."""

    STANDARD = "standard"
    UPLOADED = "uploaded"
    SPOKEN = "spoken"
    NONE = "none"


class NoticeChoice(Part, frozen=True, kw_only=True):
    """Which notice plays at one occasion; `notice_id` for uploaded and spoken ones."""

    kind: NoticeKind = NoticeKind.STANDARD
    notice_id: NoticeId | None = None


STANDARD_NOTICE = NoticeChoice()


class ActionKind(StrEnum):
    """What happens to a caller whom nobody answers (Q5)."""

    FALLBACK_EMPLOYEE = "fallback_employee"
    OTHER_DEPARTMENT = "other_department"
    VOICEMAIL = "voicemail"
    HANG_UP = "hang_up"


class NoAnswerAction(Part, frozen=True, kw_only=True):
    """The action, whom it leads to, and the notice before it."""

    kind: ActionKind = ActionKind.VOICEMAIL
    agent_id: AgentId | None = None
    department_id: DepartmentId | None = None
    keeps_joining_time: bool = False
    notice: NoticeChoice = STANDARD_NOTICE


class CallbackSettings(Part, frozen=True, kw_only=True):
    """How a department calls back (C1 to C7); `from_abandoned`: also who hung up in the queue (C11)."""

    is_on: bool = True
    invitation_after_ms: int = 30_000
    ring_ms: int = 30_000
    attempts_max: int = 2
    attempt_gap_ms: int = 60_000
    from_abandoned: bool = False
    talk_ms_min: int = 15_000
    """Who was bridged with the department for this long since ordering is not called back (C14)."""
    confirms_customer: bool = False
    """Who picks up presses a key before being connected: a machine is no customer (C16)."""


class VoicemailSettings(Part, frozen=True, kw_only=True):
    """How long a voice message may be, which silence ends it, and how much speech makes one (V1, V2)."""

    duration_ms_max: int = 180_000
    silence_ms: int = 5_000
    speech_ms_min: int = 2_000


class NoticeChoices(Part, frozen=True, kw_only=True):
    """A department's notices by occasion."""

    welcome: NoticeChoice = STANDARD_NOTICE
    position: NoticeChoice = STANDARD_NOTICE
    invitation: NoticeChoice = STANDARD_NOTICE
    order_taken: NoticeChoice = STANDARD_NOTICE
    apology: NoticeChoice = STANDARD_NOTICE
    greeting: NoticeChoice = STANDARD_NOTICE


class Membership(Part, frozen=True, kw_only=True):
    """An agent's seat in a department; the order of the list is the department's order."""

    agent_id: AgentId
    is_suspended: bool = False


class DepartmentSaved(Fact, tag="directory.department_saved", frozen=True, kw_only=True):
    """A group of agents that shares calls, with everything that decides how.

    `lines` are the public numbers that lead here; `recipients` and `heads` get its letters (V4);
    `waiting_max` and `legs_max` (phones rung at once) None mean without a limit (Q13); `auto_pause_misses`
    None: misses never pause an agent (Q8). `head_ids` are the employees behind `heads`.
    """

    department_id: DepartmentId
    version: int
    name: str
    pbx_id: PbxId
    extension: str
    lines: tuple[str, ...]
    agents: tuple[Membership, ...]
    language: Language = Language.RUSSIAN
    timezone: str = "Europe/Moscow"
    strategy: Strategy = Strategy()
    no_answer_ms: int = 600_000
    no_answer_action: NoAnswerAction = NoAnswerAction()
    announcement_gap_ms: int = 30_000
    wrap_up_ms: int = 0
    waiting_max: int | None = None
    overflow_action: NoAnswerAction = NoAnswerAction()
    callback: CallbackSettings = CallbackSettings()
    voicemail: VoicemailSettings = VoicemailSettings()
    notices: NoticeChoices = NoticeChoices()
    recipients: tuple[Recipient, ...] = ()
    heads: tuple[Recipient, ...] = ()
    is_removed: bool = False
    legs_max: int | None = None
    auto_pause_misses: int | None = None
    records_calls: bool = False
    head_ids: tuple[AgentId, ...] = ()


class NoticeSaved(Fact, tag="directory.notice_saved", frozen=True, kw_only=True):
    """A notice of the organization's own: spoken from `text`, or uploaded at `key`.

    It plays once tts said `tts.notice_rendered` for it; until then its predecessor or the standard one.
    `values` fills the placeholders known when it is saved: when a name changes, so does the notice.
    """

    notice_id: NoticeId
    version: int
    language: Language
    text: str = ""
    key: MediaKey | None = None
    values: dict[str, str] = {}


class DirectActionKind(StrEnum):
    """What becomes of a direct call that its employee does not take (D2); `mobile` is the own one (P5)."""

    DROP = "drop"
    COLLEAGUE = "colleague"
    DEPARTMENT = "department"
    VOICEMAIL = "voicemail"
    MOBILE = "mobile"


class DirectAction(Part, frozen=True, kw_only=True):
    """The action, whom it leads to, and the notice before it.

    With `drop`, the notice `none` means busy tones and nothing else.
    """

    kind: DirectActionKind = DirectActionKind.DROP
    agent_id: AgentId | None = None
    department_id: DepartmentId | None = None
    notice: NoticeChoice = NoticeChoice(kind=NoticeKind.NONE)


class DirectRulesSaved(Fact, tag="directory.direct_rules_saved", frozen=True, kw_only=True):
    """What happens to calls to one employee (D1 to D4, D7, E5, E6).

    `numbers` are the personal outside numbers and company SIMs that lead here (E.164); `recipients` get the
    voice messages, empty means the next of V4. The extension is on `directory.agent_saved`. `mobile` is the
    own mobile (E.164) that the action `mobile` rings; empty: the mobile among the employee's devices.
    """

    agent_id: AgentId
    version: int
    numbers: tuple[str, ...] = ()
    no_answer_ms: int = 120_000
    no_answer: DirectAction = DirectAction()
    out_of_hours: DirectAction = DirectAction()
    absence: DirectAction = DirectAction()
    has_call_waiting: bool = False
    recipients: tuple[Recipient, ...] = ()
    mobile: str = ""


class RightsSaved(Fact, tag="directory.rights_saved", frozen=True, kw_only=True):
    """One employee's role and its switches; departments come from the departments' own facts."""

    agent_id: AgentId
    version: int
    role: Role
    sees_organization: bool = False
    may_download: bool = True
    may_hear: bool = True
    is_removed: bool = False


class ResponsibleSaved(Fact, tag="directory.responsible_saved", frozen=True, kw_only=True):
    """The CRM's word on one customer number (D5): who is rung, and who when that one does not take it.

    `agent_id` None: the number has no responsible manager any more.
    """

    number: str
    version: int
    agent_id: AgentId | None
    second_agent_id: AgentId | None = None
    is_erased: bool = False
    """The customer's data were erased: the number is forgotten, its version too."""


class CallbackAsked(Fact, tag="directory.callback_asked", frozen=True, kw_only=True):
    """Somebody asks by the API that a customer be called back (C11); callback decides and answers.

    With `joined_at` it was promised before, on a log that is lost: it keeps that joining time and the place
    `place_id`, no limit of orders counts it, and `origin` is how it was ordered then (C12).
    """

    callback_id: CallbackId
    department_id: DepartmentId
    number: str
    joined_at: Instant | None = None
    place_id: PlaceId | None = None
    origin: Origin = Origin.API


class CallbackCancelAsked(Fact, tag="directory.callback_cancel_asked", frozen=True, kw_only=True):
    """An agent or the API withdraws a callback (C9); `by` is the employee, or None for an API token."""

    callback_id: CallbackId
    by: AgentId | None = None


class CallbackKeepAsked(Fact, tag="directory.callback_keep_asked", frozen=True, kw_only=True):
    """The agent who talks to the customer of a standing callback wants it to stand: it was a colleague who
    called, or somebody under that number (C14)."""

    callback_id: CallbackId
    by: AgentId | None = None


class CallbackNotReachedAsked(Fact, tag="directory.callback_not_reached_asked", frozen=True, kw_only=True):
    """The agent of an attempt says that a machine, or a stranger, has answered: that counts as unanswered
    (C13, C16)."""

    callback_id: CallbackId
    by: AgentId | None = None


class LoginEnded(Fact, tag="directory.login_ended", frozen=True, kw_only=True):
    """A login is over before its tokens are: its employee logged out, chose another password, was removed.

    `login_id` is what its tokens carry as `family`; the last access token of it is over at `until_at`, so
    that nobody needs to remember this any longer.
    """

    login_id: str
    agent_id: AgentId
    until_at: Instant


class TokenSaved(Fact, tag="directory.token_saved", frozen=True, kw_only=True):
    """A key for programs: what it may do, never its secret. No `department_ids`: the whole organization."""

    token_id: str
    version: int
    name: str
    actions: tuple[str, ...]
    is_revoked: bool = False
    department_ids: tuple[DepartmentId, ...] = ()
    issued_at: Instant = Instant(0)
    """When the token was signed that is valid: those signed before it are not. 0: whenever it was signed."""


class NumberErased(erasure.NumberErased, tag="directory.number_erased", frozen=True, kw_only=True):
    """What directory has erased of a customer, and what stays."""
