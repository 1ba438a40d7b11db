"""Warnings: voice messages that go unheard in a week, told once (V6).

History knows who heard what and how long it is kept, and may say the same twice: two of its processes at the
same moment, or one that reads the log again. What was told of is remembered here until the audio is gone.
"""

import msgspec

from contracts.history import WarningWanted
from contracts.ids import Instant
from contracts.log import TimerDue
from contracts.voicemail import SendLetter
from services.voicemail import rules
from services.voicemail.state import Letters, RetentionWarning, VoicemailState


def wanted(state: VoicemailState, fact: WarningWanted) -> None:
    """Remember what of it is new, and still there: that is what the letters tell."""
    messages = tuple(
        each
        for each in fact.messages
        if each.removed_at > state.now_at and state.warning_about(each.voice_message_id) is None
    )
    if not messages:
        return
    warning = RetentionWarning(
        warning_id=messages[0].voice_message_id,
        department_id=fact.department_id,
        agent_id=fact.agent_id,
        voice_message_ids=tuple(each.voice_message_id for each in messages),
        messages=messages[: rules.UNHEARD_LISTED_MAX],
        written_at=state.now_at,
    )
    state.warnings.put(warning)
    last_at = max(each.removed_at for each in messages)
    state.set_timer("warning", warning.warning_id, Instant(last_at + rules.WARNING_KEPT_MS))


def begun_by(state: VoicemailState, fact: WarningWanted) -> RetentionWarning | None:
    """The warning that this very fact began, and whose letters are not written yet."""
    for each in fact.messages:
        found = state.warning_about(each.voice_message_id)
        if found is not None and found.letters is Letters.WANTED:
            return found
    return None


def told(command: SendLetter, warning: RetentionWarning) -> SendLetter:
    """A letter with what the warning says."""
    first = warning.messages[0]
    return msgspec.structs.replace(
        command,
        caller=first.caller,
        called_at=first.taken_at,
        unheard=warning.messages,
        unheard_count=len(warning.voice_message_ids),
        written_at=warning.written_at,
    )


def letter_ended(state: VoicemailState, warning: RetentionWarning) -> None:
    """With the last letter goes what it said; which voice messages it told of stays known."""
    letters_open = warning.letters_open - 1
    messages = warning.messages if letters_open else ()
    state.warnings.put(msgspec.structs.replace(warning, letters_open=letters_open, messages=messages))


def forgotten(state: VoicemailState, timer: TimerDue) -> None:
    """The audio is gone: there is nothing left to warn of."""
    warning = state.warnings.get(timer.subject)
    if warning is not None:
        state.warnings.drop(warning.warning_id)
