"""Limits of every field that a person may fill in: length, number, pattern."""

from typing import Annotated, Final

from msgspec import Meta

from contracts.plain_text import END, LINE_PATTERN, TEXT_PATTERN, UNSEEN

_BLANK: Final = UNSEEN + r"\x20\xa0\u2000-\u200a\u202f\u205f\u3000"
NAME_PATTERN: Final = rf"^[^{_BLANK}]([^{UNSEEN}]{{0,98}}[^{_BLANK}])?{END}"
"""One line, with no blank at its ends."""
_IN_LOCAL: Final = rf"[^{_BLANK}@.,:;<>()\[\]\\\x22]"
_IN_DOMAIN: Final = rf"(?:[A-Za-z0-9\-]|[^{_BLANK}\x21-\x7e])"
EMAIL_PATTERN: Final = rf"^{_IN_LOCAL}+(\.{_IN_LOCAL}+)*@{_IN_DOMAIN}+(\.{_IN_DOMAIN}+)*{END}"
"""The outline of an address, in any alphabet; `runtime.mail.addresses` checks it fully."""
NUMBER_PATTERN: Final = rf"^\+[1-9][0-9]{{4,14}}{END}"
ID_PATTERN: Final = rf"^[a-z][a-z0-9._\-]{{0,63}}{END}"
LOGIN_PATTERN: Final = rf"^[a-z][a-z0-9.\-]{{0,39}}{END}"
TITLE_PATTERN: Final = rf"^[^{UNSEEN}]{{0,100}}{END}"
EXTENSION_PATTERN: Final = rf"^[0-9]{{1,8}}{END}"
REGION_PATTERN: Final = rf"^[A-Z]{{2}}{END}"
URL_PATTERN: Final = rf"^(https?://[A-Za-z0-9.\-:/_]+)?{END}"
CODE_PATTERN: Final = rf"^[0-9]{{6}}{END}"
ARROW_PATTERN: Final = rf"^([0-9]|next|open|closed|no_answer|no_choice){END}"

Id = Annotated[str, Meta(pattern=ID_PATTERN, description="small letters, digits, dots, dashes, underscores")]
Reference = Annotated[
    str,
    Meta(min_length=1, max_length=64, pattern=LINE_PATTERN, description="an id in the same organization"),
]
Name = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=100, description="one line, not blank")]
Title = Annotated[str, Meta(pattern=TITLE_PATTERN, max_length=100)]
Login = Annotated[str, Meta(pattern=LOGIN_PATTERN, description="small letters, digits, dots and dashes")]
Email = Annotated[str, Meta(pattern=EMAIL_PATTERN, max_length=254)]
Number = Annotated[str, Meta(pattern=NUMBER_PATTERN, description="E.164: + and digits")]
Extension = Annotated[str, Meta(pattern=EXTENSION_PATTERN, description="up to 8 digits")]
Region = Annotated[str, Meta(pattern=REGION_PATTERN, description="two letters (ISO 3166)")]
Zone = Annotated[
    str, Meta(min_length=1, max_length=64, pattern=LINE_PATTERN, description="a time zone: Europe/Moscow")
]
Minute = Annotated[int, Meta(ge=0, le=1_440, description="minutes since midnight")]
Weekday = Annotated[int, Meta(ge=0, le=6, description="0 is Monday")]
DurationMs = Annotated[int, Meta(ge=0, le=86_400_000, description="milliseconds, a day at most")]
RingMs = Annotated[int, Meta(ge=1_000, le=3_600_000, description="milliseconds")]
RetentionDays = Annotated[int, Meta(ge=1, le=3_650)]
Count = Annotated[int, Meta(ge=1, le=100_000)]
Key = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE_PATTERN)]
NoticeText = Annotated[
    str,
    Meta(max_length=1_000, pattern=TEXT_PATTERN, description="up to 1,000 characters, in lines (T6)"),
]
Url = Annotated[str, Meta(max_length=300, pattern=URL_PATTERN)]
Password = Annotated[str, Meta(min_length=10, max_length=200, pattern=LINE_PATTERN)]
Numbers = Annotated[tuple[Number, ...], Meta(max_length=100)]

EMPLOYEES_MAX: Final = 2_000
EXTENSIONS_MAX: Final = 2_000
DEPARTMENTS_MAX: Final = 500
PBXS_MAX: Final = 100
NOTICES_MAX: Final = 2_000
SCENARIOS_MAX: Final = 500
TOKENS_MAX: Final = 100
TOKEN_DEPARTMENTS_MAX: Final = 100
RESPONSIBLES_AT_ONCE_MAX: Final = 500
"""Every save is checked against the whole organization: with a thousand employees that takes an eighth of a
second."""
