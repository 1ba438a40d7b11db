"""Announcements, notices and whispers, as keys of objects in the bucket."""

from contracts.directory import NoticeChoice, NoticeKind
from contracts.ids import MediaKey, PlayId
from contracts.prompts import Prompt, number_prompts, position_prompt, prompt_keys, wait_prompt
from contracts.telephony import StopPlay
from services.queue.state import QueueState
from services.queue.state.records import Place

ANNOUNCED_MAX = 2
"""Announcements come a gap apart, and the invitation at any time: at most two play or wait to be played."""


def media(
    state: QueueState,
    place: Place,
    choice: NoticeChoice,
    standard: tuple[str, ...],
    *,
    position: int | None = None,
    wait_ms: int | None = None,
) -> tuple[MediaKey, ...]:
    """A notice as keys: the organization's own if it can be played, else the standard one; may be empty."""
    language = state.departments[place.department_id].saved.language
    if choice.kind is NoticeKind.NONE:
        return ()
    own = state.notices.get(choice.notice_id)
    if choice.kind is NoticeKind.STANDARD or own is None:
        return prompt_keys(language, *standard)
    values = {
        "{position}": (position_prompt(position),) if position is not None else (),
        "{wait_minutes}": (wait_prompt(wait_ms),),
        "{number}": number_prompts(language, place.caller) if place.caller else (),
    }
    return tuple(
        key
        for part in own.parts
        for key in (prompt_keys(language, *values[part]) if part in values else (MediaKey(part),))
    )


def welcome(state: QueueState, place: Place, position: int, wait_ms: int | None) -> tuple[MediaKey, ...]:
    """Welcome, then position and wait."""
    notices = state.departments[place.department_id].saved.notices
    return (
        *media(state, place, notices.welcome, (Prompt.QUEUE_WELCOME,), position=position, wait_ms=wait_ms),
        *position_media(state, place, position, wait_ms),
    )


def position_media(
    state: QueueState, place: Place, position: int, wait_ms: int | None
) -> tuple[MediaKey, ...]:
    """Position and wait."""
    notices = state.departments[place.department_id].saved.notices
    standard = (position_prompt(position), wait_prompt(wait_ms))
    return media(state, place, notices.position, standard, position=position, wait_ms=wait_ms)


def whisper(state: QueueState, place: Place) -> tuple[MediaKey, ...]:
    """The caller's number, for an agent whose phone could not show it; a withheld one is never spoken."""
    language = state.departments[place.department_id].saved.language
    if place.caller is None:
        return prompt_keys(language, Prompt.WHISPER_CALL, Prompt.WHISPER_NUMBER_WITHHELD)
    return prompt_keys(language, Prompt.WHISPER_CALL, *number_prompts(language, place.caller))


def standard(state: QueueState, place: Place, prompt: Prompt) -> tuple[MediaKey, ...]:
    """One standard prompt in the department's language."""
    return prompt_keys(state.departments[place.department_id].saved.language, prompt)


def stop_announcements(place: Place) -> tuple[StopPlay, ...]:
    """Stop the announcements of a wait, the last one first, so that none begins to play.

    They are stopped by id, not by interrupting whatever plays: when a refused order ends the wait, the caller
    hears to its end why callback refused it (C10).
    """
    if place.leg_id is None:
        return ()
    last = place.play_count - 1  # `play_count` includes the notice that follows
    return tuple(
        StopPlay(pbx_id=place.pbx_id, leg_id=place.leg_id, play_id=PlayId(f"{place.place_id}.p{number}"))
        for number in range(last, max(0, last - ANNOUNCED_MAX), -1)
    )
