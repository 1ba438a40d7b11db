"""Callback's decider: how an order, an attempt and an apology follow from facts.

Theory of operation. A callback holds a place of the queue, which alone decides who is offered it. It
asks callback by facts: `queue.callback_requested` (somebody pressed 1), `queue.agent_ready` (an agent
has taken the place and is on the line), `queue.deadline_passed` (nobody came). Each is answered by
facts that queue hears. Four things happen here, each in a module of its own:

* `ordering`: the conversation in which an order is taken, refused, read back, changed or withdrawn.
  The customer is told in the same step that makes the order: the host stores it before it says so.
* `attempts`: whisper → dial (→ a key) → bridge. The phases of `WITH_AGENT` have an agent's leg;
  every way out of them says what becomes of the agent and of the customer's leg.
* `apologies`: after the deadline, on a leg that is up or on one of five lines per PBX.
* `endings`: the one fact that ends a callback, with its story.

`applying` and `hearing` change the state, and nothing else does. A callback has one timer at most;
its phase says what for, and while its PBX is away the timer is only set anew: nobody is judged by the
silence of a PBX that cannot be heard. The rest of the waiting is queue's, which answers for deadlines.
Facts that come late or twice find another phase, or no callback, and change nothing.
"""

from collections.abc import Iterator
from typing import assert_never, cast

from contracts.callback import (
    AgentLost,
    ApologyDialled,
    ApologyFailed,
    ApologyMade,
    ApologyQueued,
    AttemptFailed,
    AttemptStarted,
    CallbackBarred,
    CallbackCancelled,
    CallbackConfirmed,
    CallbackConnected,
    CallbackExpired,
    CallbackOrdered,
    CallbackRefused,
    CallbackUnreached,
    ConfirmationAsked,
    CustomerAnswered,
    CustomerDialled,
    CustomerExpected,
    CustomerHeld,
    CustomerJoined,
    JoinRefused,
    MessageWanted,
    NumberChanged,
    NumberTyped,
    NumberWanted,
    OrderAbandoned,
)
from contracts.directory import (
    CallbackAsked,
    CallbackCancelAsked,
    CallbackNotReachedAsked,
    DepartmentSaved,
    OrganizationSaved,
    PbxSaved,
)
from contracts.gateway import (
    Bridged,
    CommandRefused,
    DigitsEntered,
    LegAnswered,
    LegEnded,
    LegRequested,
    PbxLost,
    PbxReturned,
    PlayFinished,
)
from contracts.ids import AgentId, LegId, TimerId
from contracts.log import TimerDue
from contracts.message import Fact
from contracts.queue import (
    AgentFreed,
    AgentReady,
    ApologyGranted,
    CallbackJoined,
    CallbackRequested,
    CallbackTakenOver,
    CustomerOnLine,
    CustomerTalked,
    DeadlinePassed,
    OfferAccepted,
    OfferReopened,
    PlaceAbandoned,
    PlaceConnected,
    PlaceDiverted,
    PlaceTaken,
)
from contracts.telephony import HangUp
from contracts.tts import NoticeRendered
from contracts.voicemail import MessageMissing, MessageTaken
from runtime.decision import NOTHING, Decision, together
from runtime.records import timer_id
from services.callback.decider import apologies, asking, attempts, cancelling, endings, ordering
from services.callback.decider.applying import apply
from services.callback.decider.changes import CALLBACK_TIMER, FAREWELL_TIMER, LINE_TIMER, ORDER_TIMER
from services.callback.decider.hearing import refused_command
from services.callback.state import WITH_AGENT, Callback, CallbackState, Pair, Phase

Book = OrganizationSaved | PbxSaved | DepartmentSaved | NoticeRendered
Queue = (
    PlaceTaken
    | CallbackRequested
    | CallbackTakenOver
    | OfferAccepted
    | OfferReopened
    | AgentReady
    | AgentFreed
    | PlaceConnected
    | PlaceDiverted
    | PlaceAbandoned
    | DeadlinePassed
    | CallbackJoined
    | CustomerOnLine
    | CustomerTalked
    | ApologyGranted
)
Phone = (
    PbxLost
    | PbxReturned
    | LegRequested
    | LegAnswered
    | DigitsEntered
    | PlayFinished
    | Bridged
    | LegEnded
    | CommandRefused
)
Asked = CallbackAsked | CallbackCancelAsked | CallbackNotReachedAsked
Ours = (
    NumberWanted
    | NumberTyped
    | CallbackOrdered
    | NumberChanged
    | CallbackConfirmed
    | CallbackRefused
    | OrderAbandoned
    | AttemptStarted
    | CustomerDialled
    | CustomerExpected
    | CustomerJoined
    | JoinRefused
    | ConfirmationAsked
    | CustomerAnswered
    | AttemptFailed
    | AgentLost
    | CustomerHeld
    | ApologyQueued
    | ApologyDialled
    | ApologyMade
    | ApologyFailed
    | MessageWanted
    | CallbackConnected
    | CallbackExpired
    | CallbackUnreached
    | CallbackCancelled
    | CallbackBarred
)
Known = Book | Queue | Phone | MessageTaken | MessageMissing | Asked | TimerDue | Ours

HEARS: tuple[type[Fact], ...] = (
    *Book.__args__,
    *Queue.__args__,
    *Phone.__args__,
    MessageTaken,
    MessageMissing,
    *Asked.__args__,
    TimerDue,
)
SAYS: tuple[type[Fact], ...] = Ours.__args__


def decide(state: CallbackState, fact: Fact) -> Decision:
    """What follows from a fact that was applied; what callback does not know of changes nothing."""
    match known := cast(Known, fact):
        case CallbackRequested():
            return ordering.on_callback_requested(state, known)
        case OfferReopened():
            return together((ordering.on_offer_reopened(state, known), _on_agent_gone(state, known.agent_id)))
        case AgentReady():
            return attempts.on_agent_ready(state, known)
        case AgentFreed():
            return _on_agent_gone(state, known.agent_id)
        case PlaceConnected():
            return attempts.on_place_connected(state, known)
        case DeadlinePassed():
            return apologies.on_deadline_passed(state, known)
        case CallbackJoined():
            return attempts.on_callback_joined(state, known)
        case CustomerOnLine():
            return apologies.on_customer_on_line(state, known)
        case CustomerTalked():
            return apologies.on_customer_talked(state, known)
        case ApologyGranted():
            return apologies.on_granted(state, known)
        case PlaceDiverted() | PlaceAbandoned():
            return apologies.on_place_lost(state, known)
        case LegAnswered():
            return _on_leg_answered(state, known)
        case DigitsEntered():
            return _on_digits_entered(state, known)
        case PlayFinished():
            return _on_play_over(state, known)
        case CommandRefused():
            return _on_command_refused(state, known)
        case Bridged():
            return _on_bridged(state, known)
        case LegEnded():
            return _on_leg_ended(state, known)
        case TimerDue():
            return _on_timer_due(state, known)
        case PbxReturned():
            return apologies.next_apologies(state, known.pbx_id)
        case MessageTaken() | MessageMissing():
            return apologies.on_voicemail(state, known)
        case CallbackAsked():
            return asking.on_callback_asked(state, known)
        case PlaceTaken():
            return asking.on_place_taken(state, known)
        case CallbackCancelAsked():
            return cancelling.on_cancel_asked(state, known)
        case CallbackNotReachedAsked():
            return attempts.on_not_reached(state, known)
        case AttemptFailed():
            return attempts.on_attempt_failed(state, known)
        case ApologyFailed():
            return apologies.on_apology_failed(state, known)
        case OrganizationSaved() | PbxSaved():
            return endings.no_longer_allowed(state)
        case DepartmentSaved() | NoticeRendered():
            return NOTHING
        case CallbackTakenOver() | OfferAccepted() | PbxLost() | LegRequested():
            return NOTHING
        case NumberWanted() | NumberTyped() | CallbackOrdered() | NumberChanged() | CallbackConfirmed():
            return NOTHING
        case CallbackRefused() | OrderAbandoned() | AttemptStarted() | CustomerDialled():
            return NOTHING
        case CustomerAnswered() | AgentLost() | CustomerHeld() | ApologyDialled() | ApologyMade():
            return NOTHING
        case CustomerExpected() | CustomerJoined() | JoinRefused() | ConfirmationAsked() | ApologyQueued():
            return NOTHING
        case MessageWanted() | CallbackConnected() | CallbackExpired() | CallbackUnreached():
            return NOTHING
        case CallbackCancelled() | CallbackBarred():
            return NOTHING
        case _:
            assert_never(known)


ATTEMPT_PHASES = WITH_AGENT | {Phase.WAITING, Phase.HELD}


def _on_agent_gone(state: CallbackState, agent_id: AgentId) -> Decision:
    """Queue says that an agent's leg is over: heard so when it ended before the agent was callback's."""
    callback = state.callback_with(agent_id)
    if callback is None or callback.agent_leg_id is None:
        return NOTHING
    over = HangUp(pbx_id=callback.pbx_id, leg_id=callback.agent_leg_id, reason="agent_freed")
    return together((attempts.on_agent_gone(state, callback), Decision(commands=(over,))))


def _on_leg_answered(state: CallbackState, fact: LegAnswered) -> Decision:
    callback = state.callback_on(fact.leg_id)
    if callback is None:
        return NOTHING
    return together(
        (
            attempts.on_customer_answered(state, callback, fact.leg_id),
            apologies.on_customer_answered(state, callback, fact.leg_id),
        )
    )


def _on_digits_entered(state: CallbackState, fact: DigitsEntered) -> Decision:
    if fact.leg_id in state.orders:
        return ordering.on_digits_entered(state, fact)
    callback = state.callback_on(fact.leg_id)
    if callback is None:
        return NOTHING
    return together(
        (
            attempts.on_digits_entered(state, callback, fact),
            apologies.on_digits_entered(state, callback, fact),
        )
    )


def _on_play_over(state: CallbackState, fact: PlayFinished) -> Decision:
    farewell = state.farewells.get(fact.leg_id)
    if farewell is not None:
        return _hang_up_agent(state, fact.leg_id) if farewell.play_id == fact.play_id else NOTHING
    callback = state.callback_on(fact.leg_id)
    if callback is not None and callback.phase is Phase.WHISPERING:
        return attempts.on_whisper_over(state, callback)
    if callback is not None and callback.phase is Phase.BRIDGING:
        return attempts.on_told(callback, fact)
    if callback is not None and callback.phase is Phase.CONFIRMING:
        return attempts.on_asked_over(state, callback, fact)
    return ordering.on_play_over(state, fact)


def _on_command_refused(state: CallbackState, fact: CommandRefused) -> Decision:
    if fact.leg_id is None:
        return NOTHING
    callback = state.callback_on(fact.leg_id)
    match refused_command(fact):
        case "play" if fact.leg_id in state.farewells:
            return _hang_up_agent(state, fact.leg_id)
        case "play" | "collect_digits":
            return ordering.on_play_over(state, fact)
        case "dial_leg":
            return together(
                (
                    NOTHING if callback is None else attempts.on_dial_refused(state, callback),
                    NOTHING if callback is None else apologies.on_dial_refused(state, callback),
                    apologies.next_apologies(state, fact.pbx_id),
                )
            )
        case "hang_up":
            return apologies.next_apologies(state, fact.pbx_id)
        case _:
            return NOTHING


def _on_bridged(state: CallbackState, fact: Bridged) -> Decision:
    for leg_id in fact.legs:
        callback = state.callback_on(leg_id)
        if callback is not None and callback.customer_leg_id in fact.legs:
            return attempts.on_bridged(state, callback)
    return NOTHING


def _on_leg_ended(state: CallbackState, fact: LegEnded) -> Decision:
    callback = state.callback_on(fact.leg_id)
    return together(
        (
            _on_half_gone(state.pair_with(fact.leg_id), fact.leg_id),
            ordering.on_leg_ended(state, fact),
            NOTHING if callback is None else _on_callback_leg_ended(state, callback, fact),
            attempts.on_live_leg_over(state),
            apologies.next_apologies(state, fact.pbx_id),
        )
    )


def _on_half_gone(pair: Pair | None, leg_id: LegId) -> Decision:
    """One of a bridged pair has gone: hang up the other."""
    if pair is None or pair.ended_leg_id != leg_id:
        return NOTHING
    other = pair.agent_leg_id if pair.leg_id == leg_id else pair.leg_id
    return Decision(commands=(HangUp(pbx_id=pair.pbx_id, leg_id=other, reason="other_gone"),))


def _on_callback_leg_ended(state: CallbackState, callback: Callback, fact: LegEnded) -> Decision:
    if fact.leg_id == callback.agent_leg_id:
        return attempts.on_agent_gone(state, callback)
    if callback.phase in ATTEMPT_PHASES:
        return attempts.on_customer_gone(state, callback, fact)
    return apologies.on_customer_gone(state, callback, fact.outcome)


def _on_timer_due(state: CallbackState, fact: TimerDue) -> Decision:
    match fact.kind:
        case "order":
            return ordering.on_timer_due(state, fact)
        case "farewell":
            return _hang_up_agent(state, LegId(fact.subject))
        case "line":
            return apologies.on_line_held(state, LegId(fact.subject))
        case "callback":
            return _on_silence(state, fact)
        case "policy":
            return endings.no_longer_allowed(state)
        case _:
            return NOTHING


def _on_silence(state: CallbackState, fact: TimerDue) -> Decision:
    callback = state.callbacks.get(fact.subject)
    if callback is None:
        return NOTHING
    is_judged = fact.timer_id not in state.timers  # set anew: the PBX is away
    if not is_judged and callback.phase is not Phase.APOLOGY_DUE:
        return NOTHING
    return together((attempts.on_silence(state, callback), apologies.on_silence(state, callback)))


def _hang_up_agent(state: CallbackState, leg_id: LegId) -> Decision:
    farewell = state.farewells.get(leg_id)
    if farewell is None:
        return NOTHING
    return Decision(commands=(HangUp(pbx_id=farewell.pbx_id, leg_id=leg_id, reason="told"),))


def owed(state: CallbackState) -> Iterator[TimerId]:
    """The timers without which somebody would be forgotten."""
    for order in state.orders:
        yield timer_id(ORDER_TIMER, order.leg_id)
    for farewell in state.farewells:
        yield timer_id(FAREWELL_TIMER, farewell.leg_id)
    for line in state.lines:
        yield timer_id(LINE_TIMER, line.leg_id)
    for callback in state.callbacks:
        if _is_timed(callback):
            yield timer_id(CALLBACK_TIMER, callback.callback_id)


def _is_timed(callback: Callback) -> bool:
    match callback.phase:
        case Phase.WAITING:  # queue has the deadline; only the end of a last leg is ours to miss
            return callback.cancelling is not None and not callback.has_attempts_left
        case Phase.HELD:
            return False
        case _:
            return True


__all__ = ["HEARS", "SAYS", "apply", "decide", "owed"]
