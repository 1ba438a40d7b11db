"""The arithmetic of voicemail: who gets a letter, when to try again, and what a greeting consists of."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from contracts.directory import Language, NoticeKind, Recipient
from contracts.ids import Instant, MediaKey
from contracts.prompts import Prompt, number_prompts, prompt_key, prompt_keys
from services.voicemail.state import Department, Notice, Reader

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS

ANSWER_MS_MAX: Final = 30 * SECOND_MS
"""A caller who rang this long unanswered has hung up, or hears a busy tone."""
COMMAND_LATE_MS_MAX: Final = 10 * SECOND_MS
"""A greeting or thanks that would start later than this are left out."""
TONE_LATE_MS_MAX: Final = MINUTE_MS
"""A caller who is still there when a process comes back shall hear the tone: hanging up would lose the voice
message. After a minute of silence the caller is gone, and the gateway refuses a leg that is gone."""
GREETING_MS_MAX: Final = 2 * MINUTE_MS
"""A greeting lasts a minute at most (1,000 characters); after twice that the play's end was lost."""
RECORDING_LATE_MS_MAX: Final = 5 * MINUTE_MS
"""How long after its maximum a recording may be reported: a gateway that was away reports on return."""
CLOSING_MS_MAX: Final = MINUTE_MS
"""A gateway reports a leg's end after the recording is closed (telephony.md); this is far beyond."""
THANKS_MS_MAX: Final = 30 * SECOND_MS
LEAVING_MS_MAX: Final = 5 * MINUTE_MS

LETTER_WAIT_MS_MAX: Final = 5 * MINUTE_MS
"""How long a letter waits for S3 before it goes with the audio from the spool (V7)."""
SPOOL_CHECK_MS_MAX: Final = MINUTE_MS
"""How much longer letters wait for the check of the spooled audio."""

LETTER_PAUSE_MS_MIN: Final = MINUTE_MS
LETTER_PAUSE_MS_MAX: Final = HOUR_MS
LETTER_RETRIED_MS_MAX: Final = DAY_MS
"""4xx is retried for a day (V4)."""
LETTER_LEASE_MS: Final = HOUR_MS
"""A letter whose sending is not answered is asked for again; the edge knows what it has sent."""

UNHEARD_LISTED_MAX: Final = 50
"""Voice messages that one warning lists; the others are counted."""
WARNING_KEPT_MS: Final = DAY_MS
"""How long a warning is remembered once its audio is due to go; history removes it within the hour."""

STORING_PAUSE_MS_MIN: Final = 5 * SECOND_MS
STORING_PAUSE_MS_MAX: Final = 5 * MINUTE_MS
STORING_RETRIED_MS_MAX: Final = 7 * DAY_MS
"""The retention of the delivery topic; if S3 is repaired later, the audio is still in the spool."""
STORING_LEASE_MS: Final = 10 * MINUTE_MS


def letter_pause_ms(tries: int) -> int:
    """How long to wait after the `tries`-th unsuccessful sending (0 the first): 1, 2, 4 … 60 minutes."""
    return min(LETTER_PAUSE_MS_MIN << min(tries, 16), LETTER_PAUSE_MS_MAX)


def storing_pause_ms(tries: int) -> int:
    """How long to wait after the `tries`-th unsuccessful storing (1 the first): 5, 10, 20 … 300 s."""
    return min(STORING_PAUSE_MS_MIN << min(max(0, tries - 1), 16), STORING_PAUSE_MS_MAX)


def has_email(recipient: Recipient) -> bool:
    """Whether a letter can be addressed at all; the mail server may still refuse the address."""
    name, at, domain = recipient.email.strip().rpartition("@")
    return bool(name and at and domain)


def is_away(readers: Sequence[Reader], now_at: Instant) -> bool:
    """Whether all employees with an address are removed or absent (EC-70); False for an unknown address."""
    return bool(readers) and all(
        reader.is_removed or any(absence.contains(now_at) for absence in reader.absences)
        for reader in readers
    )


def recipients(
    levels: Iterable[Sequence[Recipient]], is_away: Callable[[Recipient], bool]
) -> tuple[Recipient, ...]:
    """The recipients of the first level that has somebody who is not away, each address once (V4).

    If everybody is away, those of the first level with an address. Empty only if nobody has an address.
    """
    addressed = [_once(level) for level in levels]
    for level in addressed:
        present = tuple(recipient for recipient in level if not is_away(recipient))
        if present:
            return present
    return next((level for level in addressed if level), ())


def _once(level: Sequence[Recipient]) -> tuple[Recipient, ...]:
    found: dict[str, Recipient] = {}
    for recipient in level:
        if has_email(recipient):
            found.setdefault(recipient.email.strip().lower(), recipient)
    return tuple(found.values())


def department_levels(
    department: Department | None, administrators: Sequence[Recipient]
) -> tuple[Sequence[Recipient], ...]:
    """A department's letters: its list, else its heads, else the administrators (V4)."""
    if department is None:
        return (administrators,)
    return (department.recipients, department.heads, administrators)


def employee_levels(
    own: Sequence[Recipient],
    employee: Recipient,
    heads: Sequence[Recipient],
    administrators: Sequence[Recipient],
) -> tuple[Sequence[Recipient], ...]:
    """An employee's letters: the employee's list, else the employee, else the heads of the employee's
    departments, else the administrators (V4)."""
    return (own, (employee,), heads, administrators)


def greeting_media(
    department: Department | None, language: Language, notice: Notice | None, caller: str | None
) -> tuple[MediaKey, ...]:
    """What is played before the tone; nothing for «Без сообщения».

    The standard greeting replaces a department's own that is not rendered yet (T5).
    """
    standard = (prompt_key(language, Prompt.VOICEMAIL_GREETING),)
    if department is None or department.greeting.kind is NoticeKind.STANDARD:
        return standard
    if department.greeting.kind is NoticeKind.NONE:
        return ()
    if notice is None:
        return standard
    media = [key for part in notice.parts for key in _filled(part, notice.language, caller)]
    return tuple(media) or standard


def _filled(part: str, language: Language, caller: str | None) -> tuple[MediaKey, ...]:
    """The audio of a notice's part: an object, or the caller's number; other placeholders are left out."""
    if not part.startswith("{"):
        return (MediaKey(part),)
    if part == "{number}" and caller is not None:
        return prompt_keys(language, *number_prompts(language, caller))
    return ()
