"""How people behave in the model: as recorded, in order, and by assumption where nothing was recorded.

The model is deterministic: the same stretch and the same settings give the same figures.
"""

import statistics
from dataclasses import replace
from typing import Final

from contracts.ids import AgentId, CallbackId, LegId, PlaceId, VoiceMessageId
from contracts.message import Fact
from contracts.voicemail import MessageMissing, MissingReason
from ringback.replay.legs import Dialling
from ringback.replay.recorded import Recorded, Talk

ANSWER_MS: Final = 8_000
"""Assumed if no answer was recorded: two rings and the walk to the phone."""
CUSTOMER_ANSWER_MS: Final = 10_000
"""Assumed for a mobile, which is in a pocket."""
AGENT_RINGS_MS: Final = 300
CUSTOMER_RINGS_MS: Final = 1_000
TALK_MS: Final = 180_000
"""Three minutes, which the queue assumes before it has measured any call."""
AFTER_CUT_MS: Final = 1_000
"""A phone not answered when we stopped the ringing is not answered in the next second either."""
VOICEMAIL_MS: Final = 15_000


class People:
    """All people; the model counts how often each sample was used."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded
        self._phones = {phone: _Samples(samples) for phone, samples in recorded.phones.items()}
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

    def agent(self, agent_id: AgentId, device: int, leg_id: LegId) -> Dialling:
        """How an agent's phone behaves when this leg dials it."""
        samples = self._phones.get((agent_id, device))
        if samples is None:
            return Dialling(rings_ms=AGENT_RINGS_MS, answered_ms=self._answer_ms)
        return samples.take(leg_id) or Dialling(rings_ms=AGENT_RINGS_MS, answered_ms=self._answer_ms)

    def give_back(self, agent_id: AgentId, device: int, sample: Dialling) -> None:
        """Keep a sample for another dialling: we stopped the ringing before its end."""
        if (agent_id, device) in self._phones:
            self._phones[(agent_id, device)].give_back(sample)

    def customer(self, place_id: PlaceId) -> Dialling:
        """The next dialling of a callback's customer; the last one again if there are no more."""
        samples = self._recorded.customers.get(place_id, [])
        number = self._called.get(place_id, 0)
        self._called[place_id] = number + 1
        if not samples:
            return Dialling(rings_ms=CUSTOMER_RINGS_MS, answered_ms=self._customer_ms)
        sample = samples[min(number, len(samples) - 1)]
        after = [each for each in samples if each.cut_off_ms is None]
        return _beyond(sample, after[0] if after else None)

    def talk(self, place_id: PlaceId, agent_id: AgentId | None) -> Talk:
        """How long this customer talks: as recorded, else as in the agent's other calls, in order."""
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
        """How long voicemail takes after the customer pressed 1, and with which result."""
        nothing = MessageMissing(
            voice_message_id=VoiceMessageId(f"v.{callback_id}"),
            reason=MissingReason.TOO_SHORT,
            callback_id=callback_id,
        )
        return self._recorded.messages.get(callback_id, (VOICEMAIL_MS, nothing))


def _middle(found: list[int], otherwise: int) -> int:
    return round(statistics.median(found)) if found else otherwise


class _Samples:
    """One phone's samples: the one for this place and turn if recorded, else the next unused one."""

    def __init__(self, samples: list[Dialling]) -> None:
        self._by_leg = {sample.leg_id: sample for sample in samples}
        self._known = [sample for sample in samples if sample.cut_off_ms is None]
        self._used: set[LegId] = set()

    def take(self, leg_id: LegId) -> Dialling | None:
        """A sample, or None if all known ones were cut off."""
        exact = self._by_leg.get(leg_id)
        if exact is not None and exact.cut_off_ms is not None:
            return _beyond(exact, self._next())
        found = exact if exact is not None and leg_id not in self._used else self._next()
        if found is not None:
            self._used.add(found.leg_id)
        return found

    def _next(self) -> Dialling | None:
        """The first unused sample; when all are used, start again."""
        if len(self._used) >= len(self._known):
            self._used.clear()
        return next((sample for sample in self._known if sample.leg_id not in self._used), None)

    def give_back(self, sample: Dialling) -> None:
        """Mark a sample as unused again."""
        self._used.discard(sample.leg_id)


def _beyond(sample: Dialling, like: Dialling | None) -> Dialling:
    """Continue a cut-off sample like another one from where it was cut off; else it rings on."""
    if sample.cut_off_ms is None:
        return sample
    if like is None:
        return Dialling(rings_ms=sample.rings_ms)
    earliest_ms = sample.cut_off_ms + AFTER_CUT_MS
    # If the other one is shorter than the recorded part, its end comes at once.
    return replace(
        like,
        leg_id=sample.leg_id,
        rings_ms=like.rings_ms if sample.rings_ms is None else sample.rings_ms,
        answered_ms=None if like.answered_ms is None else max(like.answered_ms, earliest_ms),
        ended_ms=None if like.ended_ms is None else max(like.ended_ms, earliest_ms),
    )
