"""Times, durations, sizes, phone numbers and links as letters show them; dates and plurals are Babel's."""

from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from babel.dates import format_datetime, get_timezone_location
from babel.units import format_unit

from contracts.directory import Language
from contracts.ids import OrganizationId, VoiceMessageId
from runtime import urls


def zone(name: str) -> ZoneInfo:
    """The time zone of this name; UTC for an unknown name, and the letter then says UTC."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


AT_MAX: Final = 253_370_764_800_000
"""The last day of 9998: later days are beyond Python's calendar in some zones."""


def instant(at_ms: int) -> datetime:
    """An instant in UTC, brought into the range of the calendar."""
    return datetime.fromtimestamp(min(max(0, at_ms), AT_MAX) / 1000, UTC)


def moment(at_ms: int, where: ZoneInfo, language: Language) -> str:
    """A date and time as people write it, with the place whose time it is."""
    text = format_datetime(instant(at_ms), "EEEE, d MMMM y, HH:mm", tzinfo=where, locale=language)
    return f"{text} ({place(where, language)})"


def moment_in_list(at_ms: int, where: ZoneInfo, language: Language) -> str:
    """A date and time for a list, which names the place once."""
    return format_datetime(instant(at_ms), "d MMMM y, HH:mm", tzinfo=where, locale=language)


def place(where: ZoneInfo, language: Language) -> str:
    """The city whose time it is."""
    if where.key == "UTC":
        return "UTC"
    return str(get_timezone_location(where, locale=language, return_city=True))


def duration(ms: int, language: Language) -> str:
    """«3 минуты 5 секунд»; without seconds from an hour on, and never less than a second."""
    seconds = max(1, round(ms / 1000))
    hours, minutes, seconds = seconds // 3600, seconds % 3600 // 60, seconds % 60
    units = [(hours, "duration-hour"), (minutes, "duration-minute")]
    if not hours:
        units.append((seconds, "duration-second"))
    said = [format_unit(number, unit, locale=language) for number, unit in units if number]
    return " ".join(said)


def size(size_bytes: int, language: Language) -> str:
    """A size in megabytes: «10 МБ»."""
    return format_unit(round(size_bytes / 1024**2, 1), "digital-megabyte", "short", locale=language)


def number(caller: str | None, withheld: str) -> str:
    """A phone number as its country writes it; text that is not a number is shown as it came."""
    if not caller:
        return withheld
    try:
        parsed = phonenumbers.parse(caller, None)
    except phonenumbers.NumberParseException:
        return caller
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def call_url(caller: str | None) -> str:
    """A link that phones and softphones dial; empty unless `caller` is a plain number."""
    digits = (caller or "").removeprefix("+")
    return f"tel:+{digits}" if digits.isascii() and digits.isdigit() and caller != digits else ""


def console_page(url: str, organization_id: OrganizationId, page: str = "") -> str:
    """A page of an organization at the console; empty unless its address leads a browser where it says.

    A user and a password before the host would show one address and open another.
    """
    base = url.strip().rstrip("/")
    try:
        urls.parsed(base)
    except urls.Unusable:
        return ""
    return f"{base}/o/{quote(organization_id, safe='')}/{page}"


def voicemail_page(url: str, organization_id: OrganizationId, voice_message_id: VoiceMessageId) -> str:
    """A voice message's page at the console; empty without a console."""
    return console_page(url, organization_id, f"voicemail/{quote(voice_message_id, safe='')}")
