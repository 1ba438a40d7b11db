"""How people behave in the model: as they were recorded, in order; and what is assumed where nothing was.

There is no chance in it: the same stretch and the same settings give the same figures.
"""

import statistics
from typing import Final

from contracts.ids import AgentId, CallbackId, PlaceId, VoiceMessageId
from contracts.message import Fact
from contracts.voicemail import MessageMissing, MissingReason
from tools.replay.legs import Dialling
from tools.replay.recorded import Recorded, Talk

ANSWER_MS: Final = 8_000
"""Where nobody was ever seen to answer: two rings and the walk to the phone."""
CUSTOMER_ANSWER_MS: Final = 10_000
"""A mobile in a pocket."""
TALK_MS: Final = 180_000
"""Three minutes: what the queue assumes before it has measured any call."""
AFTER_CUT_MS: Final = 1_000
"""Whoever had not answered when we stopped the ringing would not have in the next second."""
VOICEMAIL_MS: Final = 15_000


class People:
    """Everybody, each with a memory of how often they were asked."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded
        self._dialled: dict[tuple[AgentId, int], int] = {}
        self._called: dict[PlaceId, int] = {}
        self._talked: dict[AgentId, int] = {}
        answers = [
            each.answered_ms
            for samples in recorded.phones.values()
            for each in samples
            if each.answered_ms is not None
        ]
        customers = [
            each.answered_ms
            for samples in recorded.customers.values()
            for each in samples
            if each.answered_ms is not None
        ]
        talks = [talk.ms for talk in recorded.talks.values()]
        self._answer_ms = _middle(answers, ANSWER_MS)
        self._customer_ms = _middle(customers, CUSTOMER_ANSWER_MS)
        self._talk_ms = _middle(talks, TALK_MS)

    def agent(self, agent_id: AgentId, device: int) -> Dialling:
        """The next dialling of an agent's phone; after the last recorded one they begin anew."""
        key = (agent_id, device)
        samples = self._recorded.phones.get(key, [])
        number = self._dialled.get(key, 0)
        self._dialled[key] = number + 1
        if not samples:
            return Dialling(rings_ms=300, answered_ms=self._answer_ms)
        if number < len(samples):
            return _resolved(samples, number)
        known = [at for at, each in enumerate(samples) if each.cut_off_ms is None]
        if not known:
            return Dialling(rings_ms=300, answered_ms=self._answer_ms)
        return samples[known[(number - len(samples)) % len(known)]]

    def customer(self, place_id: PlaceId) -> Dialling:
        """The next dialling of a callback's customer; the last one again when there were fewer."""
        samples = self._recorded.customers.get(place_id, [])
        number = self._called.get(place_id, 0)
        self._called[place_id] = number + 1
        if not samples:
            return Dialling(rings_ms=1_000, answered_ms=self._customer_ms)
        return _resolved(samples, min(number, len(samples) - 1))

    def talk(self, place_id: PlaceId, agent_id: AgentId | None) -> Talk:
        """How long this customer talks: as recorded, else as the agent's other calls, in order."""
        found = self._recorded.talks.get(place_id)
        if found is not None:
            return found
        known = [] if agent_id is None else self._recorded.handling.get(agent_id, [])
        if not known or agent_id is None:
            return Talk(ms=self._talk_ms, is_ended_by_agent=True)
        number = self._talked.get(agent_id, 0)
        self._talked[agent_id] = number + 1
        return known[number % len(known)]

    def message(self, callback_id: CallbackId) -> tuple[int, Fact]:
        """How long voicemail takes after the customer pressed 1, and what it says then."""
        nothing = MessageMissing(
            voice_message_id=VoiceMessageId(f"v.{callback_id}"),
            reason=MissingReason.TOO_SHORT,
            callback_id=callback_id,
        )
        return self._recorded.messages.get(callback_id, (VOICEMAIL_MS, nothing))


def _middle(found: list[int], otherwise: int) -> int:
    return round(statistics.median(found)) if found else otherwise


def _resolved(samples: list[Dialling], number: int) -> Dialling:
    """One that was cut off goes on, beyond what was seen of it, like the next that was not."""
    sample = samples[number]
    if sample.cut_off_ms is None:
        return sample
    after = (*samples[number + 1 :], *samples[:number])
    like = next((each for each in after if each.cut_off_ms is None), None)
    earliest_ms = sample.cut_off_ms + AFTER_CUT_MS
    # Shorter than what was seen already, it happens as soon as it can.
    answered_ms = None if like is None or like.answered_ms is None else max(like.answered_ms, earliest_ms)
    ended_ms = None if like is None or like.ended_ms is None else max(like.ended_ms, earliest_ms)
    rings_ms = sample.rings_ms if sample.rings_ms is not None or like is None else like.rings_ms
    if like is None:
        return Dialling(rings_ms=rings_ms)
    return Dialling(
        rings_ms=rings_ms,
        answered_ms=answered_ms,
        ended_ms=ended_ms,
        outcome=like.outcome,
        keys=like.keys,
        drops_ms=like.drops_ms,
        after_apology=like.after_apology,
        apology_left_ms=like.apology_left_ms,
    )
