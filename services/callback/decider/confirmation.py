"""Confirmation (C16): whoever picks up presses a key before being connected, which no machine does."""

from contracts.callback import ConfirmationAsked
from contracts.gateway import DigitsEntered, PlayFinished
from contracts.ids import LegId, PlayId
from runtime.decision import NOTHING, Decision
from services.callback import rules
from services.callback.decider import bridges, spoken_texts
from services.callback.decider.story import with_line
from services.callback.state import CallbackState
from services.callback.state.records import Callback, Dial, Phase


def is_wanted(state: CallbackState, callback: Callback) -> bool:
    """Whether the callback's department wants this key."""
    department = state.departments.get(callback.department_id)
    return department is not None and department.settings.confirms_customer


def ask(state: CallbackState, callback: Callback, leg_id: LegId) -> Decision:
    """Ask the person on this leg to press the key."""
    play_id = PlayId(f"{leg_id}.confirm")
    asked = ConfirmationAsked(
        callback_id=callback.callback_id, place_id=callback.place_id, leg_id=leg_id, play_id=play_id
    )
    media = spoken_texts.confirm_customer(state, callback)
    play = spoken_texts.play(callback.pbx_id, leg_id, play_id, media, barge_in=True)
    return Decision(facts=(asked,), commands=(play,))


def apply_asked(state: CallbackState, fact: ConfirmationAsked) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    state.callbacks.change(
        with_line(state, callback, "confirmation_asked", leg_id=fact.leg_id),
        phase=Phase.CONFIRMING,
        customer=Dial(fact.leg_id, True),
        cancelled=None,
        play_id=fact.play_id,
    )
    state.wait(callback, rules.CONFIRM_PLAY_MS_MAX)


def decide_digits(state: CallbackState, callback: Callback, fact: DigitsEntered) -> Decision:
    """«1» confirms; other keys are no answer."""
    is_asked = callback.phase is Phase.CONFIRMING and callback.customer_leg_id == fact.leg_id
    is_confirmed = is_asked and fact.digits.endswith("1")
    return bridges.connect(state, callback, fact.leg_id) if is_confirmed else NOTHING


def decide_play_over(state: CallbackState, callback: Callback, fact: PlayFinished) -> Decision:
    """If the question could not be played, connect without a key: missing audio costs nobody the call."""
    is_unheard = fact.play_id == callback.play_id and not fact.ok
    return bridges.connect(state, callback, fact.leg_id) if is_unheard else NOTHING
