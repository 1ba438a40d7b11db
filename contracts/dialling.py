"""What a dialling policy means: which numbers may be dialled for an organization (C10, G4), and when (C12).

Whoever dials or texts a public number asks here, at the order and again at every dialling, so that every
service refuses the same numbers for the same reasons. The policy on the log is the effective one: the
directory has clamped what the organization wants to what the operator grants. Orders are counted by callback,
minutes by the gateway, texts by the directory, each in its own state.
"""

import functools
import itertools
import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import phonenumbers

from contracts import number_ranges, withheld
from contracts.ids import Instant
from contracts.message import Part
from contracts.number_ranges import ORDINARY, TEXTED, NumberType

QUIET_FROM_HOUR: Final = 21
QUIET_UNTIL_HOUR: Final = 9
"""Quiet hours (C12): from nine in the evening to nine in the morning, by the department's clock."""
CALENDAR_END_AT: Final = 253_370_764_800_000
"""The last day of 9998: a day later the computer's calendar ends, in some zone."""

HOME_REGION: Final = "RU"
"""The region of an organization that has chosen none: a setting's default, the only country in the code."""
NUMBER_LENGTH_MAX = 32
"""E.164 has 15 digits; the rest is room for what people type between them."""
NO_REGION: Final = "ZZ"
"""The code of no region (CLDR): alone in `allowed_regions` where the operator grants none of those wanted."""
_BETWEEN: Final = r"[\s()./\-\u2010-\u2015\u2212\u2060]*"
_WRITTEN: Final = re.compile(rf"(?:tel:(?=\+))?{_BETWEEN}\+?{_BETWEEN}(?:[0-9]{_BETWEEN})+")
"""How people and trunks write one number. What a parser would drop or translate is no number here: letters,
`;ext=` and other parameters of a `tel:` address, service codes with * and #, a second number after a comma,
digits that only look like ours."""


class Refusal(StrEnum):
    """Why a number is not dialled, or an order not taken."""

    WITHHELD = "withheld"
    INVALID = "invalid"
    REGION = "region"
    PREMIUM = "premium"
    SATELLITE = "satellite"
    NOT_ORDINARY = "not_ordinary"
    EMERGENCY = "emergency"
    OWN_NUMBER = "own_number"
    DENIED = "denied"
    SWITCHED_OFF = "switched_off"
    TOO_MANY_FOR_NUMBER = "too_many_for_number"
    TOO_MANY_FOR_DEPARTMENT = "too_many_for_department"
    TOO_MANY_FOR_ORGANIZATION = "too_many_for_organization"
    NO_TIME_LEFT = "no_time_left"
    CALLBACKS_OFF = "callbacks_off"
    TOO_MANY_TODAY = "too_many_today"
    """The organization's orders of a day are used up."""
    MINUTES_USED_UP = "minutes_used_up"
    """The organization's minutes of a day over the public network are used up."""


class DiallingPolicy(Part, frozen=True, kw_only=True):
    """Whom an organization's PBXs may dial; numbers are E.164, regions are two letters (ISO 3166)."""

    is_on: bool = True
    home_region: str = HOME_REGION
    allowed_regions: tuple[str, ...] = ()
    denied_numbers: tuple[str, ...] = ()
    own_numbers: tuple[str, ...] = ()
    satellite_numbers: tuple[str, ...] = ()
    orders_per_hour_per_number_max: int = 3
    orders_per_day_per_number_max: int = 10
    orders_per_minute_per_department_max: int = 30
    orders_per_minute_max: int = 60
    allowed_types: tuple[NumberType, ...] = ORDINARY
    orders_per_day_max: int = 2_000
    """A department of twenty agents calls back some five hundred customers a day."""
    minutes_per_day_max: int = 10_000
    """Of talk dialled over the public network: seven lines around the clock, or twenty in office hours."""


def parsed(number: str, policy: DiallingPolicy) -> phonenumbers.PhoneNumber | None:
    """The number read as people of the home region would dial it, or None if it is none."""
    if not number or len(number) > NUMBER_LENGTH_MAX or _WRITTEN.fullmatch(number) is None:
        return None
    try:
        return phonenumbers.parse(number, policy.home_region)
    except phonenumbers.NumberParseException:
        return None


def e164(number: str, policy: DiallingPolicy) -> str | None:
    """The number in E.164, or None if it cannot be one."""
    found = parsed(number, policy)
    if found is None or not phonenumbers.is_valid_number(found):
        return None
    return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)


def canonical(caller: str | None, policy: DiallingPolicy) -> str | None:
    """A caller's number as everybody keeps and compares it; None: withheld.

    E.164 where the text is a number of the organization's region or of the world, so that `8 495 …`,
    `495 …` and `+7 495 …` are one customer. What is none (an extension, a short number, a name) stays as it
    came; of digits that are grouped, the digits.
    """
    known = withheld.known(caller)
    if known is None:
        return None
    found = e164(known, policy)
    if found is not None:
        return found
    return known if set(known) - _DIALLABLE else "".join(each for each in known if each not in _GROUPING)


_GROUPING: Final = frozenset(" -().")
_DIALLABLE: Final = _GROUPING | frozenset("0123456789+")


def is_emergency(number: str, region: str) -> bool:
    """Whether dialling this would reach, or shadow, an emergency service of the region."""
    digits = phonenumbers.normalize_digits_only(number)  # in ASCII, whatever the script they came in
    return phonenumbers.is_emergency_number(digits, region) or digits in EMERGENCY_EVERYWHERE


EMERGENCY_EVERYWHERE = frozenset({"01", "02", "03", "04", "101", "102", "103", "104", "112", "911", "999"})
"""Never dialled, whatever the region: rule E2's list and the two numbers that travellers try first."""


@functools.cache
def emergency_numbers(region: str) -> tuple[str, ...]:
    """Every number by which a phone of the region must reach help, for the PBXs that dial it as it stands."""
    tables = phonenumbers.PhoneMetadata.short_metadata_for_region(region)
    emergency = None if tables is None else tables.emergency
    if emergency is None or emergency.national_number_pattern is None:
        return tuple(sorted(EMERGENCY_EVERYWHERE))
    # The tables have patterns only. The longest numbers have six digits: a million tries, 0.2 s.
    pattern = re.compile(emergency.national_number_pattern)
    tried = (
        "".join(digits)
        for length in emergency.possible_length
        for digits in itertools.product("0123456789", repeat=length)
    )
    return tuple(sorted({each for each in tried if pattern.fullmatch(each)} | EMERGENCY_EVERYWHERE))


def refusal(number: str | None, policy: DiallingPolicy, *, is_employee: bool = False) -> Refusal | None:
    """Why this number may not be dialled now, or None if it may. Pure: no counts, no clock."""
    if not policy.is_on:
        return Refusal.SWITCHED_OFF
    if number is None or not number.strip():
        return Refusal.WITHHELD
    if is_emergency(number, policy.home_region):
        return Refusal.EMERGENCY
    found = parsed(number, policy)
    if found is None:
        return Refusal.INVALID
    text = f"+{number_ranges.digits(found)}"
    if number_ranges.is_satellite(found):
        return None if is_employee and text in policy.satellite_numbers else Refusal.SATELLITE
    if not phonenumbers.is_valid_number(found):
        return Refusal.INVALID
    return _refusal_of_valid(found, text, policy)


def _refusal_of_valid(number: phonenumbers.PhoneNumber, text: str, policy: DiallingPolicy) -> Refusal | None:
    kind = number_ranges.number_type(number)
    if number_ranges.region(number) not in (policy.allowed_regions or (policy.home_region,)):
        return Refusal.REGION
    if kind not in policy.allowed_types:
        return Refusal.PREMIUM if kind in _COSTLY else Refusal.NOT_ORDINARY
    if text in policy.own_numbers:
        return Refusal.OWN_NUMBER
    if text in policy.denied_numbers:
        return Refusal.DENIED
    return None


_COSTLY: Final = (NumberType.PREMIUM_RATE, NumberType.SHARED_COST)


def refusal_of_address(number: str, policy: DiallingPolicy) -> Refusal | None:
    """Why the number of a `tel:` address may not be dialled as it stands, or None (C10).

    A PBX dials what stands there, not what a parser makes of it: only E.164 is the same to both. Satellite
    phones that the administrator allowed are employees'; whoever dials customers has asked `refusal` before.
    """
    found = refusal(number, policy, is_employee=True)
    if found is not None:
        return found
    return None if number == _e164_of_any(number, policy) else Refusal.INVALID


def _e164_of_any(number: str, policy: DiallingPolicy) -> str | None:
    found = parsed(number, policy)
    return None if found is None else f"+{number_ranges.digits(found)}"


def refusal_of_text(number: str, policy: DiallingPolicy) -> Refusal | None:
    """Why no text may be sent to this number, or None: texts cost money as dials do (C10)."""
    texted = msgspec.structs.replace(
        policy, allowed_types=tuple(each for each in policy.allowed_types if each in TEXTED)
    )
    found = refusal(number, texted)
    if found is not None:
        return found
    return None if number == _e164_of_any(number, policy) else Refusal.INVALID


def is_satellite(number: str) -> bool:
    """Whether a number (E.164) is a satellite phone's."""
    try:
        return number_ranges.is_satellite(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def quiet_until(at: Instant, timezone: str) -> Instant | None:
    """When the quiet hours in which an instant lies are over, or None in the daytime (C12)."""
    local = _local(at, timezone)
    if QUIET_UNTIL_HOUR <= local.hour < QUIET_FROM_HOUR:
        return None
    day = local if local.hour < QUIET_UNTIL_HOUR else local + timedelta(days=1)
    return _at_hour(day, QUIET_UNTIL_HOUR)


def quiet_from(at: Instant, timezone: str) -> Instant:
    """When the next quiet hours begin after an instant (C12)."""
    local = _local(at, timezone)
    day = local if local.hour < QUIET_FROM_HOUR else local + timedelta(days=1)
    return _at_hour(day, QUIET_FROM_HOUR)


def _local(at: Instant, timezone: str) -> datetime:
    """An instant on the clock of a zone; one that nobody knows is UTC."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = ZoneInfo("UTC")
    return datetime.fromtimestamp(min(max(0, at), CALENDAR_END_AT) / 1000, UTC).astimezone(zone)


def _at_hour(day: datetime, hour: int) -> Instant:
    moment = day.replace(hour=hour, minute=0, second=0, microsecond=0, fold=0)
    return Instant(round(moment.timestamp() * 1000))
