"""The words of an office file: how each is read, and the field of the directory's cards that it is saved as.

The cards have the defaults: a word that a file leaves out is not sent.
"""

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from contracts.directory import (
    ActionKind,
    DeviceKind,
    DirectActionKind,
    Language,
    PbxKind,
    Role,
    StrategyKind,
)
from contracts.number_ranges import NumberType
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
    required,
    saved_as,
    value_error,
)
from ringback.apply.wording import Mistake

REGION: Final = r"^[A-Z]{2}\z"
"""Patterns of pydantic are Rust's, where the end of a text is this."""
ELEMENT_ID: Final = r"^[a-z][a-z0-9-]{0,19}\z"
"""A notice's id contains its scenario's and its element's id, and must not be too long."""


class Who(Shape):
    """A recipient of letters: an employee's id, or a name with an address."""

    employee: str | None = saved_as("agent_id")
    name: Name | None = saved_as("name")
    email: Email | None = saved_as("email")
    language: Language | None = saved_as("language")

    @model_validator(mode="before")
    @classmethod
    def _from_id(cls, value: Any) -> Any:
        return {"employee": value} if isinstance(value, str) else value


class Dialling(Shape):
    """Which numbers the organization's PBXs may dial (C10)."""

    on: bool = saved_as("is_on")
    home_region: Annotated[str, Field(pattern=REGION)] = saved_as("home_region")
    allowed_regions: tuple[Annotated[str, Field(pattern=REGION)], ...] = saved_as("allowed_regions")
    denied_numbers: tuple[Number, ...] = saved_as("denied_numbers")
    satellite_numbers: tuple[Number, ...] = saved_as("satellite_numbers")
    orders_per_hour_per_number: Count = saved_as("orders_per_hour_per_number_max")
    orders_per_day_per_number: Count = saved_as("orders_per_day_per_number_max")
    orders_per_minute_per_department: Count = saved_as("orders_per_minute_per_department_max")
    orders_per_minute: Count = saved_as("orders_per_minute_max")
    allowed_types: tuple[NumberType, ...] = saved_as("allowed_types")
    orders_per_day: Count = saved_as("orders_per_day_max")
    minutes_per_day: Count = saved_as("minutes_per_day_max")


class Organization(Shape):
    """The company."""

    id: Id
    name: Name
    language: Language = saved_as("language")
    timezone: str = saved_as("timezone")
    console_url: str = saved_as("console_url")
    administrators: Annotated[tuple[Who, ...], Field(min_length=1)]
    dialling: Dialling = saved_as("dialling")


class Pbx(Shape):
    """A phone exchange; its first number is its default caller id."""

    name: Name
    kind: PbxKind
    numbers: Annotated[tuple[Number, ...], Field(min_length=1)]
    apologies_at_once: Annotated[int, Field(ge=1, le=50)] = saved_as("apologies_at_once_max")


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


class Hours(Shape):
    """Working hours on these days; a `to` that is not later than `from` is on the next day."""

    days: Days
    from_: MinuteOfDay = Field(alias="from", serialization_alias="from_minute")
    to: MinuteOfDay = required("until_minute")


class Absence(Shape):
    """A holiday or an illness in whole days, the last one included; without `last_day` it is open-ended."""

    from_: date = Field(alias="from", serialization_alias="first_day")
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


class DirectAction(Shape):
    """What happens to a direct call that nobody answers (D2); without `then` it is dropped."""

    then: DirectActionKind = saved_as("kind")
    employee: str | None = saved_as("agent_id")
    department: str | None = saved_as("department_id")
    notice: Notice | None = saved_as("notice")


class Direct(Shape):
    """Calls to one employee (D1 to D4): `numbers` are personal lines, `ring` is the no-answer time."""

    numbers: tuple[Number, ...] = saved_as("numbers")
    ring: Duration = saved_as("no_answer_ms")
    no_answer: DirectAction = saved_as("no_answer")
    out_of_hours: DirectAction = saved_as("out_of_hours")
    absence: DirectAction = saved_as("absence")
    call_waiting: bool = saved_as("has_call_waiting")
    recipients: tuple[Who, ...] = saved_as("recipients")


class Employee(Shape):
    """A person of a cloud PBX, always at work without `hours`.

    Without `role` the lists of administrators and heads decide; an employee on neither is a user. Without
    `direct` the saved rules of direct calls stay: the employee may set them (P5).
    """

    name: Name
    pbx: str = required("pbx_id")
    extension: Extension
    email: Email | None = saved_as("email")
    language: Language | None = saved_as("language")
    devices: Annotated[tuple[Device, ...], Field(min_length=1, max_length=5)] = ()
    timezone: str | None = saved_as("timezone")
    hours: tuple[Hours, ...] | None = saved_as("hours")
    absences: tuple[Absence, ...] = saved_as("absences")
    direct: Direct | None = saved_as("direct")
    role: Role | None = saved_as("role")
    sees_organization: bool = saved_as("sees_organization")

    @model_validator(mode="after")
    def _has_one_of_each(self) -> "Employee":
        kinds = [device.kind for device in self.devices]
        if kinds.count(DeviceKind.DESK) > 1 or kinds.count(DeviceKind.MOBILE) > 1:
            raise value_error(Mistake.DEVICE_TWICE)
        return self


class OfficeExtension(Shape):
    """A phone of an office PBX, known only by its extension."""

    name: Name
    pbx: str = required("pbx_id")
    extension: Extension


class Action(Shape):
    """What happens to a caller when no agent answers (Q5)."""

    then: ActionKind = saved_as("kind")
    employee: str | None = saved_as("agent_id")
    department: str | None = saved_as("department_id")
    keeps_joining_time: bool = saved_as("keeps_joining_time")
    notice: Notice = saved_as("notice")


class NoAnswer(Action):
    """The no-answer timeout and its action."""

    after: Duration = saved_as("no_answer_ms")


class Full(Action):
    """How many callers may wait, and what happens to the next one (Q13)."""

    waiting_max: Count


class Strategy(Shape):
    """How a department shares its calls (Q1)."""

    kind: StrategyKind = saved_as("kind")
    ring: Duration = saved_as("ring_ms")
    step: Duration | None = saved_as("step_ms")
    pause_between_rounds: Duration = saved_as("pause_between_rounds_ms")


class Callback(Shape):
    """How a department calls back (C1 to C7, C11, C14, C16)."""

    on: bool = saved_as("is_on")
    invitation_after: Duration = saved_as("invitation_after_ms")
    ring: Duration = saved_as("ring_ms")
    attempts: Annotated[int, Field(ge=1, le=5)] = saved_as("attempts_max")
    attempt_gap: Duration = saved_as("attempt_gap_ms")
    from_abandoned: bool = saved_as("from_abandoned")
    talk_at_least: Duration = saved_as("talk_ms_min")
    confirms_customer: bool = saved_as("confirms_customer")


class Voicemail(Shape):
    """How long a voice message may be, which silence ends it, and how much speech it needs (V1, V2)."""

    message_up_to: Duration = saved_as("duration_ms_max")
    silence: Duration = saved_as("silence_ms")
    speech_at_least: Duration = saved_as("speech_ms_min")


class Notices(Shape):
    """A department's notices by occasion."""

    welcome: Notice = saved_as("welcome")
    position: Notice = saved_as("position")
    invitation: Notice = saved_as("invitation")
    order_taken: Notice = saved_as("order_taken")
    apology: Notice = saved_as("apology")
    greeting: Notice = saved_as("greeting")


class Seat(Shape):
    """An agent's seat in a department: an id, or {agent: id, suspended: true}."""

    agent: str = required("agent_id")
    suspended: bool = saved_as("is_suspended")

    @model_validator(mode="before")
    @classmethod
    def _from_id(cls, value: Any) -> Any:
        return {"agent": value} if isinstance(value, str) else value


class Department(Shape):
    """A group of agents that shares calls."""

    name: Name
    pbx: str = required("pbx_id")
    extension: Extension
    lines: tuple[Number, ...] = saved_as("lines")
    agents: tuple[Seat, ...] = saved_as("agents")
    language: Language | None = saved_as("language")
    timezone: str | None = saved_as("timezone")
    strategy: Strategy = saved_as("strategy")
    no_answer: NoAnswer = saved_as("no_answer_action")
    full: Full | None = saved_as("overflow_action")
    announcements_every: Duration = saved_as("announcement_gap_ms")
    wrap_up: Duration = saved_as("wrap_up_ms")
    callback: Callback = saved_as("callback")
    voicemail: Voicemail = saved_as("voicemail")
    notices: Notices = saved_as("notices")
    recipients: tuple[Who, ...] = saved_as("recipients")
    heads: tuple[Who, ...] = saved_as("heads")
    phones_at_once: Count | None = saved_as("legs_max")
    pause_after_misses: Count | None = saved_as("auto_pause_misses")
    records_calls: bool = saved_as("records_calls")


class Element(Shape):
    """One element of a call scenario (S1); its kind determines which keys and arrows it needs.

    `arrows` maps `next`, a digit, `open`, `closed`, `no_answer` or `no_choice` to the element that follows.
    """

    kind: ElementKind
    notice: Notice | None = saved_as("notice")
    employee: str | None = saved_as("agent_id")
    department: str | None = saved_as("department_id")
    number: Number | None = saved_as("number")
    wait: Duration | None = saved_as("wait_ms")
    hours: tuple[Hours, ...] = saved_as("hours")
    keeps_holidays: bool = saved_as("keeps_holidays")
    arrows: dict[str, str] = saved_as("arrows")


class Scenario(Shape):
    """What happens to calls to some numbers; it begins at the file's first element."""

    name: Name
    pbx: str = required("pbx_id")
    lines: tuple[Number, ...] = saved_as("lines")
    timezone: str | None = saved_as("timezone")
    elements: Annotated[dict[Annotated[str, Field(pattern=ELEMENT_ID)], Element], Field(min_length=1)]


class OfficeFile(Shape):
    """The whole file."""

    organization: Organization
    pbxs: Annotated[dict[Id, Pbx], Field(min_length=1)]
    employees: dict[Id, Employee] = {}
    extensions: dict[Id, OfficeExtension] = {}
    departments: dict[Id, Department] = {}
    scenarios: dict[Id, Scenario] = {}
