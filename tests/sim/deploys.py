"""A version of the queue that decides differently: old and new take over from each other during calls."""

from typing import Any, Final

import msgspec

from contracts.message import Fact
from contracts.queue import AnnouncementMade, OfferMade
from runtime.decision import Decider, Decision
from services.queue.service import SERVICE as QUEUE


def _otherwise(state: Any, fact: Fact) -> Decision:
    """Decides the same with other contents: it names no skipped agents, and estimates no wait."""
    return _in_other_words(QUEUE.decide(state, fact))


def _settled_otherwise(state: Any) -> Decision:
    """The same for `settle`, above all for offers."""
    assert QUEUE.settle is not None
    return _in_other_words(QUEUE.settle(state))


def _in_other_words(decision: Decision) -> Decision:
    facts = tuple(_reworded(each) for each in decision.facts)
    return Decision(facts=facts, commands=decision.commands)


def _reworded(fact: Fact) -> Fact:
    match fact:
        case OfferMade():
            return msgspec.structs.replace(fact, skipped=(), ring_ms_max=fact.ring_ms_max + 1_000)
        case AnnouncementMade():
            return msgspec.structs.replace(fact, wait_estimate_ms=None)
        case _:
            return fact


NEWER_QUEUE: Final[Decider[Any]] = msgspec.structs.replace(
    QUEUE, decide=_otherwise, settle=_settled_otherwise
)
