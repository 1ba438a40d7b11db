"""Whatever history can say of a contact has words here."""

import pytest

from contracts.callback import Origin
from contracts.dialling import Refusal
from contracts.directory import ActionKind
from contracts.gateway import Outcome
from contracts.queue import SkipReason
from contracts.routing import Rule
from services.console.rules import callback_words, story_words, wallboard_words
from services.history.rules import agent_states
from services.history.state import CallbackEnd, TryEnd


@pytest.mark.rule("H7")
def test_every_reason_for_which_somebody_is_not_rung_has_words() -> None:
    standings = {agent_states.FREE, agent_states.RINGS, agent_states.WITH_THIS}
    assert set(story_words.STANDINGS) == {str(each) for each in SkipReason} | standings


def test_every_end_of_a_try_every_rule_and_every_action_has_words() -> None:
    assert set(story_words.TRY_ENDS) == {str(each) for each in TryEnd}
    assert set(story_words.RULES) == {str(each) for each in Rule}
    assert set(story_words.ACTIONS) == {str(each) for each in ActionKind}


def test_every_step_with_which_a_callback_ends_has_words() -> None:
    assert {str(each) for each in CallbackEnd} <= set(story_words.STEPS)
    assert set(callback_words.REFUSALS) == {str(each) for each in Refusal}
    assert set(wallboard_words.ORIGINS) == {str(each) for each in Origin}


def test_every_way_in_which_a_customer_is_not_reached_has_words() -> None:
    assert {str(each) for each in Outcome} - {"completed"} <= set(callback_words.DIAL_ENDS)
