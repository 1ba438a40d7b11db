"""Callback's arithmetic: limits, gaps, deadlines, the number shown. Pure functions of plain values."""

from collections.abc import Sequence
from typing import Final

from contracts.dialling import DiallingPolicy, Refusal
from contracts.gateway import Outcome
from contracts.ids import Instant
from contracts.prompts import Prompt

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS

TYPING_TRIES_MAX: Final = 3
"""As often as a cash machine asks for a PIN; then the wait in the queue goes on."""
NUMBER_CHANGES_MAX: Final = 3
"""After three changes the caller hears the number once more, and keys other than 0 and 1 do nothing."""
DIGITS_MAX: Final = 18
"""E.164's fifteen, and room for 8~10 before them."""
ASKED_LENGTH_MAX: Final = 32
"""Of a number from a web form: enough for fifteen digits and what people write between them."""
FIRST_DIGIT_MS_MAX: Final = 10_000
"""Counts from the end of the prompt, which a key interrupts."""
BETWEEN_DIGITS_MS_MAX: Final = 6_000
"""People who read a number from paper pause between its groups."""
ORDER_STEP_MS_MAX: Final = 90_000
"""A step of a conversation takes half a minute; after three times that, one of its facts was lost."""

WHISPER_MS_MAX: Final = 25_000
"""The longest whisper is 15 s. Well after that the customer is dialled, though its end was not heard of."""
WHISPER_FAILED_MS: Final = 2_000
"""If a whisper failed because the agent has gone, that is known by then."""
DIAL_LATE_MS_MAX: Final = 10_000
"""A dial that is later than this would ring a customer for an agent who has given up."""
RING_GRACE_MS: Final = 35_000
"""Beyond the ring limit: a dead phone gives no answer for 32 s (telephony.md), then the leg ends."""
BRIDGE_MS_MAX: Final = 10_000
"""Two legs are bridged within a second, or one of them is gone."""
BRIDGE_AGAIN_MS: Final = 5_000
"""The first wait counts from the answer, which we may have heard when it was over; this one, from then."""
CONFIRM_KEY_MS: Final = 10_000
"""C16: after the words, the time to take the phone from the ear and find the key."""
CONFIRM_PLAY_MS_MAX: Final = 20_000
"""The words take seven seconds and the company's name. After this their end was not heard of."""
TOLD_MS_MAX: Final = 10_000
"""«This call will be recorded» takes two seconds. After this its end was not heard of."""
CALL_MS_MAX: Final = 4 * HOUR_MS
"""No call lasts longer (G3)."""
RECORD_LATE_MS_MAX: Final = 10_000
"""A recording that begins later than this misses the talk."""
HELD_MS: Final = 30_000
"""C7: «30 s to answer»."""
REFUSALS_MAX: Final = 3
"""A dial that the gateway refuses is no attempt, up to this number: its own policy may always refuse."""

APOLOGY_QUIET_LATE_MS: Final = 15 * MINUTE_MS
"""C4: later than this after the deadline nobody is called in quiet hours, or after another call (C15)."""
APOLOGY_LATE_MS: Final = 60 * MINUTE_MS
"""C4: a letter to those who can call back is better than an apology that is an hour late."""
WORD_MS_MAX: Final = 2_000
"""C14: queue hears that a talk has ended when we do, and says within a second whether the callback ends."""
JOIN_MS_MAX: Final = 15_000
"""A customer who calls in hears within ten seconds that there is a callback, and which key takes it (C8)."""
TALK_MS_MAX: Final = MINUTE_MS
"""C13: after a minute of talk the agent can no longer say that nobody was reached."""
APOLOGY_TRIES_MAX: Final = 2
APOLOGY_GAP_MS: Final = 60_000
"""C4: «tried twice 60 s apart»."""
APOLOGY_RING_MS: Final = 30_000
APOLOGY_ASKS_MAX: Final = 2
"""C4: «asked twice», so that a machine is never recorded."""
APOLOGY_KEY_MS: Final = 5_000
"""After the words, the time to find the key."""
APOLOGY_PLAY_MS_MAX: Final = 60_000
"""The standard apology takes 15 s, a department's own 60 s at most. After this its end was not heard of."""
RECORDING_MS_MAX: Final = 10 * MINUTE_MS
"""A voice message is 180 s at most, and voicemail says within seconds what came of it."""
LINE_MS_MAX: Final = 15 * MINUTE_MS
"""Longer than any apology with its voice message: a leg that still holds a line then is hung up."""
LINE_AGAIN_MS: Final = MINUTE_MS
AWAY_RECHECK_MS: Final = 30_000
"""While the PBX is away no silence is judged; the timer is set anew for this long."""

FAREWELL_MS_MAX: Final = 1_800
"""C6: the agent is told why in at most 1.5 s and is free within 2 s. After this the farewell is cut off: the
PBX needs up to 0.3 s to begin, and 0.2 s to hang up."""
FAREWELL_KEPT_MS: Final = 30_000
"""The hang-up is on the log and will be carried out. After this nothing more is waited for."""
STORY_LINES_MAX: Final = 60
"""Two attempts and two apologies make some twenty; lines beyond this are only counted."""
RINGING_TONES: Final = 8
"""The ringing tone is played this often in a row: 45 s each, longer than any ring, whose end ends it."""
ABANDONED_MS_MIN: Final = 15_000
"""C11: a caller who hung up sooner had dialled a wrong number, or thought better of it."""
ASKED_KEPT_MS: Final = HOUR_MS
"""The directory may repeat what it asks, within seconds; `adopt-log`, run again, within minutes."""
BARRED_AT_ONCE_MAX: Final = 200
"""A step is one record batch, and the end of a callback carries its whole story."""
COUNTS_DROPPED_MAX: Final = 8
"""Per order this many notes of orders by the API are dropped that are too old: faster than new ones come."""
COUNTS_ENDED_AT_ONCE_MAX: Final = 500
"""Counts per number that end in one step."""

RETYPED: Final = frozenset(
    {
        Refusal.WITHHELD,
        Refusal.INVALID,
        Refusal.REGION,
        Refusal.PREMIUM,
        Refusal.SATELLITE,
        Refusal.NOT_ORDINARY,
        Refusal.EMERGENCY,
        Refusal.OWN_NUMBER,
    }
)
"""Refusals after which the caller may type another number; after a denied number none is asked for."""

_PROMPTS: Final = {
    Refusal.WITHHELD: Prompt.REFUSED_INVALID,
    Refusal.INVALID: Prompt.REFUSED_INVALID,
    Refusal.TOO_MANY_FOR_NUMBER: Prompt.REFUSED_TOO_MANY,
    Refusal.TOO_MANY_FOR_DEPARTMENT: Prompt.REFUSED_TOO_MANY,
    Refusal.TOO_MANY_FOR_ORGANIZATION: Prompt.REFUSED_TOO_MANY,
    Refusal.TOO_MANY_TODAY: Prompt.REFUSED_TOO_MANY,
    Refusal.SWITCHED_OFF: Prompt.REFUSED_OFF,
    Refusal.CALLBACKS_OFF: Prompt.REFUSED_OFF,
    Refusal.NO_TIME_LEFT: Prompt.REFUSED_NO_TIME,
}


def refusal_prompt(reason: Refusal) -> Prompt:
    """What a caller hears whose order is refused for this reason."""
    return _PROMPTS.get(reason, Prompt.REFUSED_NOT_ALLOWED)


def taken_since(taken_at: Sequence[Instant], at: Instant, window_ms: int) -> int:
    """How many of these instants lie within the window that ends now, without its beginning."""
    return sum(1 for each in taken_at if each > at - window_ms)


def number_refusal(policy: DiallingPolicy, at: Instant, of_number: Sequence[Instant]) -> Refusal | None:
    """Why one more order to this number is too many, or None (C10)."""
    is_too_many = (
        taken_since(of_number, at, HOUR_MS) >= policy.orders_per_hour_per_number_max
        or taken_since(of_number, at, DAY_MS) >= policy.orders_per_day_per_number_max
    )
    return Refusal.TOO_MANY_FOR_NUMBER if is_too_many else None


def limit_refusal(
    policy: DiallingPolicy,
    at: Instant,
    *,
    of_number: Sequence[Instant],
    of_department: Sequence[Instant],
    of_organization: Sequence[Instant],
    of_day: int,
) -> Refusal | None:
    """Why one more order is too many, or None, by the log's time (C10): orders count, not dials."""
    refusal = number_refusal(policy, at, of_number)
    if refusal is not None:
        return refusal
    if taken_since(of_department, at, MINUTE_MS) >= policy.orders_per_minute_per_department_max:
        return Refusal.TOO_MANY_FOR_DEPARTMENT
    if taken_since(of_organization, at, MINUTE_MS) >= policy.orders_per_minute_max:
        return Refusal.TOO_MANY_FOR_ORGANIZATION
    return Refusal.TOO_MANY_TODAY if of_day >= policy.orders_per_day_max else None


def is_alarm(policy: DiallingPolicy, of_day: int) -> bool:
    """Whether the next order of the day is the one at four fifths of the organization's ceiling (C10)."""
    return of_day + 1 == max(1, policy.orders_per_day_max * 4 // 5)


def caller_id(line: str, lines: Sequence[str], numbers: Sequence[str]) -> str:
    """The number that a customer's phone shows (G5): the line called, else the department's.

    It is always a number of the PBX that dials, if any number of that PBX is known.
    """
    if not numbers or line in numbers:
        return line
    return next((each for each in lines if each in numbers), numbers[0])


def next_lateness_at(deadline_at: Instant, at: Instant) -> Instant | None:
    """When to look next whether an apology has become too late (C4); None: it is too late now."""
    limits = (deadline_at + APOLOGY_QUIET_LATE_MS, deadline_at + APOLOGY_LATE_MS)
    return next((Instant(each) for each in limits if each > at), None)


def give_up_at(deadline_at: Instant, gap_ms: int) -> Instant:
    """After a first dial, the remaining attempt may start up to one gap after the deadline (C6)."""
    return Instant(deadline_at + gap_ms)


def next_attempt_at(
    at: Instant, outcome: Outcome, *, has_attempts_left: bool, deadline_at: Instant, gap_ms: int
) -> Instant | None:
    """When another attempt follows a dialled one that failed, or None (C6).

    A number that does not exist is not dialled again. The gap counts from now, and the next attempt may
    start up to one gap after the deadline: an attempt that fails after the deadline was the last.
    """
    if outcome is Outcome.BAD_NUMBER or not has_attempts_left:
        return None
    next_at = Instant(at + gap_ms)
    return next_at if next_at <= give_up_at(deadline_at, gap_ms) else None
