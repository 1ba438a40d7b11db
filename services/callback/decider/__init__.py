"""How callback decides.

Theory of operation. A callback holds a place of the queue, which alone decides who is offered it. Queue asks
by facts: `queue.callback_requested` (a caller pressed 1), `queue.agent_ready` (an agent has taken the place
and is on the line), `queue.deadline_passed` (no agent came). Callback answers with facts that queue hears.

* An **order** is taken, refused, read back, given another number or withdrawn in a conversation on the
  caller's leg (`order_conversation`, `orders`), or it comes through the API (`web_orders`) or from an
  abandoned call (`abandoned_calls`). The customer is told in the same step that makes the order: the host
  stores it before it says so.
* An **attempt** goes whisper → dial (→ a key) → bridge (`attempts`, `confirmation`, `bridges`). The phases of
  `WITH_AGENT` have an agent's leg; every way out of them says what becomes of the agent and of the
  customer's leg (`farewells`). Calls of the customer meanwhile go first (`customer_calls`).
* An **apology** follows the deadline, on a leg that is up or on one of the PBX's apology lines (`apologies`).
* The **end** is one fact, with the callback's story (`endings`).

A callback has one timer at most; its phase says what for. The others are `bridge` (after it, the second
wait for a bridge), `order` (a step of a conversation), `farewell` and `farewell_over`, `line` (of
apologies), `numbers` (counts of orders per number end by it) and `policy` (what did not fit into one step).
All other waiting is queue's, deadlines included. Facts that come late or twice find another phase, or no
callback, and change nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from contracts import callback, directory, gateway, history, queue, tts, voicemail
from contracts.ids import TimerId
from contracts.log import TimerDue
from contracts.message import Fact
from runtime.decision import NOTHING, Decision
from runtime.records import timer_id
from services.callback.decider import (
    abandoned_calls,
    apologies,
    attempts,
    bridges,
    cancellation,
    confirmation,
    customer_calls_in,
    dials,
    endings,
    erasure,
    farewells,
    legs,
    order_conversation,
    order_limits,
    orders,
    places,
    settings_facts,
    web_orders,
)
from services.callback.state import CallbackState
from services.callback.state.records import ORGANIZATION, Callback, Phase

Apply = Callable[[CallbackState, Any], None]
Decide = Callable[[CallbackState, Any], Decision]

_APPLY: Final[dict[type[Fact], Apply]] = {
    directory.OrganizationSaved: settings_facts.apply_organization,
    directory.PbxSaved: settings_facts.apply_pbx,
    directory.DepartmentSaved: settings_facts.apply_department,
    tts.NoticeRendered: settings_facts.apply_notice,
    gateway.PbxLost: settings_facts.apply_pbx_lost,
    gateway.PbxReturned: settings_facts.apply_pbx_returned,
    directory.CallbackCancelAsked: cancellation.apply_asked,
    directory.CallbackKeepAsked: customer_calls_in.apply_kept,
    history.CustomerErased: erasure.apply_erased,
    queue.CallbackRequested: order_conversation.apply_requested,
    queue.CallbackTakenOver: customer_calls_in.apply_taken_over,
    queue.OfferAccepted: order_conversation.apply_offer_accepted,
    queue.OfferReopened: order_conversation.apply_offer_reopened,
    queue.AgentReady: attempts.apply_ready,
    queue.PlaceConnected: places.apply_ended,
    queue.PlaceDiverted: places.apply_ended,
    queue.PlaceAbandoned: places.apply_ended,
    queue.DeadlinePassed: apologies.apply_deadline_passed,
    queue.CustomerOnLine: customer_calls_in.apply_on_line,
    queue.PlaceTaken: customer_calls_in.apply_place_taken,
    queue.CustomerTalked: customer_calls_in.apply_talked,
    queue.ApologyGranted: apologies.apply_granted,
    gateway.LegRequested: dials.apply_requested,
    gateway.LegAnswered: dials.apply_requested,
    gateway.DigitsEntered: order_conversation.apply_digits,
    gateway.PlayFinished: legs.apply_play_finished,
    gateway.Bridged: legs.apply_bridged,
    gateway.LegEnded: legs.apply_ended,
    gateway.CommandRefused: legs.apply_refused,
    callback.NumberWanted: order_conversation.apply_number_wanted,
    callback.NumberTyped: order_conversation.apply_number_typed,
    callback.OrderAbandoned: order_conversation.apply_abandoned,
    callback.CallbackOrdered: orders.apply_ordered,
    callback.CallbackConfirmed: orders.apply_confirmed,
    callback.NumberChanged: orders.apply_number,
    callback.CallbackRefused: orders.apply_refused,
    callback.AttemptStarted: attempts.apply_started,
    callback.CustomerDialled: attempts.apply_dialled,
    callback.AgentLost: attempts.apply_agent_lost,
    callback.CustomerHeld: attempts.apply_held,
    callback.AttemptFailed: attempts.apply_failed,
    callback.ConfirmationAsked: confirmation.apply_asked,
    callback.CustomerAnswered: bridges.apply_answered,
    callback.CustomerExpected: customer_calls_in.apply_expected,
    callback.CustomerJoined: customer_calls_in.apply_joined,
    callback.ApologyQueued: apologies.apply_queued,
    callback.ApologyDialled: apologies.apply_dialled,
    callback.ApologyMade: apologies.apply_made,
    callback.ApologyFailed: apologies.apply_failed,
    callback.MessageWanted: apologies.apply_message_wanted,
    callback.CallbackConnected: endings.apply_end,
    callback.CallbackExpired: endings.apply_end,
    callback.CallbackUnreached: endings.apply_end,
    callback.CallbackCancelled: endings.apply_end,
    callback.CallbackBarred: endings.apply_end,
}

_DECIDE: Final[dict[type[Fact], Decide]] = {
    directory.OrganizationSaved: settings_facts.decide_policy,
    directory.PbxSaved: settings_facts.decide_policy,
    gateway.PbxReturned: settings_facts.decide_pbx_returned,
    directory.CallbackAsked: web_orders.decide_asked,
    directory.CallbackCancelAsked: cancellation.decide_asked,
    history.CustomerErased: erasure.decide_erased,
    directory.CallbackNotReachedAsked: attempts.decide_not_reached,
    queue.PlaceTaken: abandoned_calls.decide_called_again,
    queue.CallbackRequested: order_conversation.decide_requested,
    queue.OfferReopened: order_conversation.decide_offer_reopened,
    queue.AgentReady: attempts.decide_ready,
    queue.AgentFreed: attempts.decide_freed,
    queue.PlaceConnected: places.decide_connected,
    queue.PlaceDiverted: places.decide_diverted,
    queue.PlaceAbandoned: places.decide_abandoned,
    queue.DeadlinePassed: apologies.decide_deadline_passed,
    queue.CallbackJoined: customer_calls_in.decide_joined,
    queue.CustomerOnLine: customer_calls_in.decide_on_line,
    queue.CustomerTalked: attempts.decide_talked,
    queue.ApologyGranted: apologies.decide_granted,
    gateway.LegAnswered: legs.decide_answered,
    gateway.DigitsEntered: legs.decide_digits,
    gateway.PlayFinished: legs.decide_play_finished,
    gateway.Bridged: bridges.decide_bridged,
    gateway.LegEnded: legs.decide_ended,
    gateway.CommandRefused: legs.decide_refused,
    voicemail.MessageTaken: apologies.decide_message,
    voicemail.MessageMissing: apologies.decide_message,
    callback.AttemptFailed: attempts.decide_failed,
    callback.ApologyFailed: apologies.decide_failed,
}

_APPLY_TIMER: Final[dict[str, Apply]] = {
    "callback": legs.apply_silence,
    "bridge": legs.apply_silence,
    "order": order_conversation.apply_step_due,
    "farewell": farewells.apply_due,
    "farewell_over": farewells.apply_over,
    "line": apologies.apply_line_due,
    order_limits.NUMBERS_TIMER: order_limits.apply_numbers_due,
}

_DECIDE_TIMER: Final[dict[str, Decide]] = {
    "callback": legs.decide_silence,
    "bridge": legs.decide_silence,
    "order": order_conversation.decide_step_due,
    "farewell": farewells.decide_due,
    "line": apologies.decide_line_due,
    "policy": settings_facts.decide_policy,
}

HEARD: Final[tuple[type[Fact], ...]] = (
    *(heard for heard in dict.fromkeys((*_APPLY, *_DECIDE)) if heard.__module__ != callback.__name__),
    TimerDue,
)
"""What callback needs to hear of others, as its own tables say, and its timers."""


def apply(state: CallbackState, fact: Fact) -> None:
    """Fold one fact into the state."""
    handler = _APPLY_TIMER.get(fact.kind) if isinstance(fact, TimerDue) else _APPLY.get(type(fact))
    if handler is not None:
        handler(state, fact)


def decide(state: CallbackState, fact: Fact) -> Decision:
    """Say what follows from a fact."""
    handler = _DECIDE_TIMER.get(fact.kind) if isinstance(fact, TimerDue) else _DECIDE.get(type(fact))
    return NOTHING if handler is None else handler(state, fact)


def owed(state: CallbackState) -> Iterator[TimerId]:
    """The timers without which somebody would be forgotten."""
    for order in state.orders:
        yield timer_id("order", order.leg_id)
    for farewell in state.farewells:
        is_due = timer_id("farewell_over", farewell.leg_id) in state.timers
        yield timer_id("farewell_over" if is_due else "farewell", farewell.leg_id)
    for line in state.lines:
        yield timer_id("line", line.leg_id)
    if state.numbers_by_age:
        yield timer_id(order_limits.NUMBERS_TIMER, ORGANIZATION)
    for each in state.callbacks:
        if _is_timed(each):
            is_waited_again = timer_id("bridge", each.callback_id) in state.timers
            yield timer_id("bridge" if is_waited_again else "callback", each.callback_id)


def _is_timed(callback: Callback) -> bool:
    match callback.phase:
        case Phase.WAITING:  # queue has the deadline; only the end of a last leg is ours to miss
            return callback.cancelling is not None and not callback.has_attempts_left
        case Phase.HELD:
            return False
        case _:
            return True


__all__ = ["HEARD", "apply", "decide", "owed"]
