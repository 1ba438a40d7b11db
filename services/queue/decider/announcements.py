"""Announcements to a waiting caller: welcome, position, wait, invitation (Q4, C1)."""

from contracts.ids import Instant, MediaKey, PlayId
from contracts.log import TimerDue
from contracts.prompts import Prompt
from contracts.queue import (
    AnnouncementKind,
    AnnouncementMade,
)
from contracts.telephony import Play, StartHoldMusic
from runtime.decision import NOTHING, Decision, together
from services.queue.decider import customers, no_answer
from services.queue.rules import notice_media, waiting
from services.queue.state import QueueState
from services.queue.state.records import Phase, Place

PLAY_MS_MAX = 20_000
"""An announcement that begins later than this is out of date."""

TOLD_MS_MAX = 60_000
"""Enough to answer the call and to announce the callback's place; after this its end must have been lost."""

KEY_MS = 5_000
"""Time to find the key after the announcement."""

GAP_MS_MIN = 1_000
"""The shortest gap between announcements: a gap of 0 would repeat without end."""


def answered(state: QueueState, place: Place) -> Decision:
    """The caller's leg is answered: music, then the welcome, or the notice before a no-answer action."""
    assert place.leg_id is not None
    music = Decision(commands=(StartHoldMusic(pbx_id=place.pbx_id, leg_id=place.leg_id),))
    match place.phase:
        case Phase.NO_ANSWER:
            return no_answer.tell_and_act(state, place)
        case Phase.WAITING if place.play_count == 0:  # a repeated `leg_answered` plays no second welcome
            return together((music, _welcome(state, place)))
        case _:
            return NOTHING


def _welcome(state: QueueState, place: Place) -> Decision:
    position = waiting.position(state, place)
    wait_ms = waiting.wait_estimate_ms(state, place.department_id, position)
    existing = _existing(state, place)
    if existing is not None:
        position = _spoken_position(state, existing)
        wait_ms = waiting.wait_estimate_ms(state, place.department_id, position)
        media = (
            *notice_media.position_media(state, place, position, wait_ms),
            *notice_media.standard(state, place, Prompt.CALLBACK_EXISTS),
        )
        return _announce(state, place, AnnouncementKind.CALLBACK_EXISTS, media, position, wait_ms)
    media = notice_media.welcome(state, place, position, wait_ms)
    return _announce(state, place, AnnouncementKind.WELCOME, media, position, wait_ms)


def _spoken_position(state: QueueState, place: Place) -> int:
    """The position to announce: it never rises, even when a C7 place has gone ahead."""
    position = waiting.position(state, place)
    return position if place.position_told is None else min(position, place.position_told)


def passed_on(state: QueueState, place: Place) -> Decision:
    """Announce the position to a caller passed on by another department, which has welcomed the caller."""
    return tell_position(state, place) if _existing(state, place) is None else _welcome(state, place)


def _existing(state: QueueState, place: Place) -> Place | None:
    """The standing callback's place that the caller may take over with a key, or None (C8)."""
    existing = state.places.get(place.existing_place_id)
    return existing if existing is not None and customers.is_announced(state, existing) else None


def key_came_too_late(state: QueueState, place: Place) -> Decision:
    """The caller pressed the key for a callback's place that can't be taken any more (C8).

    Another caller of that number has it, or the callback is over. Silence would not tell the caller whether
    the key was heard, so the answer is the position of the caller's own place. A caller beyond the limit has
    none and was here only for the key: the limit counts now.
    """
    if not can_announce(place):
        return NOTHING
    if place.is_beyond_limit:
        return no_answer.full(state, place)
    # It interrupts: plays of a leg follow one another, and the key may be pressed again and again.
    return tell_position(state, place, interrupts=True)


def tell_position(state: QueueState, place: Place, *, interrupts: bool = False) -> Decision:
    """Announce position and wait; the spoken position never rises (Q4)."""
    position = _spoken_position(state, place)
    wait_ms = waiting.wait_estimate_ms(state, place.department_id, position)
    media = notice_media.position_media(state, place, position, wait_ms)
    return _announce(state, place, AnnouncementKind.POSITION, media, position, wait_ms, interrupts=interrupts)


def _announce(
    state: QueueState,
    place: Place,
    kind: AnnouncementKind,
    media: tuple[MediaKey, ...],
    position: int | None = None,
    wait_ms: int | None = None,
    *,
    interrupts: bool = False,
) -> Decision:
    assert place.leg_id is not None
    play_id = PlayId(f"{place.place_id}.p{place.play_count + 1}")
    fact = AnnouncementMade(
        place_id=place.place_id, kind=kind, play_id=play_id, position=position, wait_estimate_ms=wait_ms
    )
    command = Play(
        pbx_id=place.pbx_id,
        leg_id=place.leg_id,
        play_id=play_id,
        media=media,
        barge_in=kind in (AnnouncementKind.INVITATION, AnnouncementKind.CALLBACK_EXISTS),
        not_after=Instant(state.now_at + PLAY_MS_MAX),
        interrupts=interrupts,
    )
    return Decision(facts=(fact,), commands=(command,) if media else ())


def apply_announcement(state: QueueState, fact: AnnouncementMade) -> None:
    """Note what was announced; the position is looked at again after the gap."""
    place = state.places[fact.place_id]
    is_position = fact.kind in (AnnouncementKind.WELCOME, AnnouncementKind.POSITION)
    state.places.change(
        place,
        play_count=place.play_count + 1,
        position_told=fact.position if is_position else place.position_told,
        is_invited=place.is_invited or fact.kind is AnnouncementKind.INVITATION,
    )
    schedule_announcements(state, place)


def schedule_overflow(state: QueueState, place: Place) -> None:
    """A caller beyond the limit has heard of the callback's place and has `KEY_MS` to press the key (C8)."""
    if place.is_beyond_limit and place.phase is Phase.WAITING:
        state.set_timer("overflow", place.place_id, Instant(state.now_at + KEY_MS))


def schedule_announcements(state: QueueState, place: Place) -> None:
    """Set the timer that announces a better position, if it is not set."""
    if f"announce/{place.place_id}" not in state.timers:
        _set_announce_timer(state, place)


def _set_announce_timer(state: QueueState, place: Place) -> None:
    gap_ms = max(GAP_MS_MIN, state.departments[place.department_id].saved.announcement_gap_ms)
    state.set_timer("announce", place.place_id, Instant(state.now_at + gap_ms))


def apply_announce_due(state: QueueState, due: TimerDue) -> None:
    """Set the next timer, as long as the caller waits on the line."""
    place = state.places.get(due.subject)
    if place is not None and place.leg_id is not None and _is_ours(place):
        _set_announce_timer(state, place)


def can_announce(place: Place) -> bool:
    """Whether the queue speaks on this leg now: not during an order or while a bridge is made."""
    return (
        place.phase is Phase.WAITING
        and place.is_answered
        and place.leg_id is not None
        and not place.is_ordering
        and not place.is_joining
        and _is_ours(place)
    )


def _is_ours(place: Place) -> bool:
    """After an order callback speaks, unless its customer came back on another leg (C8)."""
    return place.callback_id is None or place.is_taken_over


def schedule_invitation(state: QueueState, place: Place, joined_at: Instant) -> None:
    """Set the timer of the one invitation: a time after joining, or at once if that has passed (C1)."""
    callback = state.departments[place.department_id].saved.callback
    is_ours = place.callback_id is None and not place.is_beyond_limit
    if callback.is_on and not place.is_internal and not place.is_invited and is_ours:
        due_at = max(state.now_at, joined_at + callback.invitation_after_ms)
        state.set_timer("invite", place.place_id, Instant(due_at))


def schedule_late_invitation(state: QueueState, place: Place) -> None:
    """Make up for an invitation that came due before the call was answered.

    Answering takes that long only after this process was down.
    """
    if place.phase is Phase.WAITING and f"invite/{place.place_id}" not in state.timers:
        schedule_invitation(state, place, place.joined_at)


def invite_again(state: QueueState, place: Place) -> None:
    """A play came too late: if the caller was invited, invite again after a gap."""
    if place.is_invited and can_announce(place) and place.callback_id is None:
        state.places.change(place, is_invited=False)
        gap_ms = max(GAP_MS_MIN, state.departments[place.department_id].saved.announcement_gap_ms)
        state.set_timer("invite", place.place_id, Instant(state.now_at + gap_ms))


def decide_announce(state: QueueState, due: TimerDue) -> Decision:
    """Announce the position again if it got better."""
    place = state.places.get(due.subject)
    if place is None or not can_announce(place) or place.is_beyond_limit:
        return NOTHING
    if place.position_told is not None and waiting.position(state, place) >= place.position_told:
        return NOTHING
    return tell_position(state, place)


def decide_invite(state: QueueState, due: TimerDue) -> Decision:
    """«Press 1 and we will call you back» (C1, C12)."""
    place = state.places.get(due.subject)
    if place is None or not can_announce(place) or not waiting.may_invite(state, place):
        return NOTHING
    choice = state.departments[place.department_id].saved.notices.invitation
    media = notice_media.media(state, place, choice, (Prompt.INVITATION,))
    return _announce(state, place, AnnouncementKind.INVITATION, media)
