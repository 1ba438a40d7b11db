"""What callers and employees hear, as keys of audio in the bucket."""

from typing import Final

from contracts.directory import DirectAction, DirectActionKind, NoticeChoice, NoticeKind
from contracts.ids import MediaKey
from contracts.prompts import Prompt, number_prompts, prompt_keys
from contracts.routing import MissReason
from services.routing.state import RoutingState

TONE_MS: Final = 5_000
"""One ringing tone: a second of sound and four of silence."""
TONES_MAX: Final = 60
"""Five minutes of ringing; after a longer no-answer time the caller hears silence."""


def of_notice(
    state: RoutingState, choice: NoticeChoice, standard: Prompt, caller: str | None
) -> tuple[MediaKey, ...]:
    """The organization's own notice if it can be played, else the standard one; empty for «no message»."""
    if choice.kind is NoticeKind.NONE:
        return ()
    own = state.notices.get(choice.notice_id)
    if choice.kind is NoticeKind.STANDARD or own is None:
        return prompt_keys(state.language, standard)
    values = {"{number}": number_prompts(state.language, caller) if caller else ()}
    return tuple(
        key
        for part in own.parts
        for key in (
            prompt_keys(state.language, *values.get(part, ())) if part.startswith("{") else (MediaKey(part),)
        )
    )


def before_action(
    state: RoutingState, action: DirectAction, reason: MissReason, caller: str | None
) -> tuple[MediaKey, ...]:
    """The notice before a rule's action; before a forward it also says that another will answer (D3)."""
    forwards = action.kind not in (DirectActionKind.DROP, DirectActionKind.VOICEMAIL)
    standard = _STANDARD.get(reason, Prompt.EMPLOYEE_CANNOT_ANSWER)
    return of_notice(state, action.notice, Prompt.FORWARD if forwards else standard, caller)


_STANDARD: Final = {
    MissReason.ABSENT: Prompt.EMPLOYEE_ABSENT,
    MissReason.OUT_OF_HOURS: Prompt.CLOSED_HOURS,
}
"""Standard notices that name the reason."""


def nobody_available(state: RoutingState) -> tuple[MediaKey, ...]:
    """The apology to a caller whom nobody can answer."""
    return prompt_keys(state.language, Prompt.NOBODY_AVAILABLE)


def whisper(state: RoutingState, caller: str) -> tuple[MediaKey, ...]:
    """The caller's number, for an employee whose phone could not show it (G5)."""
    return prompt_keys(state.language, Prompt.WHISPER_CALL, *number_prompts(state.language, caller))


def key_wanted(state: RoutingState) -> tuple[MediaKey, ...]:
    """«Press any key to take the call», for a mobile (E4)."""
    return prompt_keys(state.language, Prompt.WHISPER_PRESS_KEY)


def ringing_tone(state: RoutingState, ring_ms: int) -> tuple[MediaKey, ...]:
    """What a caller whose leg is answered hears while phones ring, for at least `ring_ms`."""
    tones = min(TONES_MAX, max(1, -(-ring_ms // TONE_MS)))
    return prompt_keys(state.language, Prompt.RINGING_TONE) * tones
