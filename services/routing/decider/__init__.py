"""How routing decides.

Theory of operation. A call that arrives is **taken**: `rules.inbound_route` says whom it is for (D5). Then
one fact follows another within a step: an employee is *rung*, or *missed* at once (absent, out of hours,
busy); a miss leads along the scenario's arrow or to the employee's rule; a rule *forwards*; a forward arrives
at the next employee. The step ends when the call has to wait for something:

* **telling**: a notice plays; `then` says what follows it · **choosing**: a menu waits for a key
* **ringing**: a try has phones that may answer · **answered**: until the bridge · **talking**

or when another service owns the call (`department_reached`, `voicemail_reached`), or it has ended
(`call_ended`); its record is dropped then. Forwards can't go on for ever: each is counted, and a trail visits
nobody twice (D6). Nor can a scenario: its elements are counted between two keys of the caller.

The caller's leg is answered when there is something to hear on it, or somebody to talk to, and not before:
until then the caller hears the own network's ringing tone, and pays nothing.

Timers: `lease` (no contact lasts for ever), `notice`, `bridge`, `ring`, `dial`, `key`. While the PBX of a
call is away its silence means nothing: `ring`, `notice` and `bridge` are then only set anew. A fact that
comes late or twice finds another stage, or no call, and changes nothing.

Modules import downwards only: `legs`, `announcement_end`, `forwarding` and `arrival` stand at the top, then
`scenario_elements`, then what these share (`last_resort`, `hangup`, `connection`, `external_number`, `tries`,
`announcements`, `destinations`), and `calls` at the bottom.

Each module holds what is applied and what is decided of its facts; here they are only dispatched.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from contracts import directory, gateway, history, queue, routing, scenario, tts
from contracts.ids import TimerId
from contracts.log import TimerDue
from contracts.message import Fact
from runtime.decision import NOTHING, Decision
from runtime.records import timer_id
from services.routing.decider import (
    announcement_end,
    announcements,
    arrival,
    calls,
    connection,
    destinations,
    erasure,
    external_number,
    forwarding,
    hangup,
    legs,
    scenario_elements,
    settings_facts,
    tries,
)
from services.routing.state import RoutingState
from services.routing.state.records import Stage

Apply = Callable[[RoutingState, Any], None]
Decide = Callable[[RoutingState, Any], Decision]

_APPLY: Final[dict[type[Fact], Apply]] = {
    directory.OrganizationSaved: settings_facts.apply_organization,
    directory.PbxSaved: settings_facts.apply_pbx,
    directory.DepartmentSaved: settings_facts.apply_department,
    directory.AgentSaved: settings_facts.apply_agent,
    history.CustomerErased: erasure.apply_erased,
    directory.AgentAvailabilitySaved: settings_facts.apply_availability,
    directory.DirectRulesSaved: settings_facts.apply_rules,
    directory.ResponsibleSaved: settings_facts.apply_responsible,
    scenario.ScenarioSaved: settings_facts.apply_scenario,
    tts.NoticeRendered: settings_facts.apply_notice,
    gateway.PbxLost: settings_facts.apply_pbx_lost,
    gateway.PbxReturned: settings_facts.apply_pbx_returned,
    gateway.DeviceChanged: settings_facts.apply_phone,
    queue.AgentBusy: settings_facts.apply_busy,
    queue.AgentFreed: settings_facts.apply_freed,
    queue.WrapUpStarted: settings_facts.apply_freed,
    gateway.LegRinging: tries.apply_ringing,
    gateway.LegAnswered: connection.apply_answered,
    gateway.LegEnded: legs.apply_ended,
    gateway.CommandRefused: legs.apply_refused,
    routing.CallTaken: arrival.apply_taken,
    routing.ElementEntered: scenario_elements.apply_entered,
    routing.PersonRung: tries.apply_rung,
    routing.TryLegDialled: tries.apply_dialled,
    routing.TryLegSkipped: tries.apply_skipped,
    routing.TryKeyWanted: connection.apply_key_wanted,
    routing.PersonAnswered: connection.apply_person_answered,
    routing.PersonMissed: tries.apply_missed,
    routing.CallForwarded: forwarding.apply_forwarded,
    routing.CallerTold: announcements.apply_told,
    routing.ExternalDialled: external_number.apply_dialled,
    routing.ExternalAnswered: connection.apply_external_answered,
    routing.ExternalEnded: tries.apply_missed,
    routing.CallConnected: connection.apply_connected,
    routing.DepartmentReached: destinations.apply_department_reached,
    routing.VoicemailReached: destinations.apply_voicemail_reached,
    routing.CallEnded: hangup.apply_ended,
}

_DECIDE: Final[dict[type[Fact], Decide]] = {
    directory.AgentSaved: settings_facts.decide_agent,
    history.CustomerErased: erasure.decide_erased,
    gateway.CallArrived: arrival.decide_arrived,
    gateway.LegAnswered: legs.decide_answered,
    gateway.DigitsEntered: legs.decide_digits,
    gateway.PlayFinished: announcement_end.decide_play_finished,
    gateway.Bridged: connection.decide_bridged,
    gateway.LegEnded: legs.decide_ended,
    gateway.CommandRefused: legs.decide_refused,
    routing.CallTaken: arrival.decide_taken,
    routing.ElementEntered: scenario_elements.decide_entered,
    routing.PersonRung: tries.decide_begun,
    routing.TryLegSkipped: tries.decide_skipped,
    routing.PersonAnswered: connection.decide_taken,
    routing.PersonMissed: forwarding.decide_missed,
    routing.CallForwarded: forwarding.decide_forwarded,
    routing.CallerTold: announcements.decide_told,
    routing.ExternalDialled: tries.decide_begun,
    routing.ExternalAnswered: connection.decide_taken,
    routing.ExternalEnded: scenario_elements.decide_external_ended,
}

_APPLY_TIMER: Final[dict[str, Apply]] = {
    "notice": calls.apply_wait_over,
    "bridge": calls.apply_wait_over,
    "ring": calls.apply_wait_over,
}

_DECIDE_TIMER: Final[dict[str, Decide]] = {
    "lease": hangup.decide_lease_over,
    "notice": announcement_end.decide_limit_reached,
    "bridge": connection.decide_bridge_late,
    "ring": tries.decide_ring_over,
    "dial": tries.decide_dial,
    "key": connection.decide_key_over,
}

HEARD: Final[tuple[type[Fact], ...]] = tuple(
    heard for heard in dict.fromkeys((*_APPLY, *_DECIDE)) if heard.__module__ != routing.__name__
)
"""The facts of other services that routing hears, as its tables say."""


def apply(state: RoutingState, fact: Fact) -> None:
    """Fold one fact into the state."""
    handler = _APPLY_TIMER.get(fact.kind) if isinstance(fact, TimerDue) else _APPLY.get(type(fact))
    if handler is not None:
        handler(state, fact)


def decide(state: RoutingState, fact: Fact) -> Decision:
    """What follows from a fact."""
    if isinstance(fact, TimerDue) and fact.timer_id in state.timers:
        return NOTHING  # set anew: its PBX is away
    handler = _DECIDE_TIMER.get(fact.kind) if isinstance(fact, TimerDue) else _DECIDE.get(type(fact))
    return NOTHING if handler is None else handler(state, fact)


def owed(state: RoutingState) -> Iterator[TimerId]:
    """The timers that must be set: every wait has to end by itself."""
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
