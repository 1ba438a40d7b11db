"""A call's way through a scenario, from element to element along arrows and keys (S1 to S3)."""

from typing import Final

import msgspec

from contracts.gateway import DigitsEntered
from contracts.ids import AgentId, Instant, MediaKey
from contracts.prompts import Prompt
from contracts.routing import ElementEntered, EndReason, ExternalEnded, Hop, Rule
from contracts.scenario import Element, ElementKind
from runtime.decision import NOTHING, Decision
from services.routing.decider import (
    announcements,
    calls,
    destinations,
    external_number,
    hangup,
    last_resort,
)
from services.routing.rules import notice_media, trail
from services.routing.state import RoutingState, element_named
from services.routing.state.records import Call, Stage, Then

ASKED_MAX: Final = 2
"""A menu is played twice; a caller who has not chosen by then goes along the arrow `no_choice`."""
STEPS_MAX: Final = 50
"""Saving refuses a loop without a caller's choice (S4); one that exists all the same ends here."""


def begin(state: RoutingState, call: Call) -> Decision:
    """Enter the first element."""
    found = state.scenario_of(call)
    if found is None or not found.elements:
        return last_resort.apologise(state, call, EndReason.SCENARIO_ENDED)
    return _enter(state, call, found.elements[0].element_id)


def follow(state: RoutingState, call: Call, on: str, digit: str = "") -> Decision:
    """Follow an arrow of the call's element; apologise and end if there is no such arrow."""
    element = state.element_of(call)
    arrow = next((each for each in element.arrows if each.on == on), None) if element is not None else None
    if arrow is None:
        return last_resort.apologise(state, call, EndReason.SCENARIO_ENDED)
    return _enter(state, call, arrow.to, digit=digit)


def _enter(state: RoutingState, call: Call, element_id: str, *, digit: str = "", asked: int = 1) -> Decision:
    found = state.scenario_of(call)
    element = element_named(found, element_id) if found is not None else None
    if found is None or element is None or (not digit and call.steps >= STEPS_MAX):
        return last_resort.apologise(state, call, EndReason.SCENARIO_ENDED)
    media = _media(state, call, element)
    entered = ElementEntered(
        leg_id=call.leg_id,
        scenario_id=found.scenario_id,
        element_id=element_id,
        digit=digit,
        play_id=calls.next_play(call) if media else None,
        media=media,
        asked=asked,
    )
    return Decision(facts=(entered,))


def _media(state: RoutingState, call: Call, element: Element) -> tuple[MediaKey, ...]:
    if element.kind not in (ElementKind.GREETING, ElementKind.MENU):
        return ()
    return notice_media.of_notice(state, element.notice, Prompt.ONE_MOMENT, call.caller)


def apply_entered(state: RoutingState, fact: ElementEntered) -> None:
    """The call is at this element; a caller's digit begins a new trail (D6)."""
    call = state.calls.get(fact.leg_id)
    if call is None:
        return
    is_told = fact.play_id is not None
    call = msgspec.structs.replace(
        call,
        element_id=fact.element_id,
        asked=fact.asked,
        steps=0 if fact.digit else call.steps + 1,
        rule=Rule.CALLERS_DIGIT if fact.digit else call.rule,
        trail=() if fact.digit else call.trail,
        forwards=0 if fact.digit else call.forwards,
        mobile_of=None,
        play_id=fact.play_id,
        media=fact.media,
        play_count=call.play_count + is_told,
        then=Then.NEXT_ELEMENT,
    )
    element = state.element_of(call)
    is_menu = element is not None and element.kind is ElementKind.MENU
    stage = Stage.CHOOSING if is_menu else Stage.TELLING if is_told else Stage.DECIDING
    call = state.calls.change(call, stage=stage)
    if stage is Stage.DECIDING:
        state.drop_timer("notice", call.leg_id)
    else:
        announcements.set_limit(state, call)


def decide_entered(state: RoutingState, fact: ElementEntered) -> Decision:
    """Do what the element says."""
    call = state.calls.get(fact.leg_id)
    element = state.element_of(call) if call is not None else None
    if call is None or element is None:
        return NOTHING
    match element.kind:
        case ElementKind.GREETING:
            return follow(state, call, "next") if call.play_id is None else announcements.tell(state, call)
        case ElementKind.MENU:
            return announcements.tell(state, call)
        case ElementKind.HOURS:
            return follow(state, call, "open" if _is_open(state, call, element) else "closed")
        case ElementKind.INTERNAL_SUBSCRIBER:
            return _reach_subscriber(state, call, element.agent_id)
        case ElementKind.DEPARTMENT:
            return _reach_department(state, call, element)
        case ElementKind.VOICEMAIL:
            return _reach_voicemail(state, call, element)
        case ElementKind.EXTERNAL_NUMBER:
            return external_number.dial(state, call, element)
        case ElementKind.HANG_UP:
            return hangup.end(state, call, EndReason.SCENARIO_ENDED)


def _is_open(state: RoutingState, call: Call, element: Element) -> bool:
    """Whether the element's hours are open now; a time beyond the known hours counts as open (E5)."""
    found = state.scenario_of(call)
    known_until_at: Instant | None = found.hours_known_until_at if found is not None else None
    if known_until_at is not None and state.now_at >= known_until_at:
        return True
    return any(hours.contains(state.now_at) for hours in element.hours)


def _reach_subscriber(state: RoutingState, call: Call, agent_id: AgentId | None) -> Decision:
    """Ring the employee, unless this trail has been there already (D6)."""
    if agent_id is None:
        return last_resort.apologise(state, call, EndReason.SCENARIO_ENDED)
    hop = Hop(rule=call.rule, agent_id=agent_id)
    if not trail.has_visited(call, hop):
        return destinations.person(state, call, agent_id)
    if state.is_limited(call):
        return follow(state, call, "no_answer")
    return last_resort.voicemail(state, call, hop)


def _reach_department(state: RoutingState, call: Call, element: Element) -> Decision:
    if element.department_id is None or not state.is_department_there(element.department_id):
        return last_resort.voicemail(state, call, None)
    return destinations.department(state, call, element.department_id)


def _reach_voicemail(state: RoutingState, call: Call, element: Element) -> Decision:
    hop = Hop(rule=call.rule, agent_id=element.agent_id, department_id=element.department_id)
    if not state.is_there(hop):
        return last_resort.voicemail(state, call, None)
    return destinations.voicemail(
        call, call.rule, agent_id=element.agent_id, department_id=element.department_id
    )


def decide_digits(state: RoutingState, call: Call, fact: DigitsEntered) -> Decision:
    """Follow the caller's key at a menu; ask once more if there is none, or it leads nowhere."""
    if call.stage is not Stage.CHOOSING:
        return NOTHING
    digit, element = fact.digits[:1], state.element_of(call)
    if digit and element is not None and any(arrow.on == digit for arrow in element.arrows):
        return follow(state, call, digit, digit)
    return no_choice(state, call)


def no_choice(state: RoutingState, call: Call) -> Decision:
    """Play the menu again, then follow the arrow for callers who can't choose: old phones, and machines."""
    if call.asked < ASKED_MAX:
        return _enter(state, call, call.element_id, asked=call.asked + 1)
    return follow(state, call, "no_choice")


def decide_external_ended(state: RoutingState, fact: ExternalEnded) -> Decision:
    """The external number did not take the call: follow the element's arrow for that."""
    call = state.calls.get(fact.leg_id)
    return NOTHING if call is None else follow(state, call, "no_answer")
