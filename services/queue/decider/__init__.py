"""How the queue decides.

Theory of operation. A place is **waiting** until an agent accepts it, its deadline comes, or its customer
leaves. A waiting place is *open* when it could take another agent now; an agent is *free* when nothing stands
against an offer. When nothing more follows from a fact, `settling.settle` first lets those deadlines act that
waited for a ring. Then it offers the earliest open place that some free agent can take (C7 places first),
until no free agent fits an open place. The order (Q3) follows from this invariant: no agent stays free beside
a place that the agent could take. A step has a limit; the timer `serve` goes on with the rest.

An **accepted** place ends as connected when the two are bridged, and is waiting again when its agent drops.
The place of a callback without a leg is then **with callback**, until callback says how the attempt went. A
deadline that comes while a phone rings waits for the ring (`is_late`). Then a caller's place goes to **no
answer** (the notice plays, the action follows); a callback's place is **expired**, and callback decides.

A leg has one record from the moment it is dialled until it has ended. An agent is free again when the agent's
leg has ended; wrap-up may follow. Every wait is a timer: `ring`, `dial`, `key`, `step`, `round`, `declined`,
`deadline`, `announce`, `invite`, `held`, `quiet`, `notice`, `bridge`, `lease`, `wrap_up`, `phone_lease`,
`direct`, `work`, `probe`, `unreachable` (the rest of an agent whom no phone reached), `goodbye`, `word` (an
agent whose leg ended in an attempt waits until callback says how it went), `calm` and `patience` (a deadline
waits for another call of the customer), `apology`, `overflow` (a caller beyond the limit may still take a
callback's place), `serve` (what did not fit into one step).

Queue also owns the customer record: what an organization has of one outside number now. While a leg of that
number is up, no agent is rung for a callback to it and no apology is granted (`customers`).

Each module applies and decides its own facts; this one only dispatches them.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from contracts import callback, directory, gateway, history, queue, routing, tts
from contracts.ids import TimerId
from contracts.log import TimerDue
from contracts.message import Fact
from runtime.decision import NOTHING, Decision
from runtime.records import timer_id
from services.queue.decider import (
    agents,
    announcements,
    answering,
    arrival,
    callbacks,
    customers,
    deadline_reached,
    direct_calls,
    erasure,
    keypresses,
    legs,
    no_answer,
    offering,
    pauses,
    place_end,
    quiet_hours,
    settings_facts,
    settling,
)
from services.queue.decider.settling import settle
from services.queue.state import QueueState
from services.queue.state.records import Phase, Place

Apply = Callable[[QueueState, Any], None]
Decide = Callable[[QueueState, Any], Decision]

_APPLY: Final[dict[type[Fact], Apply]] = {
    directory.OrganizationSaved: settings_facts.apply_organization,
    directory.PbxSaved: settings_facts.apply_pbx,
    directory.AgentSaved: settings_facts.apply_agent,
    history.CustomerErased: erasure.apply_erased,
    directory.AgentAvailabilitySaved: settings_facts.apply_availability,
    directory.AgentPauseSaved: settings_facts.apply_pause,
    directory.AgentWrapUpSaved: settings_facts.apply_wrap_up,
    directory.DepartmentSaved: settings_facts.apply_department,
    tts.NoticeRendered: settings_facts.apply_notice,
    gateway.PbxLost: settings_facts.apply_pbx_lost,
    gateway.PbxReturned: settings_facts.apply_pbx_returned,
    gateway.DeviceChanged: agents.apply_phone,
    gateway.CallArrived: arrival.apply_arrived,
    gateway.LegAnswered: answering.apply_answered,
    gateway.LegRinging: offering.apply_ringing,
    gateway.Bridged: answering.apply_bridged,
    gateway.PlayFinished: answering.apply_play_finished,
    gateway.LegEnded: legs.apply_ended,
    gateway.CommandRefused: legs.apply_refused,
    routing.PersonAnswered: direct_calls.apply_answered,
    queue.PlaceTaken: arrival.apply_taken,
    queue.AnnouncementMade: announcements.apply_announcement,
    queue.CallbackRequested: callbacks.apply_requested,
    queue.CallbackTakenOver: callbacks.apply_taken_over,
    queue.CallbackJoined: callbacks.apply_join_asked,
    queue.CustomerOnLine: customers.apply_on_line,
    queue.CustomerTalked: customers.apply_talked,
    queue.ApologyGranted: customers.apply_granted,
    queue.OfferMade: offering.apply_made,
    queue.OfferLegDialled: offering.apply_dialled,
    queue.KeyWanted: answering.apply_key_wanted,
    queue.OfferAccepted: answering.apply_accepted,
    queue.OfferDeclined: offering.apply_ended,
    queue.OfferMissed: offering.apply_ended,
    queue.OfferUnreachable: offering.apply_ended,
    queue.OfferWithdrawn: offering.apply_ended,
    queue.OfferReopened: answering.apply_reopened,
    queue.AgentReady: callbacks.apply_ready,
    queue.PlaceConnected: answering.apply_connected,
    queue.PlaceAbandoned: place_end.apply_abandoned,
    queue.PlaceDiverted: no_answer.apply_diverted,
    queue.FallbackRung: no_answer.apply_fallback,
    queue.NoAnswerReached: no_answer.apply_no_answer,
    queue.DeadlinePassed: deadline_reached.apply_deadline_passed,
    queue.PlaceClosed: place_end.apply_closed,
    queue.AgentBusy: agents.apply_busy,
    queue.AgentFreed: agents.apply_freed,
    queue.WrapUpStarted: agents.apply_wrap_up,
    queue.AgentPaused: pauses.apply_paused,
    queue.AgentResumed: pauses.apply_resumed,
    queue.PbxAway: agents.apply_away,
    queue.PbxBack: agents.apply_back,
    callback.CallbackOrdered: callbacks.apply_ordered,
    callback.NumberChanged: callbacks.apply_number,
    callback.CallbackConfirmed: callbacks.apply_confirmed,
    callback.CustomerDialled: customers.apply_dialled,
    callback.CustomerJoined: callbacks.apply_joined,
    callback.JoinRefused: callbacks.apply_join_refused,
    callback.ApologyQueued: customers.apply_apology_wanted,
    callback.ApologyFailed: customers.apply_apology_wanted,
    callback.ApologyDialled: customers.apply_apology_dialled,
    callback.CallbackRefused: callbacks.apply_not_ordered,
    callback.OrderAbandoned: callbacks.apply_not_ordered,
    callback.AttemptFailed: callbacks.apply_attempt_failed,
    callback.AgentLost: callbacks.apply_agent_lost,
    callback.CustomerHeld: callbacks.apply_held,
    callback.CallbackConnected: callbacks.apply_connected,
    directory.CallbackKeepAsked: customers.apply_keep_asked,
    callback.CallbackExpired: callbacks.apply_end,
    callback.CallbackUnreached: callbacks.apply_end,
    callback.CallbackCancelled: callbacks.apply_end,
    callback.CallbackBarred: callbacks.apply_end,
}

_DECIDE: Final[dict[type[Fact], Decide]] = {
    directory.AgentSaved: settings_facts.decide_agent,
    history.CustomerErased: erasure.decide_erased,
    directory.DepartmentSaved: settings_facts.decide_department,
    gateway.DeviceChanged: agents.decide_phone,
    gateway.CallArrived: customers.decide_arrived,
    routing.DepartmentReached: arrival.decide_reached,
    gateway.LegAnswered: answering.decide_answered,
    gateway.LegRinging: agents.decide_ringing,
    gateway.LegEnded: legs.decide_ended,
    gateway.Bridged: answering.decide_bridged,
    gateway.PlayFinished: answering.decide_play_finished,
    gateway.DigitsEntered: keypresses.decide_digits,
    gateway.CommandRefused: legs.decide_refused,
    routing.PersonAnswered: direct_calls.decide_answered,
    queue.PlaceTaken: arrival.decide_taken,
    queue.CallbackTakenOver: callbacks.decide_taken_over,
    queue.OfferMade: offering.decide_made,
    queue.OfferAccepted: answering.decide_accepted,
    queue.OfferDeclined: offering.decide_ended,
    queue.OfferMissed: offering.decide_ended,
    queue.OfferUnreachable: offering.decide_ended,
    queue.OfferWithdrawn: offering.decide_ended,
    queue.OfferReopened: offering.decide_reopened,
    queue.FallbackRung: offering.decide_made,
    queue.NoAnswerReached: no_answer.decide_no_answer,
    callback.CallbackOrdered: callbacks.decide_ordered,
    callback.NumberChanged: callbacks.decide_number,
    callback.CustomerJoined: callbacks.decide_joined,
    callback.JoinRefused: keypresses.decide_join_refused,
    callback.CallbackConfirmed: callbacks.decide_confirmed,
    callback.CallbackRefused: callbacks.decide_not_ordered,
    callback.OrderAbandoned: callbacks.decide_not_ordered,
    callback.CallbackConnected: callbacks.decide_end,
    callback.CallbackExpired: callbacks.decide_end,
    callback.CallbackUnreached: callbacks.decide_end,
    callback.CallbackCancelled: callbacks.decide_end,
    callback.CallbackBarred: callbacks.decide_end,
}

_APPLY_TIMER: Final[dict[str, Apply]] = {
    "step": offering.apply_step,
    "round": offering.apply_round,
    "declined": offering.apply_declined_over,
    "unreachable": offering.apply_rest_over,
    "deadline": deadline_reached.apply_deadline,
    "held": callbacks.apply_held_over,
    "quiet": quiet_hours.apply_begin,
    "announce": announcements.apply_announce_due,
    "work": agents.apply_work,
    "probe": agents.apply_probe,
    "word": agents.apply_word_over,
    "calm": customers.apply_calm_over,
    "apology": customers.apply_apology_due,
    "serve": settling.apply_serve,
    "phone_lease": agents.apply_phone_lease,
    "direct": direct_calls.apply_lease_over,
}

_DECIDE_TIMER: Final[dict[str, Decide]] = {
    "ring": offering.decide_ring_over,
    "dial": offering.decide_dial,
    "key": answering.decide_key_over,
    "quiet": quiet_hours.decide_begin,
    "patience": customers.decide_patience_over,
    "overflow": no_answer.decide_overflow,
    "announce": announcements.decide_announce,
    "invite": announcements.decide_invite,
    "notice": no_answer.decide_notice_over,
    "bridge": answering.decide_bridge_late,
    "goodbye": answering.decide_goodbye_over,
    "lease": agents.decide_lease_over,
    "wrap_up": agents.decide_wrap_up_over,
    "phone_lease": agents.decide_phone_lease_over,
}

HEARD: Final[tuple[type[Fact], ...]] = tuple(
    heard for heard in dict.fromkeys((*_APPLY, *_DECIDE)) if heard.__module__ != queue.__name__
)
"""The facts of other services that the tables handle."""


def apply(state: QueueState, fact: Fact) -> None:
    """Fold one fact into the state."""
    if state.touched_by != state.cause:
        state.begin_step()
    handler = _APPLY_TIMER.get(fact.kind) if isinstance(fact, TimerDue) else _APPLY.get(type(fact))
    if handler is not None:
        handler(state, fact)
    if type(fact) in settling.SETTLED:
        settling.count(state)


def decide(state: QueueState, fact: Fact) -> Decision:
    """Say what follows from a fact."""
    handler = _DECIDE_TIMER.get(fact.kind) if isinstance(fact, TimerDue) else _DECIDE.get(type(fact))
    return NOTHING if handler is None else handler(state, fact)


def _owed_to(place: Place) -> Iterator[TimerId]:
    """The timers that a waiting place must have."""
    if not place.is_late:
        yield timer_id("deadline", place.place_id)
    elif place.callback_id is not None:
        yield timer_id("patience", place.place_id)
    if place.calm_until_at is not None:
        yield timer_id("calm", place.place_id)
    if place.is_beyond_limit:
        yield timer_id("overflow", place.place_id)
    if place.held_until_at is not None:
        yield timer_id("held", place.place_id)
    elif place.origin not in (None, callback.Origin.QUEUE) and place.leg_id is None:
        yield timer_id("quiet", place.place_id)
    if place.tried and not place.offers and not place.is_late:
        yield timer_id("round", place.place_id)


def owed(state: QueueState) -> Iterator[TimerId]:
    """The timers that the state must have, so that every wait ends by itself."""
    for place in state.places:
        match place.phase:
            case Phase.WAITING:
                yield from _owed_to(place)
            case Phase.NO_ANSWER:
                yield timer_id("notice", place.place_id)
            case Phase.ACCEPTED if place.leg_id is not None:
                yield timer_id("bridge", place.place_id)
            case _:
                pass
    for offer in state.offers:
        yield timer_id("ring", offer.offer_id)
    for activity in state.activities:
        waits = (
            ("lease", activity.leg_id),
            ("wrap_up", activity.wrap_up_until_at),
            ("unreachable", activity.rests_until_at),
            ("direct", activity.direct_leg_id),
            ("word", activity.word_until_at),
        )
        yield from (timer_id(kind, activity.agent_id) for kind, what in waits if what is not None)
    for pbx in state.pbxs:
        if pbx.away_until_at is not None:
            yield timer_id("probe", pbx.pbx_id)


__all__ = ["HEARD", "apply", "decide", "owed", "settle"]
