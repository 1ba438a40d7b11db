"""Callbacks that ended without an agent and without a voice message: a letter tells of them (C4, C6, C10)."""

from contracts.callback import CallbackBarred, CallbackExpired, CallbackUnreached, Origin
from contracts.voicemail import LetterKind
from contracts.waiting import waited_ms
from runtime.decision import NOTHING, Decision
from services.voicemail.decider import letters
from services.voicemail.state import EndedCallback, LettersStatus, VoicemailState

Ended = CallbackExpired | CallbackUnreached | CallbackBarred
"""The ends of a callback that its recipients are told of."""


def apply_ended(state: VoicemailState, fact: Ended) -> None:
    """Remember what the letters say, unless the letters about a voice message say it."""
    is_told = isinstance(fact, CallbackExpired) and fact.has_voice_message
    if is_told or fact.callback_id in state.callbacks:
        return
    state.callbacks.put(
        EndedCallback(
            callback_id=fact.callback_id,
            kind=_kind(fact),
            department_id=fact.department_id,
            number=fact.number and (state.caller_since(fact.number, fact.ordered_at) or ""),
            joined_at=fact.joined_at,
            waited_ms=waited_ms(fact.joined_at, state.now_at, fact.deadline_at),
            reason=fact.reason,
            was_abandoned=fact.origin is Origin.ABANDONED,
        )
    )


def _kind(fact: Ended) -> LetterKind:
    match fact:
        case CallbackExpired():
            return LetterKind.EXPIRED
        case CallbackUnreached():
            return LetterKind.UNREACHED
        case CallbackBarred():
            return LetterKind.REFUSED


def decide_ended(state: VoicemailState, fact: Ended) -> Decision:
    """Write to the department's recipients."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None or callback.letters is not LettersStatus.WANTED:
        return NOTHING
    return letters.write(
        state,
        letters.levels(state, callback.department_id),
        about=callback.callback_id,
        kind=callback.kind,
        callback_id=callback.callback_id,
    )
