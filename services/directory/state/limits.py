"""How long, how many, of which shape: the limits of everything that a person may write into the book."""

from typing import Annotated, Final

from msgspec import Meta

NAME_PATTERN: Final = r"^[^\x00-\x20\x7f-\xa0]([^\x00-\x1f\x7f-\x9f]{0,98}[^\x00-\x20\x7f-\xa0])?$"
"""One line, with no blank at its ends."""
EMAIL_PATTERN: Final = r"^[A-Za-z0-9_%+\-]+(\.[A-Za-z0-9_%+\-]+)*@[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)*$"
NUMBER_PATTERN: Final = r"^\+[1-9][0-9]{4,14}$"
ID_PATTERN: Final = r"^[a-z][a-z0-9._\-]{0,63}$"
LOGIN_PATTERN: Final = r"^[a-z][a-z0-9.\-]{0,39}$"
TITLE_PATTERN: Final = r"^[^\x00-\x1f\x7f-\x9f]{0,100}$"
EXTENSION_PATTERN: Final = r"^[0-9]{1,8}$"
REGION_PATTERN: Final = r"^[A-Z]{2}$"
URL_PATTERN: Final = r"^(https?://[A-Za-z0-9.\-:/_]+)?$"
CODE_PATTERN: Final = r"^[0-9]{6}$"
ARROW_PATTERN: Final = r"^([0-9]|next|open|closed|no_answer|no_choice)$"

Id = Annotated[str, Meta(pattern=ID_PATTERN, description="small letters, digits, dots, dashes, underscores")]
Reference = Annotated[str, Meta(min_length=1, max_length=64, description="an id in the same organization")]
Name = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=100, description="one line, not blank")]
Title = Annotated[str, Meta(pattern=TITLE_PATTERN, max_length=100)]
Login = Annotated[str, Meta(pattern=LOGIN_PATTERN, description="small letters, digits, dots and dashes")]
Email = Annotated[str, Meta(pattern=EMAIL_PATTERN, max_length=254)]
Number = Annotated[str, Meta(pattern=NUMBER_PATTERN, description="E.164: + and digits")]
Extension = Annotated[str, Meta(pattern=EXTENSION_PATTERN, description="up to 8 digits")]
Region = Annotated[str, Meta(pattern=REGION_PATTERN, description="two letters (ISO 3166)")]
Zone = Annotated[str, Meta(min_length=1, max_length=64, description="a time zone: Europe/Moscow")]
Minute = Annotated[int, Meta(ge=0, le=1_440, description="minutes since midnight")]
Weekday = Annotated[int, Meta(ge=0, le=6, description="0 is Monday")]
DurationMs = Annotated[int, Meta(ge=0, le=86_400_000, description="milliseconds, a day at most")]
RingMs = Annotated[int, Meta(ge=1_000, le=3_600_000, description="milliseconds")]
RetentionDays = Annotated[int, Meta(ge=1, le=3_650)]
Count = Annotated[int, Meta(ge=1, le=100_000)]
Key = Annotated[str, Meta(min_length=1, max_length=200)]
NoticeText = Annotated[str, Meta(max_length=1_000, description="up to 1,000 characters (T6)")]
Url = Annotated[str, Meta(max_length=300, pattern=URL_PATTERN)]
Password = Annotated[str, Meta(min_length=10, max_length=200)]
Numbers = Annotated[tuple[Number, ...], Meta(max_length=100)]

EMPLOYEES_MAX: Final = 2_000
EXTENSIONS_MAX: Final = 2_000
DEPARTMENTS_MAX: Final = 500
PBXS_MAX: Final = 100
NOTICES_MAX: Final = 2_000
SCENARIOS_MAX: Final = 500
TOKENS_MAX: Final = 100
RESPONSIBLES_AT_ONCE_MAX: Final = 500
"""Beyond these an organization is several. Every save is checked against the whole of it: with a thousand
employees that takes an eighth of a second."""
