"""The shape of an office file: what it may contain, and the defaults."""

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from contracts.dialling import HOME_REGION
from contracts.directory import (
    ActionKind,
    DeviceKind,
    DirectActionKind,
    Language,
    PbxKind,
    Role,
    StrategyKind,
)
from contracts.scenario import ElementKind
from ringback.apply.values import (
    Count,
    Days,
    Duration,
    Email,
    Extension,
    Id,
    MinuteOfDay,
    Name,
    Number,
    Shape,
    value_error,
)
from ringback.apply.wording import Mistake

ELEMENT_ID: Final = r"^[a-z][a-z0-9-]{0,19}$"
"""A notice's id contains its scenario's and its element's id, and must not be too long."""


class Who(Shape):
    """A recipient of letters: an employee's id, or a name with an address."""

    employee: str | None = None
    name: Name | None = None
    email: Email | None = None
    language: Language | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_id(cls, value: Any) -> Any:
        return {"employee": value} if isinstance(value, str) else value


class Dialling(Shape):
    """Which numbers the organization's PBXs may dial (C10)."""

    on: bool = True
    home_region: Annotated[str, Field(pattern="^[A-Z]{2}$")] = HOME_REGION
    allowed_regions: tuple[Annotated[str, Field(pattern="^[A-Z]{2}$")], ...] = ()
    denied_numbers: tuple[Number, ...] = ()
    satellite_numbers: tuple[Number, ...] = ()
    orders_per_hour_per_number: Count = 3
    orders_per_day_per_number: Count = 10
    orders_per_minute_per_department: Count = 30
    orders_per_minute: Count = 60


class Organization(Shape):
    """The company."""

    id: Id
    name: Name
    language: Language = Language.RUSSIAN
    timezone: str = "Europe/Moscow"
    console_url: str = ""
    administrators: Annotated[tuple[Who, ...], Field(min_length=1)]
    dialling: Dialling = Dialling()


class Pbx(Shape):
    """A phone exchange; its first number is its default caller id."""

    name: Name
    kind: PbxKind
    numbers: Annotated[tuple[Number, ...], Field(min_length=1)]
    apologies_at_once: Annotated[int, Field(ge=1, le=50)] = 5


class Device(Shape):
    """A phone; a mobile rings 5 s after the other phones unless `after` says otherwise (E4)."""

    kind: DeviceKind
    number: Number | None = None
    after: Duration | None = None

    @model_validator(mode="after")
    def _waits_only_as_a_mobile(self) -> "Device":
        if self.after is not None and self.kind is not DeviceKind.MOBILE:
            raise value_error(Mistake.DEVICE_LATE)
        return self

    @model_validator(mode="after")
    def _has_its_number(self) -> "Device":
        if (self.kind is DeviceKind.DESK) == (self.number is not None):
            raise value_error(Mistake.DEVICE_NUMBER)
        return self


DESK: Final = Device(kind=DeviceKind.DESK)


class Hours(Shape):
    """Working hours on these days; a `to` that is not later than `from` is on the next day."""

    days: Days
    from_: Annotated[MinuteOfDay, Field(alias="from")]
    to: MinuteOfDay


class Absence(Shape):
    """A holiday or an illness in whole days, the last one included; without `last_day` it is open-ended."""

    from_: Annotated[date, Field(alias="from")]
    last_day: date | None = None


class Notice(Shape):
    """What a caller hears: `standard`, `none`, {spoken: a text}, or {uploaded: a file}."""

    kind: Literal["standard", "none"] | None = None
    spoken: str | None = None
    uploaded: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        if isinstance(value, str) and value not in ("standard", "none"):
            raise value_error(Mistake.NOTICE, value=value)
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_one(self) -> "Notice":
        if sum(each is not None for each in (self.kind, self.spoken, self.uploaded)) != 1:
            raise value_error(Mistake.NOTICE_ONE)
        return self


STANDARD: Final = Notice(kind="standard")


class DirectAction(Shape):
    """What happens to a direct call that nobody answers (D2); without `then` it is dropped."""

    then: DirectActionKind = DirectActionKind.DROP
    employee: str | None = None
    department: str | None = None
    notice: Notice | None = None


class Direct(Shape):
    """Calls to one employee (D1 to D4): `numbers` are personal lines, `ring` is the no-answer time."""

    numbers: tuple[Number, ...] = ()
    ring: Duration = 120_000
    no_answer: DirectAction = DirectAction()
    out_of_hours: DirectAction = DirectAction()
    absence: DirectAction = DirectAction()
    call_waiting: bool = False
    recipients: tuple[Who, ...] = ()


class Employee(Shape):
    """A person of a cloud PBX, always at work without `hours`.

    Without `role` the lists of administrators and heads decide; an employee on neither is a user. Without
    `direct` the saved rules of direct calls stay: the employee may set them (P5).
    """

    name: Name
    pbx: str
    extension: Extension
    email: Email | None = None
    language: Language | None = None
    devices: Annotated[tuple[Device, ...], Field(min_length=1, max_length=5)] = (DESK,)
    timezone: str | None = None
    hours: tuple[Hours, ...] | None = None
    absences: tuple[Absence, ...] = ()
    direct: Direct | None = None
    role: Role | None = None
    sees_organization: bool = False

    @model_validator(mode="after")
    def _has_one_of_each(self) -> "Employee":
        kinds = [device.kind for device in self.devices]
        if kinds.count(DeviceKind.DESK) > 1 or kinds.count(DeviceKind.MOBILE) > 1:
            raise value_error(Mistake.DEVICE_TWICE)
        return self


class OfficeExtension(Shape):
    """A phone of an office PBX, known only by its extension."""

    name: Name
    pbx: str
    extension: Extension


class Action(Shape):
    """What happens to a caller when no agent answers (Q5)."""

    then: ActionKind = ActionKind.VOICEMAIL
    employee: str | None = None
    department: str | None = None
    keeps_joining_time: bool = False
    notice: Notice = STANDARD


class NoAnswer(Action):
    """The no-answer timeout and its action."""

    after: Duration = 600_000


class Full(Action):
    """How many callers may wait, and what happens to the next one (Q13)."""

    waiting_max: Count


class Strategy(Shape):
    """How a department shares its calls (Q1)."""

    kind: StrategyKind = StrategyKind.RING_ALL
    ring: Duration = 20_000
    step: Duration | None = None
    pause_between_rounds: Duration = 5_000


class Callback(Shape):
    """How a department calls back (C1 to C7, C11, C14, C16)."""

    on: bool = True
    invitation_after: Duration = 30_000
    ring: Duration = 30_000
    attempts: Annotated[int, Field(ge=1, le=5)] = 2
    attempt_gap: Duration = 60_000
    from_abandoned: bool = False
    talk_at_least: Duration = 15_000
    confirms_customer: bool = False


class Voicemail(Shape):
    """How long a voice message may be, which silence ends it, and how much speech it needs (V1, V2)."""

    message_up_to: Duration = 180_000
    silence: Duration = 5_000
    speech_at_least: Duration = 2_000


class Notices(Shape):
    """A department's notices by occasion."""

    welcome: Notice = STANDARD
    position: Notice = STANDARD
    invitation: Notice = STANDARD
    order_taken: Notice = STANDARD
    apology: Notice = STANDARD
    greeting: Notice = STANDARD


class Seat(Shape):
    """An agent's seat in a department: an id, or {agent: id, suspended: true}."""

    agent: str
    suspended: bool = False

    @model_validator(mode="before")
    @classmethod
    def _from_id(cls, value: Any) -> Any:
        return {"agent": value} if isinstance(value, str) else value


class Department(Shape):
    """A group of agents that shares calls."""

    name: Name
    pbx: str
    extension: Extension
    lines: tuple[Number, ...] = ()
    agents: tuple[Seat, ...] = ()
    language: Language | None = None
    timezone: str | None = None
    strategy: Strategy = Strategy()
    no_answer: NoAnswer = NoAnswer()
    full: Full | None = None
    announcements_every: Duration = 30_000
    wrap_up: Duration = 0
    callback: Callback = Callback()
    voicemail: Voicemail = Voicemail()
    notices: Notices = Notices()
    recipients: tuple[Who, ...] = ()
    heads: tuple[Who, ...] = ()
    phones_at_once: Count | None = None
    pause_after_misses: Count | None = None
    records_calls: bool = False


class Element(Shape):
    """One element of a call scenario (S1); its kind determines which keys and arrows it needs.

    `arrows` maps `next`, a digit, `open`, `closed`, `no_answer` or `no_choice` to the element that follows.
    """

    kind: ElementKind
    notice: Notice | None = None
    employee: str | None = None
    department: str | None = None
    number: Number | None = None
    wait: Duration | None = None
    hours: tuple[Hours, ...] = ()
    keeps_holidays: bool = False
    arrows: dict[str, str] = {}


class Scenario(Shape):
    """What happens to calls to some numbers; it begins at the file's first element."""

    name: Name
    pbx: str
    lines: tuple[Number, ...] = ()
    timezone: str | None = None
    elements: Annotated[dict[Annotated[str, Field(pattern=ELEMENT_ID)], Element], Field(min_length=1)]


class OfficeFile(Shape):
    """The whole file."""

    organization: Organization
    pbxs: Annotated[dict[Id, Pbx], Field(min_length=1)]
    employees: dict[Id, Employee] = {}
    extensions: dict[Id, OfficeExtension] = {}
    departments: dict[Id, Department] = {}
    scenarios: dict[Id, Scenario] = {}
