"""The closed list of standard prompts, where each lies in the bucket, and how values are put together.

tts renders every prompt of `PROMPTS` in every language once, to `prompt_key(language, prompt)`. A
decider that wants to tell a caller something lists keys; nothing is rendered while a caller waits.
A phone number or a position is a row of prompts, read as people of that language read it.
"""

from enum import StrEnum
from typing import Final

import phonenumbers

from contracts.directory import Language
from contracts.gateway import Outcome
from contracts.ids import MediaKey, NoticeId

POSITION_MAX: Final = 30
"""Beyond the thirtieth, people are told «more than thirty»: an exact rank means nothing there."""
WAIT_MINUTES_MAX: Final = 60
"""Beyond an hour, people are told «more than an hour»."""
MINUTE_MS: Final = 60_000


class Prompt(StrEnum):
    """A standard notice, or a piece of one, without values."""

    QUEUE_WELCOME = "queue_welcome"
    WAIT_UNKNOWN = "wait_unknown"
    WAIT_OVER_AN_HOUR = "wait_over_an_hour"
    POSITION_OVER_MAX = "position_over_max"
    INVITATION = "invitation"
    CALLBACK_EXISTS = "callback_exists"
    ORDER_TAKEN = "order_taken"
    ORDER_TAKEN_NUMBER = "order_taken_number"
    TYPE_NUMBER = "type_number"
    CONFIRM_NUMBER = "confirm_number"
    REFUSED_INVALID = "refused_invalid"
    REFUSED_NOT_ALLOWED = "refused_not_allowed"
    REFUSED_TOO_MANY = "refused_too_many"
    REFUSED_OFF = "refused_off"
    REFUSED_NO_TIME = "refused_no_time"
    APOLOGY = "apology"
    APOLOGY_FROM = "apology_from"
    APOLOGY_AFTER_NAME = "apology_after_name"
    APOLOGY_PRESS_ONE = "apology_press_one"
    NOBODY_AVAILABLE = "nobody_available"
    CLOSED_HOURS = "closed_hours"
    VOICEMAIL_GREETING = "voicemail_greeting"
    VOICEMAIL_THANKS = "voicemail_thanks"
    EMPLOYEE_ABSENT = "employee_absent"
    EMPLOYEE_CANNOT_ANSWER = "employee_cannot_answer"
    FORWARD = "forward"
    ONE_MOMENT = "one_moment"
    CALLER_GONE = "caller_gone"
    CUSTOMER_BUSY = "customer_busy"
    CUSTOMER_NO_ANSWER = "customer_no_answer"
    CUSTOMER_DECLINED = "customer_declined"
    CUSTOMER_UNAVAILABLE = "customer_unavailable"
    CUSTOMER_BAD_NUMBER = "customer_bad_number"
    CUSTOMER_UNREACHED = "customer_unreached"
    CALLBACK_CANCELLED = "callback_cancelled"
    CALL_RECORDED = "call_recorded"
    CONFIRM_CUSTOMER = "confirm_customer"
    WHISPER_CALLBACK = "whisper_callback"
    WHISPER_CALL = "whisper_call"
    WHISPER_TALKED_BEFORE = "whisper_talked_before"
    WHISPER_NUMBER_WITHHELD = "whisper_number_withheld"
    WHISPER_PRESS_KEY = "whisper_press_key"
    PLUS = "plus"
    RINGING_TONE = "ringing_tone"


def position_prompt(position: int) -> str:
    """«You are number three in the queue»; `position` counts from 1."""
    return f"position_{position}" if position <= POSITION_MAX else Prompt.POSITION_OVER_MAX


def wait_prompt(wait_ms: int | None) -> str:
    """«The wait is about five minutes», rounded up to whole minutes; None is «we cannot say» (EC-22)."""
    if wait_ms is None:
        return Prompt.WAIT_UNKNOWN
    minutes = max(1, -(-wait_ms // MINUTE_MS))
    return f"wait_{minutes}" if minutes <= WAIT_MINUTES_MAX else Prompt.WAIT_OVER_AN_HOUR


def waited_prompt(waited_ms: int) -> str:
    """«Has waited for five minutes», whole minutes begun; for the agent's ear."""
    return f"waited_{min(WAIT_MINUTES_MAX, max(1, -(-waited_ms // MINUTE_MS)))}"


def attempt_prompt(outcome: Outcome) -> Prompt:
    """Why nobody is on the line: for the agent of an attempt that ended like this, 1.5 s at most (C6)."""
    return _OF_OUTCOME.get(outcome, Prompt.CUSTOMER_UNREACHED)


_OF_OUTCOME: Final = {
    Outcome.BUSY: Prompt.CUSTOMER_BUSY,
    Outcome.NO_ANSWER: Prompt.CUSTOMER_NO_ANSWER,
    Outcome.DECLINED: Prompt.CUSTOMER_DECLINED,
    Outcome.UNAVAILABLE: Prompt.CUSTOMER_UNAVAILABLE,
    Outcome.BAD_NUMBER: Prompt.CUSTOMER_BAD_NUMBER,
}


def number_prompts(language: Language, number: str) -> tuple[str, ...]:
    """A phone number (E.164) as a row of prompts.

    Russian reads groups: «plus seven, nine hundred twelve, three hundred forty-five, sixty-seven,
    eighty-nine»; English reads single digits. Groups are those of the number's own country.
    """
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return tuple(f"digit_{c}" for c in phonenumbers.normalize_digits_only(number))
    text = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    groups = "".join(c if c.isdigit() else " " for c in text).split()
    if language is Language.ENGLISH:
        return (Prompt.PLUS, *(f"digit_{c}" for group in groups for c in group))
    return (Prompt.PLUS, *(prompt for group in groups for prompt in _group_prompts(group)))


def _group_prompts(group: str) -> tuple[str, ...]:
    match len(group):
        case 1:
            return (f"digit_{group}",)
        case 2:
            return (f"pair_{group}",)
        case 3 if group[0] == "0":
            return ("digit_0", f"pair_{group[1:]}")
        case 3 if group[1:] == "00":
            return (f"hundred_{group[0]}",)
        case 3:
            return (
                f"hundred_{group[0]}",
                *_group_prompts(group[1:].lstrip("0") if group[1] == "0" else group[1:]),
            )
        case _:
            head = len(group) % 2
            pairs = (group[i : i + 2] for i in range(head, len(group), 2))
            return (*((f"digit_{group[0]}",) if head else ()), *(f"pair_{pair}" for pair in pairs))


PROMPTS: Final[tuple[str, ...]] = (
    *Prompt,
    *(f"position_{n}" for n in range(1, POSITION_MAX + 1)),
    *(f"wait_{n}" for n in range(1, WAIT_MINUTES_MAX + 1)),
    *(f"waited_{n}" for n in range(1, WAIT_MINUTES_MAX + 1)),
    *(f"digit_{n}" for n in range(10)),
    *(f"pair_{n:02d}" for n in range(100)),
    *(f"hundred_{n}" for n in range(1, 10)),
)
"""Every standard prompt there is (T1)."""


def prompt_key(language: Language, prompt: str) -> MediaKey:
    """Where a prompt lies in the bucket: the same for every organization, since it is nobody's."""
    return MediaKey(f"standard/{language}/{prompt}.wav")


def prompt_keys(language: Language, *prompts: str) -> tuple[MediaKey, ...]:
    """The keys of several prompts, to be played one after the other."""
    return tuple(prompt_key(language, prompt) for prompt in prompts)


def company_notice(language: Language) -> NoticeId:
    """The notice that says an organization's name, rendered when that is saved; no saved id has a colon."""
    return NoticeId(f"company:{language}")


def apology_keys(language: Language, company: tuple[MediaKey, ...] = ()) -> tuple[MediaKey, ...]:
    """The standard apology; with the parts of the company's notice it says who is calling."""
    if not company:
        return prompt_keys(language, Prompt.APOLOGY)
    return (
        *prompt_keys(language, Prompt.APOLOGY_FROM),
        *company,
        *prompt_keys(language, Prompt.APOLOGY_AFTER_NAME),
    )
