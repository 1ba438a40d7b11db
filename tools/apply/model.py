"""The shape of an office file: what may stand in it, and what is meant when it doesn't."""

import re
from datetime import date
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from contracts.directory import ActionKind, DeviceKind, Language, PbxKind, StrategyKind

NOTICE_CHARACTERS_MAX: Final = 1_000
"""T6."""
DURATION_MS_MAX: Final = 24 * 3_600_000
"""Longer than a day nothing in an office waits."""
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS: Final = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000}
_DURATION: Final = re.compile(r"(\d{1,8})\s*(ms|s|min|h)")
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_EMAIL: Final = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\".]+(\.[^@\s<>,;\".]+)*")
_ID: Final = r"^[a-z][a-z0-9-]{0,39}$"


def refused(cause: str, remedy: str) -> PydanticCustomError:
    """An error in plain words that says what to do."""
    return PydanticCustomError("plain", "{cause}", {"cause": cause, "remedy": remedy})


def _duration_ms(value: Any) -> int:
    found = _DURATION.fullmatch(str(value).strip())
    if found is None or int(found[1]) * _UNITS[found[2]] > DURATION_MS_MAX:
        raise refused(f"«{value}» is no time span up to 24 h", "Write a number and a unit: 20 s, 10 min, 1 h")
    return int(found[1]) * _UNITS[found[2]]


def _minute_of_day(value: Any) -> int:
    text = str(value).strip()
    if _TIME.fullmatch(text) is None:
        raise refused(f"«{value}» is no time of day", "Write hours and minutes: 09:00, up to 24:00")
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _days(value: Any) -> tuple[int, ...]:
    found: list[int] = []
    for part in str(value).replace(" ", "").lower().split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise refused(f"«{value}» names no days", f"Write {', '.join(DAYS)}, or a span such as mon-fri")
        from_, until = DAYS.index(first), DAYS.index(last or first)
        if until < from_:
            until += len(DAYS)
        found += [day % len(DAYS) for day in range(from_, until + 1)]
    return tuple(sorted(set(found)))


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise refused(
            f"there is no time zone «{value}»", "Write its place: Europe/Moscow, Asia/Omsk"
        ) from error
    return value


def _email(value: str) -> str:
    if _EMAIL.fullmatch(value) is None:
        raise refused(f"«{value}» is no e-mail address", "Write name@company.example")
    return value


def _number(value: str) -> str:
    text = "".join(c for c in value if c not in " -()")
    if re.fullmatch(r"\+\d{5,15}", text) is None:
        raise refused(f"«{value}» is no international number", "Write it with + and country code: +7 495 …")
    return text


def _extension(value: Any) -> str:
    if re.fullmatch(r"\d{1,8}", str(value)) is None:
        raise refused(f"extension «{value}» is not made of up to 8 digits", "Write digits only")
    return str(value)


def _line_of_text(value: str) -> str:
    if not value.strip() or len(value) > 100 or any(ord(c) < ord(" ") for c in value):
        raise refused(
            "a name is one line of up to 100 characters, and not blank", "Write it as people say it"
        )
    return value.strip()


Duration = Annotated[int, BeforeValidator(_duration_ms)]
MinuteOfDay = Annotated[int, BeforeValidator(_minute_of_day)]
Days = Annotated[tuple[int, ...], BeforeValidator(_days)]
Zone = Annotated[str, AfterValidator(_zone)]
Email = Annotated[str, AfterValidator(_email)]
Number = Annotated[str, AfterValidator(_number)]
Extension = Annotated[str, BeforeValidator(_extension)]
Name = Annotated[str, AfterValidator(_line_of_text)]
Id = Annotated[str, Field(pattern=_ID)]
Count = Annotated[int, Field(ge=1, le=100_000)]


class Shape(BaseModel):
    """A part of the file: unknown words are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Who(Shape):
    """Somebody who gets letters: an employee's id, or a name with an address."""

    employee: str | None = None
    name: Name | None = None
    email: Email | None = None
    language: Language | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_id(cls, value: Any) -> Any:
        return {"employee": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_one(self) -> "Who":
        if (self.employee is None) == (self.name is None or self.email is None):
            raise refused(
                "this is neither an employee nor a person with name and e-mail",
                "Write an employee's id, or {name: …, email: …}",
            )
        return self


class Dialling(Shape):
    """Whom the organization's PBXs may dial (C10)."""

    on: bool = True
    home_region: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "RU"
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
    timezone: Zone = "Europe/Moscow"
    console_url: str = ""
    administrators: Annotated[tuple[Who, ...], Field(min_length=1)]
    dialling: Dialling = Dialling()


class Pbx(Shape):
    """A phone exchange; its first number is its default caller id."""

    name: Name
    kind: PbxKind
    numbers: Annotated[tuple[Number, ...], Field(min_length=1)]


class Device(Shape):
    """A phone; a mobile rings 5 s after the others unless `after` says otherwise (E4)."""

    kind: DeviceKind
    number: Number | None = None
    after: Duration | None = None

    @model_validator(mode="after")
    def _has_its_number(self) -> "Device":
        if (self.kind is DeviceKind.DESK) == (self.number is not None):
            raise refused(
                "a desk phone is reached by its extension, a mobile and a SIM by their number",
                "Give mobile and sim a number, and desk none",
            )
        return self


DESK: Final = Device(kind=DeviceKind.DESK)


class Hours(Shape):
    """On these days from one time to another; a `to` that is not later is on the next day."""

    days: Days
    from_: Annotated[MinuteOfDay, Field(alias="from")]
    to: MinuteOfDay

    @model_validator(mode="after")
    def _is_a_day_at_most(self) -> "Hours":
        if self.from_ == self.to or self.from_ == 24 * 60:
            raise refused("these hours begin when they end", "For the whole day write from: 00:00, to: 24:00")
        return self


class Absence(Shape):
    """A holiday or an illness: whole days, the last one included; without `last_day` until further notice."""

    from_: Annotated[date, Field(alias="from")]
    last_day: date | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "Absence":
        if self.last_day is not None and self.last_day < self.from_:
            raise refused("this absence ends before it begins", "Exchange the two dates")
        return self


class Employee(Shape):
    """A person of a cloud PBX; without `hours` always at work."""

    name: Name
    pbx: str
    extension: Extension
    email: Email | None = None
    language: Language | None = None
    devices: Annotated[tuple[Device, ...], Field(min_length=1, max_length=5)] = (DESK,)
    timezone: Zone | None = None
    hours: tuple[Hours, ...] | None = None
    absences: tuple[Absence, ...] = ()


class OfficeExtension(Shape):
    """A phone of an office PBX, of which only the extension is known."""

    name: Name
    pbx: str
    extension: Extension


class Notice(Shape):
    """What a caller is told: `standard`, `none`, {spoken: a text}, or {uploaded: a file}."""

    kind: Literal["standard", "none"] | None = None
    spoken: Annotated[str, Field(max_length=NOTICE_CHARACTERS_MAX)] | None = None
    uploaded: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        if isinstance(value, str) and value not in ("standard", "none"):
            raise refused(
                f"«{value}» is no notice", "Write standard, none, {spoken: a text} or {uploaded: a file}"
            )
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_one(self) -> "Notice":
        if sum(each is not None for each in (self.kind, self.spoken, self.uploaded)) != 1:
            raise refused("a notice is one thing", "Write standard, none, {spoken: …} or {uploaded: …}")
        if self.spoken is not None and not self.spoken.strip():
            raise refused("this notice says nothing", "Write a text, or none")
        return self


STANDARD: Final = Notice(kind="standard")


class Action(Shape):
    """What happens to a caller whom nobody answers (Q5)."""

    then: ActionKind = ActionKind.VOICEMAIL
    employee: str | None = None
    department: str | None = None
    keeps_joining_time: bool = False
    notice: Notice = STANDARD

    @model_validator(mode="after")
    def _names_its_target(self) -> "Action":
        wanted = {ActionKind.FALLBACK_EMPLOYEE: "employee", ActionKind.OTHER_DEPARTMENT: "department"}
        for kind, word in wanted.items():
            if (self.then is kind) != (getattr(self, word) is not None):
                raise refused(
                    f"«then: {self.then}» and «{word}» don't fit together",
                    f"«{word}: …» goes with «then: {kind}», and with nothing else",
                )
        return self


class NoAnswer(Action):
    """The no-answer timeout and its action."""

    after: Duration = 600_000


class Full(Action):
    """How many may wait, and what happens to who comes then (Q13)."""

    waiting_max: Count


class Strategy(Shape):
    """How a department shares its calls (Q1)."""

    kind: StrategyKind = StrategyKind.RING_ALL
    ring: Duration = 20_000
    step: Duration | None = None
    pause_between_rounds: Duration = 5_000


class Callback(Shape):
    """How a department calls back (C1 to C7)."""

    on: bool = True
    invitation_after: Duration = 30_000
    ring: Duration = 30_000
    attempts: Annotated[int, Field(ge=1, le=5)] = 2
    attempt_gap: Duration = 60_000


class Voicemail(Shape):
    """How long a voice message may be, which silence ends it, and how much speech makes one (V1, V2)."""

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
    timezone: Zone | None = None
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


class Office(Shape):
    """The whole file."""

    organization: Organization
    pbxs: Annotated[dict[Id, Pbx], Field(min_length=1)]
    employees: dict[Id, Employee] = {}
    extensions: dict[Id, OfficeExtension] = {}
    departments: dict[Id, Department] = {}
