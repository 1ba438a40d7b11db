"""What callers and employees hear, as keys of objects in the bucket."""

from typing import Final

from contracts.directory import DirectAction, DirectActionKind, NoticeChoice, NoticeKind
from contracts.ids import MediaKey
from contracts.prompts import Prompt, number_prompts, prompt_keys
from contracts.routing import MissReason
from services.routing.state import RoutingState

TONE_MS: Final = 5_000
"""One ringing tone: a second of sound and four of silence."""
TONES_MAX: Final = 60
"""Five minutes of ringing; whoever set a longer no-answer time hears silence after that."""


def media(
    state: RoutingState, choice: NoticeChoice, standard: Prompt, caller: str | None
) -> tuple[MediaKey, ...]:
    """A notice as keys: the organization's own if it can be played, else the standard one; maybe none."""
    if choice.kind is NoticeKind.NONE:
        return ()
    own = state.notices.get(choice.notice_id) if choice.notice_id is not None else None
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


def before(
    state: RoutingState, action: DirectAction, reason: MissReason, caller: str | None
) -> tuple[MediaKey, ...]:
    """The notice before a no-answer rule's action; a forward's says that another will answer, too (D3)."""
    forwards = action.kind not in (DirectActionKind.DROP, DirectActionKind.VOICEMAIL)
    alone = _WHY.get(reason, Prompt.EMPLOYEE_CANNOT_ANSWER)
    return media(state, action.notice, Prompt.FORWARD if forwards else alone, caller)


_WHY: Final = {
    MissReason.ABSENT: Prompt.EMPLOYEE_ABSENT,
    MissReason.OUT_OF_HOURS: Prompt.CLOSED_HOURS,
}
"""Reasons that the standard notice names."""


def nobody(state: RoutingState) -> tuple[MediaKey, ...]:
    """The last word to a caller for whom nothing is left."""
    return prompt_keys(state.language, Prompt.NOBODY_AVAILABLE)


def whisper(state: RoutingState, caller: str) -> tuple[MediaKey, ...]:
    """Who is calling, for an employee whose phone could not show it (G5)."""
    return prompt_keys(state.language, Prompt.WHISPER_CALL, *number_prompts(state.language, caller))


def key_wanted(state: RoutingState) -> tuple[MediaKey, ...]:
    """«Press any key to take the call», for a mobile (E4)."""
    return prompt_keys(state.language, Prompt.WHISPER_PRESS_KEY)


def ringing(state: RoutingState, ring_ms: int) -> tuple[MediaKey, ...]:
    """What a caller whose leg is answered hears while phones ring."""
    tones = min(TONES_MAX, max(1, -(-ring_ms // TONE_MS)))
    return prompt_keys(state.language, Prompt.RINGING_TONE) * tones
