"""Retention warnings: the recipients are told once of voice messages unheard for a week (V6).

History knows who heard what and when it is removed, and may ask for the same warning twice: two of its
processes at once, or one that reads the log again. So a warning is remembered until its audio is gone.
"""

from contracts.history import WarningWanted
from contracts.ids import Instant
from contracts.log import TimerDue
from contracts.voicemail import LetterKind
from runtime.decision import NOTHING, Decision
from services.voicemail import rules
from services.voicemail.decider import letters
from services.voicemail.state import LettersStatus, RetentionWarning, VoicemailState


def apply_wanted(state: VoicemailState, fact: WarningWanted) -> None:
    """Remember the voice messages that no warning has told of and that are still there."""
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


def decide_wanted(state: VoicemailState, fact: WarningWanted) -> Decision:
    """Write one letter about all of them to each recipient of the letters about the voice messages."""
    warning = _begun_by(state, fact)
    if warning is None:
        return NOTHING
    return letters.write(
        state,
        letters.levels(state, warning.department_id, warning.agent_id),
        about=f"{warning.warning_id}.unheard",
        kind=LetterKind.UNHEARD,
        voice_message_ids=warning.voice_message_ids,
    )


def _begun_by(state: VoicemailState, fact: WarningWanted) -> RetentionWarning | None:
    """The warning that this fact began, and whose letters are not written yet."""
    for each in fact.messages:
        found = state.warning_about(each.voice_message_id)
        if found is not None and found.letters is LettersStatus.WANTED:
            return found
    return None


def apply_forgotten(state: VoicemailState, timer: TimerDue) -> None:
    """Drop a warning whose audio is gone."""
    warning = state.warnings.get(timer.subject)
    if warning is not None:
        state.warnings.drop(warning.warning_id)
