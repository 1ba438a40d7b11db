"""Putting records so that the finished ones go, and what a message's department lays down."""

from contracts.directory import Language, VoicemailSettings
from services.voicemail.state import (
    KEEPING_ENDED,
    Department,
    EndedCallback,
    Letters,
    Phase,
    VoicemailState,
    VoiceMessage,
)

_WRITTEN = (Letters.WRITTEN, Letters.NONE)


def keep(state: VoicemailState, message: VoiceMessage) -> None:
    """Put a voice message, or drop it when nothing can happen to it any more."""
    is_done = (
        message.phase is Phase.OVER
        and message.keeping in KEEPING_ENDED
        and message.letters in _WRITTEN
        and message.letters_open == 0
    )
    if is_done:
        state.messages.drop(message.voice_message_id)
    else:
        state.messages.put(message)


def keep_callback(state: VoicemailState, callback: EndedCallback) -> None:
    """Put an ended callback, or drop it with its last letter."""
    if callback.letters in _WRITTEN and callback.letters_open == 0:
        state.callbacks.drop(callback.callback_id)
    else:
        state.callbacks.put(callback)


def department_of(state: VoicemailState, message: VoiceMessage) -> Department | None:
    """The department whose machine it is; None for an employee's, and for one that nobody knows."""
    return None if message.department_id is None else state.departments.get(message.department_id)


def settings_of(state: VoicemailState, message: VoiceMessage) -> VoicemailSettings:
    """The limits of the message's department."""
    department = department_of(state, message)
    return VoicemailSettings() if department is None else department.voicemail


def language_of(state: VoicemailState, message: VoiceMessage) -> Language:
    """What is spoken to the caller."""
    department = department_of(state, message)
    if department is not None:
        return department.language
    organization = state.organization()
    return Language.RUSSIAN if organization is None else organization.language
