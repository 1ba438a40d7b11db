"""The decider's tables are whole: what they leave out is silently ignored, so nothing may be missing."""

from contracts.codec import TYPES
from contracts.log import TimerDue
from contracts.message import Fact, type_name
from contracts.voicemail import NumberErased
from services.voicemail import decider
from services.voicemail.decider import HEARD
from services.voicemail.service import SERVICE

OWN = {kind for kind in TYPES.values() if type_name(kind).startswith("voicemail.")}
SAID = {kind for kind in SERVICE.says if issubclass(kind, Fact)}


def test_every_fact_of_voicemails_own_is_applied() -> None:
    """An own fact that changes nothing would be decided again and again."""
    assert set(decider._APPLY) >= OWN - {NumberErased}  # an answer to an erasure, which has changed the state
    assert SAID <= OWN


def test_a_fact_is_heard_unless_the_decider_alone_says_it() -> None:
    """What the activities say must reach the decider; what it says itself is applied when it is decided."""
    by_activities = OWN - decider._SAID_HERE_ALONE
    assert by_activities <= set(HEARD)
    assert decider._SAID_HERE_ALONE <= SAID
    assert not decider._SAID_HERE_ALONE & set(HEARD)


def test_every_other_fact_of_the_tables_is_heard() -> None:
    """A row for a fact that is not heard would be dead code."""
    assert set(HEARD) == ({*decider._APPLY, *decider._DECIDE, TimerDue}) - decider._SAID_HERE_ALONE
    assert set(SERVICE.hears) == set(HEARD)
