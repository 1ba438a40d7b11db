"""How routing decides.

Theory of operation. A call that arrives is **taken**: `rules.whom` says whom it is for (D5). From there on
one thing leads to the next within a step, each said as a fact and decided on again: an employee is *rung* or
*missed* at once (absent, out of hours, busy), a miss leads along the scenario's arrow or by the employee's
rule, a rule *forwards*, and a forward arrives at the next employee, until something has to be waited for:

* **telling**: a notice plays; `then` says what follows it · **choosing**: a menu waits for a key
* **ringing**: a try has phones that may answer · **answered**: until the bridge · **talking**

or until the call is somebody else's (`department_reached`, `voicemail_reached`) or over (`call_ended`), when
all that is known of it is dropped. Forwards cannot go on for ever: each is counted, and nobody is visited
twice on one trail (D6); neither can a scenario, whose elements are counted between two keys of the caller.

The caller's leg is answered when there is something to hear on it, or somebody to talk to, and not before:
until then the caller hears the ringing of the own network, and pays nothing.

Timers: `lease` (no contact lasts for ever), `notice`, `bridge`, `ring`, `dial`, `key`. While the PBX of a
call is away nobody is judged by its silence: `ring`, `notice` and `bridge` are then only set anew. Facts that
come late or twice find another stage, or no call, and change nothing.

Each module holds what is applied and what is decided of its facts; here they are only dispatched.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from contracts import directory, gateway, queue, routing, tts
from contracts import scenario as scenarios
from contracts.ids import Instant, TimerId
from contracts.log import TimerDue
from contracts.message import Fact
from runtime.decision import NOTHING, Decision
from runtime.records import timer_id
from services.routing.decider import (
    answering,
    arriving,
    cards,
    ending,
    external,
    forwarding,
    legs,
    reaching,
    ringing,
    scenario,
    telling,
)
from services.routing.state import RoutingState
from services.routing.state.records import Call, Stage

Apply = Callable[[RoutingState, Any], None]
Decide = Callable[[RoutingState, Any], Decision]

AWAY_RECHECK_MS: Final = 30_000
"""While a PBX is away its calls are looked at again after this; a blip of the link drops nobody."""

_APPLY: Final[dict[type[Fact], Apply]] = {
    directory.OrganizationSaved: cards.apply_organization,
    directory.PbxSaved: cards.apply_pbx,
    directory.DepartmentSaved: cards.apply_department,
    directory.AgentSaved: cards.apply_agent,
    directory.AgentAvailabilitySaved: cards.apply_availability,
    directory.DirectRulesSaved: cards.apply_rules,
    directory.ResponsibleSaved: cards.apply_responsible,
    scenarios.ScenarioSaved: cards.apply_scenario,
    tts.NoticeRendered: cards.apply_notice,
    gateway.PbxLost: cards.apply_pbx_lost,
    gateway.PbxReturned: cards.apply_pbx_returned,
    gateway.DeviceChanged: cards.apply_phone,
    queue.AgentBusy: cards.apply_busy,
    queue.AgentFreed: cards.apply_freed,
    queue.WrapUpStarted: cards.apply_freed,
    gateway.LegRinging: ringing.apply_ringing,
    gateway.LegAnswered: answering.apply_answered,
    gateway.LegEnded: legs.apply_ended,
    gateway.CommandRefused: legs.apply_refused,
    routing.CallTaken: arriving.apply_taken,
    routing.ElementEntered: scenario.apply_entered,
    routing.PersonRung: ringing.apply_rung,
    routing.TryLegDialled: ringing.apply_dialled,
    routing.TryLegSkipped: ringing.apply_skipped,
    routing.TryKeyWanted: answering.apply_key_wanted,
    routing.PersonAnswered: answering.apply_person_answered,
    routing.PersonMissed: ringing.apply_missed,
    routing.CallForwarded: forwarding.apply_forwarded,
    routing.CallerTold: telling.apply_told,
    routing.ExternalDialled: external.apply_dialled,
    routing.ExternalAnswered: answering.apply_external_answered,
    routing.ExternalEnded: ringing.apply_missed,
    routing.CallConnected: answering.apply_connected,
    routing.DepartmentReached: arriving.apply_department_reached,
    routing.VoicemailReached: reaching.apply_voicemail_reached,
    routing.CallEnded: ending.apply_ended,
}

_DECIDE: Final[dict[type[Fact], Decide]] = {
    directory.AgentSaved: cards.decide_agent,
    gateway.CallArrived: arriving.decide_arrived,
    gateway.LegAnswered: legs.decide_answered,
    gateway.DigitsEntered: legs.decide_digits,
    gateway.PlayFinished: telling.decide_play_finished,
    gateway.Bridged: answering.decide_bridged,
    gateway.LegEnded: legs.decide_ended,
    gateway.CommandRefused: legs.decide_refused,
    routing.CallTaken: arriving.decide_taken,
    routing.ElementEntered: scenario.decide_entered,
    routing.PersonRung: ringing.decide_begun,
    routing.TryLegSkipped: ringing.decide_skipped,
    routing.PersonAnswered: answering.decide_taken,
    routing.PersonMissed: forwarding.decide_missed,
    routing.CallForwarded: forwarding.decide_forwarded,
    routing.CallerTold: telling.decide_told,
    routing.ExternalDialled: ringing.decide_begun,
    routing.ExternalAnswered: answering.decide_taken,
    routing.ExternalEnded: external.decide_ended,
}

_DECIDE_TIMER: Final[dict[str, Decide]] = {
    "lease": ending.decide_lease_over,
    "notice": telling.decide_notice_over,
    "bridge": answering.decide_bridge_late,
    "ring": ringing.decide_ring_over,
    "dial": ringing.decide_dial,
    "key": answering.decide_key_over,
}

HEARD: Final[tuple[type[Fact], ...]] = tuple(
    heard for heard in dict.fromkeys((*_APPLY, *_DECIDE)) if heard.__module__ != routing.__name__
)
"""What routing needs to hear of others, as its own tables say."""


def apply(state: RoutingState, fact: Fact) -> None:
    """Fold one fact into the state."""
    if isinstance(fact, TimerDue):
        _apply_timer(state, fact)
        return
    handler = _APPLY.get(type(fact))
    if handler is not None:
        handler(state, fact)


def _apply_timer(state: RoutingState, due: TimerDue) -> None:
    """What hangs on a PBX that is away is looked at again later."""
    if due.kind not in ("ring", "notice", "bridge"):
        return
    call = _call_of(state, due)
    if call is not None and state.pbx(call.pbx_id).is_lost:
        state.set_timer(due.kind, due.subject, Instant(state.now_at + AWAY_RECHECK_MS))


def _call_of(state: RoutingState, due: TimerDue) -> Call | None:
    a_try = state.tries.get(due.subject)
    return state.calls.get(due.subject if a_try is None else a_try.leg_id)


def decide(state: RoutingState, fact: Fact) -> Decision:
    """Say what follows from a fact."""
    if isinstance(fact, TimerDue):
        is_set_anew = fact.timer_id in state.timers
        by_kind = _DECIDE_TIMER.get(fact.kind)
        return NOTHING if is_set_anew or by_kind is None else by_kind(state, fact)
    handler = _DECIDE.get(type(fact))
    return NOTHING if handler is None else handler(state, fact)


def owed(state: RoutingState) -> Iterator[TimerId]:
    """The timers that nobody may be without: every wait must end by itself."""
    for call in state.calls:
        yield timer_id("lease", call.leg_id)
        match call.stage:
            case Stage.TELLING | Stage.CHOOSING:
                yield timer_id("notice", call.leg_id)
            case Stage.ANSWERED:
                yield timer_id("bridge", call.leg_id)
            case _:
                pass
    for a_try in state.tries:
        yield timer_id("ring", a_try.try_id)
