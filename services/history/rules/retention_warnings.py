"""Which voice messages their owners are warned about, and when: a week before the audio goes, unheard (V6).

One letter a day tells of all that goes in the day after the week is over. It is due at nine in the morning of
the machine's department, so that nobody's phone rings at midnight, and always a whole week before.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from contracts.history import UnheardMessage, WarningWanted
from contracts.ids import AgentId, DepartmentId, Instant, VoiceMessageId
from services.history.rules.card_cache import CardCache
from services.history.state import Contact, MessageState

DAY_MS: Final = 24 * 3600 * 1000
AHEAD_MS: Final = 7 * DAY_MS
"""V6 says seven days. Who keeps no longer than that was told by the letter about the message itself."""
WINDOW_MS: Final = AHEAD_MS + 2 * DAY_MS
"""Beyond this nothing is due yet, in any zone: a day of the calendar has 25 hours at most."""
HOUR: Final = 9
LISTED_MAX: Final = 200
"""Voice messages in one fact, some 40 KB of the 256 that a record may have; the rest comes an hour later."""
PLAYABLE: Final = (MessageState.TAKEN, MessageState.STORED)
"""What can't be played was never there to be heard; its letter said so."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A voice message that nobody has heard, whose owner was not warned, and whose time runs out soon."""

    voice_message_id: VoiceMessageId
    contact_id: str
    agent_id: AgentId | None
    department_id: DepartmentId | None
    removed_at: Instant


def due(candidates: Iterable[Candidate], cards: CardCache, now: Instant) -> list[list[Candidate]]:
    """What is to be told now: a list for each machine, what goes first standing first."""
    found: dict[tuple[str, str], list[Candidate]] = {}
    for each in sorted(candidates, key=lambda each: (each.removed_at, each.voice_message_id)):
        if now < each.removed_at < covered_until(now, cards.zone(each.department_id)):
            listed = found.setdefault((each.department_id or "", each.agent_id or ""), [])
            if len(listed) < LISTED_MAX:
                listed.append(each)
    return [found[key] for key in sorted(found)]


def covered_until(now: Instant, zone: ZoneInfo) -> Instant:
    """The letter of this day, from nine to nine, tells of what goes before this instant."""
    local = datetime.fromtimestamp(now / 1000, UTC).astimezone(zone)
    day = local.date() if local.hour < HOUR else local.date() + timedelta(days=1)
    next_letter = datetime.combine(day, time(HOUR), tzinfo=zone)
    return Instant(int(next_letter.timestamp()) * 1000 + AHEAD_MS)


def warning_wanted(machine: list[Candidate], contacts: dict[str, Contact]) -> WarningWanted | None:
    """The fact about one machine; None when none of it is there any more."""
    messages = []
    for each in machine:
        contact = contacts.get(each.contact_id)
        found = None if contact is None else contact.message(each.voice_message_id)
        if contact is None or found is None:
            continue
        messages.append(
            UnheardMessage(
                voice_message_id=each.voice_message_id,
                caller=contact.number,
                taken_at=found.taken_at or found.at,
                duration_ms=found.speech_ms or found.duration_ms,
                removed_at=each.removed_at,
            )
        )
    if not messages:
        return None
    first = machine[0]
    return WarningWanted(department_id=first.department_id, agent_id=first.agent_id, messages=tuple(messages))
