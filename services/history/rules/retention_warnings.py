"""Which voice messages owners are warned about, and when: a week before unheard audio is removed (V6).

One letter a day covers all that will be removed in the day after that week. It is due at nine in the morning
in the department's zone, so that no phone rings at midnight, and always a whole week ahead.
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
"""V6 says seven days. With a shorter retention the letter about the message itself came within them."""
WINDOW_MS: Final = AHEAD_MS + 2 * DAY_MS
"""Nothing beyond this is due yet in any zone: a calendar day has 25 hours at most."""
HOUR: Final = 9
LISTED_MAX: Final = 200
"""Voice messages in one fact, some 40 KB of the 256 that a record may have; the rest comes an hour later."""
PLAYABLE: Final = (MessageState.TAKEN, MessageState.STORED)
"""What can't be played can't go unheard; the letter about it said so."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An unheard voice message that will be removed soon, and whose owner was not warned yet."""

    voice_message_id: VoiceMessageId
    contact_id: str
    agent_id: AgentId | None
    department_id: DepartmentId | None
    removed_at: Instant


def due(candidates: Iterable[Candidate], cards: CardCache, now: Instant) -> list[list[Candidate]]:
    """What to warn of now: one list per answering machine, the earliest removal first."""
    found: dict[tuple[str, str], list[Candidate]] = {}
    for each in sorted(candidates, key=lambda each: (each.removed_at, each.voice_message_id)):
        if now < each.removed_at < covered_until(now, cards.zone(each.department_id)):
            listed = found.setdefault((each.department_id or "", each.agent_id or ""), [])
            if len(listed) < LISTED_MAX:
                listed.append(each)
    return [found[key] for key in sorted(found)]


def covered_until(now: Instant, zone: ZoneInfo) -> Instant:
    """The instant before which removals belong to today's letter; its day runs from nine to nine."""
    local = datetime.fromtimestamp(now / 1000, UTC).astimezone(zone)
    day = local.date() if local.hour < HOUR else local.date() + timedelta(days=1)
    next_letter = datetime.combine(day, time(HOUR), tzinfo=zone)
    return Instant(int(next_letter.timestamp()) * 1000 + AHEAD_MS)


def warning_wanted(machine: list[Candidate], contacts: dict[str, Contact]) -> WarningWanted | None:
    """The fact about one answering machine; None when none of its messages is left."""
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
