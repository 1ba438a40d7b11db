"""A callback is withdrawn by an agent, by whoever ordered it through the API, or by the customer (C9).

Whoever withdraws it, nothing is dialled any more and a leg that rings the customer stops. Who is on the line
is not cut off for it: where an agent is about to come the place goes on as a caller's, what is being
recorded is voicemail's, and two who are just being bridged talk.
"""

from contracts.directory import CallbackCancelAsked
from contracts.telephony import HangUp
from runtime.decision import NOTHING, Decision, together
from services.callback.decider import endings
from services.callback.decider.changes import change, told
from services.callback.state import Callback, CallbackState, Phase

BY_AGENT = "by_agent"
BY_API = "by_api"
COMING_TOGETHER = frozenset({Phase.CONFIRMING, Phase.BRIDGING})
"""The customer has picked up: they talk, or the callback ends cancelled where that fails."""


def hear_cancel_asked(state: CallbackState, fact: CallbackCancelAsked) -> None:
    """Note in the story who asked; what is unknown or has ended stays so."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    reason = _reason(fact)
    noted = told(state, callback, "cancel_asked", agent_id=fact.by, reason=reason)
    change(state, noted, cancel_asked=reason if callback.phase in COMING_TOGETHER else "")


def on_cancel_asked(state: CallbackState, fact: CallbackCancelAsked) -> Decision:
    """End it, unless the customer is talking already, to an agent or to the machine."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None or callback.phase in COMING_TOGETHER | {Phase.TALKING, Phase.RECORDING}:
        return NOTHING
    if _is_queues(state, callback):
        return endings.cancelled(state, callback, _reason(fact), keeps_line=True)
    ended = endings.cancelled(state, callback, _reason(fact))
    if callback.phase is not Phase.WAITING or callback.order_leg_id is None:
        return ended
    over = HangUp(pbx_id=callback.pbx_id, leg_id=callback.order_leg_id, reason="cancelled")
    return together((ended, Decision(commands=(over,))))


def _reason(fact: CallbackCancelAsked) -> str:
    return BY_API if fact.by is None else BY_AGENT


def _is_queues(state: CallbackState, callback: Callback) -> bool:
    """Whether the customer is on a leg for which the queue has an agent, or looks for one."""
    if callback.phase is Phase.HELD:
        return True
    if callback.phase is not Phase.WAITING or callback.order_leg_id is None:
        return False
    order = state.orders.get(callback.order_leg_id)
    return order is None or order.is_accepted
