"""Cancellation by an agent or by the API (C9); the customer cancels with «0» where that key is offered.

Nothing is dialled any more, and a leg that rings the customer stops. A customer who is on the line is not cut
off: where an agent is about to come the place goes on as a caller's, a voice message that is being recorded
is voicemail's, and two who are just being bridged talk.
"""

from contracts.callback import BY_AGENT, CANCEL_ASKED
from contracts.directory import CallbackCancelAsked
from contracts.ids import CallbackId
from contracts.telephony import HangUp
from runtime.decision import NOTHING, Decision, together
from services.callback.decider import endings
from services.callback.decider.story import with_line
from services.callback.state import CallbackState
from services.callback.state.records import Callback, Phase

BY_API = "by_api"
COMING_TOGETHER = frozenset({Phase.CONFIRMING, Phase.BRIDGING})
"""The customer has picked up: the two talk, or the callback ends cancelled where that fails."""


def apply_asked(state: CallbackState, fact: CallbackCancelAsked) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    reason = _reason(fact)
    noted = with_line(state, callback, CANCEL_ASKED, agent_id=fact.by, reason=reason)
    is_coming = callback.phase in COMING_TOGETHER
    state.callbacks.change(noted, cancel_asked=reason if is_coming else callback.cancel_asked)


def decide_asked(state: CallbackState, fact: CallbackCancelAsked) -> Decision:
    """End the callback, unless the customer is already talking, to an agent or to voicemail."""
    return withdrawn(state, fact.callback_id, _reason(fact))


def withdrawn(state: CallbackState, callback_id: CallbackId, reason: str) -> Decision:
    """The same for any reason."""
    callback = state.callbacks.get(callback_id)
    if callback is None or callback.phase in COMING_TOGETHER | {Phase.TALKING, Phase.RECORDING}:
        return NOTHING
    if _is_queues(state, callback):
        return endings.cancelled(state, callback, reason, keeps_line=True)
    ended = endings.cancelled(state, callback, reason)
    if callback.phase is not Phase.WAITING or callback.order_leg_id is None:
        return ended
    over = HangUp(pbx_id=callback.pbx_id, leg_id=callback.order_leg_id, reason="cancelled")
    return together((ended, Decision(commands=(over,))))


def _reason(fact: CallbackCancelAsked) -> str:
    return BY_API if fact.by is None else BY_AGENT


def _is_queues(state: CallbackState, callback: Callback) -> bool:
    """Whether the customer is on a leg for which queue has an agent, or looks for one."""
    if callback.phase is Phase.HELD:
        return True
    if callback.phase is not Phase.WAITING or callback.order_leg_id is None:
        return False
    order = state.orders.get(callback.order_leg_id)
    return order is None or order.is_accepted
