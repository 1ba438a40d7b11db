"""Single values of an office file: time spans, numbers, names, and the errors for malformed ones."""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from ringback.apply.wording import Mistake
from runtime.mail import addresses
from services.directory.state.limits import NAME_PATTERN, NUMBER_PATTERN

DURATION_MS_MAX: Final = 24 * 3_600_000
"""No time span in an office is longer than a day."""
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS: Final = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000}
_DURATION: Final = re.compile(r"(\d{1,8})\s*(ms|s|min|h)")
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_ID: Final = r"^[a-z][a-z0-9-]{0,39}\z"
"""Rust's, as all patterns of pydantic: `\\z` is the end of a text there."""


def value_error(mistake: Mistake, **values: str) -> PydanticCustomError:
    """An error in plain words that says what to do."""
    return PydanticCustomError("plain", "{mistake}", {"mistake": mistake, "values": values})


def _duration_ms(value: Any) -> int:
    found = _DURATION.fullmatch(str(value).strip())
    if found is None or int(found[1]) * _UNITS[found[2]] > DURATION_MS_MAX:
        raise value_error(Mistake.DURATION, value=str(value))
    return int(found[1]) * _UNITS[found[2]]


def _minute_of_day(value: Any) -> int:
    text = str(value).strip()
    if _TIME.fullmatch(text) is None:
        raise value_error(Mistake.TIME, value=text)
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _days(value: Any) -> tuple[int, ...]:
    found: list[int] = []
    for part in str(value).replace(" ", "").lower().split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise value_error(Mistake.DAYS, value=str(value), days=", ".join(DAYS))
        from_, until = DAYS.index(first), DAYS.index(last or first)
        if until < from_:
            until += len(DAYS)
        found += [day % len(DAYS) for day in range(from_, until + 1)]
    return tuple(sorted(set(found)))


def _email(value: str) -> str:
    try:
        return addresses.canonical(value)
    except addresses.InvalidAddress as error:
        raise value_error(Mistake.EMAIL, value=value) from error


def ungrouped(number: str) -> str:
    """A number without what people write between its digits."""
    return "".join(each for each in number if each not in " -()")


def _number(value: str) -> str:
    text = ungrouped(value)
    if re.fullmatch(NUMBER_PATTERN, text) is None:
        raise value_error(Mistake.NUMBER, value=value)
    return text


def _extension(value: Any) -> str:
    if re.fullmatch(r"\d{1,8}", str(value)) is None:
        raise value_error(Mistake.EXTENSION, value=str(value))
    return str(value)


def _line_of_text(value: str) -> str:
    text = value.strip()
    if re.fullmatch(NAME_PATTERN, text) is None:
        raise value_error(Mistake.NAME)
    return text


Duration = Annotated[int, BeforeValidator(_duration_ms)]
MinuteOfDay = Annotated[int, BeforeValidator(_minute_of_day)]
Days = Annotated[tuple[int, ...], BeforeValidator(_days)]
Email = Annotated[str, AfterValidator(_email)]
Number = Annotated[str, AfterValidator(_number)]
Extension = Annotated[str, BeforeValidator(_extension)]
Name = Annotated[str, AfterValidator(_line_of_text)]
Id = Annotated[str, Field(pattern=_ID)]
Count = Annotated[int, Field(ge=1, le=100_000)]


class Shape(BaseModel):
    """A part of the file; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def saved_as(field: str) -> Any:
    """A word that may be left out, and its field of a card, which has the default."""
    return Field(default=None, serialization_alias=field)


def required(field: str) -> Any:
    """A word that must be there, and its field of a card."""
    return Field(serialization_alias=field)
