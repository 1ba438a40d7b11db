"""The decider's tables are whole: what they leave out is silently ignored, so nothing may be missing."""

from contracts.callback import JoinRefused, NumberErased
from contracts.codec import TYPES
from contracts.log import TimerDue
from contracts.message import Fact, type_name
from services.callback import decider
from services.callback.service import SERVICE

OWN = {kind for kind in TYPES.values() if type_name(kind).startswith("callback.")}


def test_every_own_fact_is_said_and_applied() -> None:
    """A fact that is not applied changes nothing: callback would say it again and again.

    A refused join answers queue, and nothing of callback's has changed; nor does an answer to an erasure.
    """
    said = {kind for kind in SERVICE.says if issubclass(kind, Fact)}
    assert said == OWN
    assert said - {JoinRefused, NumberErased} == OWN & set(decider._APPLY)


def test_what_callback_hears_are_the_facts_of_others_in_its_tables() -> None:
    """A line in a table for a fact that nobody hands over would be dead."""
    assert set(SERVICE.hears) == ({*decider._APPLY, *decider._DECIDE} - OWN) | {TimerDue}
    assert not OWN & set(SERVICE.hears)


def test_every_timer_that_is_set_anew_is_decided_on() -> None:
    """A timer that leads to nothing would leave somebody waiting.

    One only ends the wait for a leg's end, and one drops counts that are over.
    """
    assert set(decider._APPLY_TIMER) - {"farewell_over", "numbers"} <= set(decider._DECIDE_TIMER)
