"""What phonenumbers' tables do not say of a number, and costs whoever dials it: ranges, each with its reason.

The tables say which region a number belongs to and of which type it is. A range that is billed unlike its
region, or unlike its type, stands here. All prefixes are digits of E.164 without the plus.
"""

import re
from enum import StrEnum
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType

from contracts.message import Part


class NumberType(StrEnum):
    """The types of numbers that there are; one without a type is never dialled."""

    FIXED_LINE = "fixed_line"
    MOBILE = "mobile"
    FIXED_LINE_OR_MOBILE = "fixed_line_or_mobile"
    VOIP = "voip"
    UAN = "uan"
    TOLL_FREE = "toll_free"
    SHARED_COST = "shared_cost"
    PREMIUM_RATE = "premium_rate"
    PERSONAL_NUMBER = "personal_number"
    PAGER = "pager"
    VOICEMAIL = "voicemail"


ORDINARY: Final = (
    NumberType.FIXED_LINE,
    NumberType.MOBILE,
    NumberType.FIXED_LINE_OR_MOBILE,
    NumberType.VOIP,
    NumberType.UAN,
    NumberType.TOLL_FREE,
)
"""What customers and employees have. A personal number (+44 70, +1 500) is sold by the minute to whoever
wants a share of it; shared cost and premium are so by design; pagers and voicemails are nobody to talk to."""
TEXTED: Final = (NumberType.MOBILE, NumberType.FIXED_LINE_OR_MOBILE)
"""What can show a text; to other types some carriers sell a voice that reads it out."""

_TYPES: Final = {
    PhoneNumberType.FIXED_LINE: NumberType.FIXED_LINE,
    PhoneNumberType.MOBILE: NumberType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: NumberType.FIXED_LINE_OR_MOBILE,
    PhoneNumberType.VOIP: NumberType.VOIP,
    PhoneNumberType.UAN: NumberType.UAN,
    PhoneNumberType.TOLL_FREE: NumberType.TOLL_FREE,
    PhoneNumberType.SHARED_COST: NumberType.SHARED_COST,
    PhoneNumberType.PREMIUM_RATE: NumberType.PREMIUM_RATE,
    PhoneNumberType.PERSONAL_NUMBER: NumberType.PERSONAL_NUMBER,
    PhoneNumberType.PAGER: NumberType.PAGER,
    PhoneNumberType.VOICEMAIL: NumberType.VOICEMAIL,
}


class Range(Part, frozen=True, kw_only=True):
    """Numbers that are unlike what the tables say; an empty `region` or `type` keeps what they say."""

    pattern: str
    reason: str
    region: str = ""
    type: NumberType | None = None


SATELLITE_PREFIXES: Final = ("870", "881", "88213", "88216", "7954", "61145", "61147")
"""Inmarsat, Iridium and Globalstar, EMSAT, Thuraya; then two countries that number satellite phones at home:
GlobalTel in +7 954, Optus and Pivotel in +61 14. The tables call these a mobile or VoIP of that country."""

RANGES: Final = (
    # +7 is shared by more than the two countries that the tables know.
    Range(pattern=r"7[89]40", region="GE", reason="Abkhazia: billed as abroad, and GE is the code ISO has"),
    Range(pattern=r"7850", region="GE", reason="South Ossetia: the same"),
    Range(pattern=r"733622", region="KZ", reason="Baikonur: numbered and billed by Kazakhstan"),
    Range(
        pattern=r"780[1-35-79]",
        type=NumberType.PREMIUM_RATE,
        reason="cards, televoting and other services at their owner's price; the tables know two of them",
    ),
    # +90 and Cyprus.
    Range(pattern=r"90(392|5338|5428[5-8])", region="CY", reason="Northern Cyprus: billed apart from Turkey"),
    # North America: whole exchanges, of any area code, are sold at a premium.
    Range(
        pattern=r"1[2-9]\d\d976", type=NumberType.PREMIUM_RATE, reason="976 is pay-per-call in any area code"
    ),
    Range(
        pattern=r"1[2-9]\d\d5551212", type=NumberType.PREMIUM_RATE, reason="directory enquiries, paid each"
    ),
    Range(pattern=r"1[2-9]\d\d950", type=NumberType.SHARED_COST, reason="access to another carrier"),
    Range(
        pattern=r"16(00|22|33|44|55|77|88)",
        type=NumberType.PERSONAL_NUMBER,
        reason="Canada's non-geographic numbers, satellite phones among them",
    ),
    # Numbers of no country.
    Range(pattern=r"979", type=NumberType.PREMIUM_RATE, reason="the world's premium rate"),
    Range(pattern=r"808", type=NumberType.SHARED_COST, reason="the world's shared cost"),
    Range(pattern=r"878", type=NumberType.PERSONAL_NUMBER, reason="the world's personal numbers"),
    Range(pattern=r"88[238]", type=NumberType.PERSONAL_NUMBER, reason="networks at their owner's price"),
)
"""The first that fits is the one.

What is *not* here is right in the tables, and the corpus of the tests holds them to it: Kazakhstan in +7 7,
Jersey, Guernsey and Man in +44 7, the Vatican in +39 06 698, the islands of +1, personal numbers in +1 5xx
and +44 70."""

_RANGES: Final = tuple((re.compile(each.pattern), each) for each in RANGES)


def digits(number: phonenumbers.PhoneNumber) -> str:
    """The digits of E.164, without the plus."""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


def special(number: phonenumbers.PhoneNumber) -> Range | None:
    """The range of a number that the tables do not know well enough."""
    text = digits(number)
    return next((each for pattern, each in _RANGES if pattern.match(text)), None)


def is_satellite(number: phonenumbers.PhoneNumber) -> bool:
    """Whether a number is a satellite phone's, whether or not the tables hold it for valid."""
    return digits(number).startswith(SATELLITE_PREFIXES)


def region(number: phonenumbers.PhoneNumber) -> str:
    """The region by which a number is billed; empty where there is none."""
    found = special(number)
    if found is not None and found.region:
        return found.region
    return phonenumbers.region_code_for_number(number) or ""


def number_type(number: phonenumbers.PhoneNumber) -> NumberType | None:
    """The type by which a number is billed, or None."""
    found = special(number)
    if found is not None and found.type is not None:
        return found.type
    return _TYPES.get(phonenumbers.number_type(number))
