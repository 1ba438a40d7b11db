"""How long a play lasts: exactly as recorded if it was heard to the end, else like others of its kind."""

import statistics
from typing import Final

from contracts import callback as c
from contracts import queue as q
from contracts.gateway import PlayFinished
from contracts.message import Fact

LENGTHS_MS: Final = {
    "notice": 6_000,
    "readback": 12_000,
    "whisper": 8_000,
    "w": 6_000,
    "r": 2_500,
    "apology1": 12_000,
    "apology2": 4_000,
    "bye": 1_500,
    "farewell": 3_000,
    "tone": 40_000,
}
"""About as long as the standard prompts last; used for kinds without a sample."""
LENGTH_MS: Final = 4_000
AFTER_CUT_MS: Final = 500
"""A play that was cut off would have continued for at least this long."""


class Plays:
    """Learns durations from the facts; a play lasts from its decision until its known end."""

    def __init__(self) -> None:
        self._begun: dict[str, tuple[int, str]] = {}
        self._order_at: dict[str, int] = {}
        self._exact_ms: dict[str, int] = {}
        self._cut_ms: dict[str, int] = {}
        self._kinds: dict[str, list[int]] = {}

    def hear(self, at: int, fact: Fact) -> None:
        """Hear a fact."""
        self._begun.update((play_id, (at, kind)) for play_id, kind in named_plays(fact))
        if isinstance(fact, c.CallbackConfirmed) and fact.leg_id is not None:
            # The fact names no play: it is the conversation's next one to end.
            self._order_at[fact.leg_id] = at
        if isinstance(fact, PlayFinished) and fact.ok:
            self._finished(at, fact)

    def _finished(self, at: int, fact: PlayFinished) -> None:
        begun = self._begun.get(fact.play_id)
        if begun is None and kind_of(fact.play_id) == "readback" and fact.leg_id in self._order_at:
            begun = (self._order_at[fact.leg_id], "readback")
        if begun is None:
            return
        begun_at, kind = begun
        if fact.was_interrupted:
            self._cut_ms[fact.play_id] = at - begun_at
        else:
            self._exact_ms[fact.play_id] = at - begun_at
            self._kinds.setdefault(kind, []).append(at - begun_at)

    def exact_ms(self, play_id: str) -> int | None:
        """How long exactly this play lasted, if it was heard to the end."""
        return self._exact_ms.get(play_id)

    def usual_ms(self, play_id: str, kind: str) -> int:
        """How long a play of this kind lasts, but no less than the heard part of this one."""
        others = self._kinds.get(kind)
        length_ms = round(statistics.median(others)) if others else LENGTHS_MS.get(kind, LENGTH_MS)
        return max(length_ms, self._cut_ms.get(play_id, 0) + AFTER_CUT_MS)


def named_plays(fact: Fact) -> tuple[tuple[str, str], ...]:
    """The plays that a fact may begin, each with its kind.

    On an accepted offer these are the whisper to the agent and the notice of a recorded call, or none.
    """
    if isinstance(fact, q.OfferAccepted):
        return (f"{fact.offer_id}.w", "w"), (f"{fact.offer_id}.r", "r")
    named = _named_play(fact)
    return () if named is None else (named,)


def _named_play(fact: Fact) -> tuple[str, str] | None:
    match fact:
        case q.AnnouncementMade():
            return fact.play_id, str(fact.kind)
        case q.NoAnswerReached() if fact.play_id is not None:
            return fact.play_id, "notice"
        case c.CallbackOrdered() if fact.confirmation_play_id is not None:
            return fact.confirmation_play_id, "readback"
        case c.NumberWanted() | c.NumberTyped():
            return fact.play_id, "ask"
        case c.CallbackRefused() if fact.play_id is not None:
            return fact.play_id, "refused"
        case c.AttemptStarted():
            return fact.whisper_play_id, "whisper"
        case c.CustomerDialled():
            return f"{fact.leg_id}.tone", "tone"
        case c.CustomerAnswered() if fact.play_id is not None:
            return fact.play_id, "r"
        case c.ConfirmationAsked():
            return fact.play_id, "confirm"
        case c.ApologyMade():
            return fact.play_id, f"apology{fact.ask}"
        case c.AttemptFailed():
            return f"{fact.agent_leg_id}.farewell", "farewell"
        case _:
            return None


def kind_of(play_id: str) -> str:
    """The kind of a play that no fact named, by the last part of its id."""
    last = play_id.rpartition(".")[2]
    return "readback" if last.startswith("order") else last.rstrip("0123456789")
