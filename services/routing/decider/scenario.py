"""A call goes through a scenario: from element to element, as arrows and keys lead (S1 to S3)."""

from typing import Final

import msgspec

from contracts.gateway import DigitsEntered
from contracts.ids import AgentId, Instant, MediaKey
from contracts.prompts import Prompt
from contracts.routing import ElementEntered, EndReason, Hop, Rule
from contracts.scenario import Element, ElementKind
from runtime.decision import NOTHING, Decision
from services.routing.decider import ending, external, forwarding, reaching, telling
from services.routing.rules import notices, trail
from services.routing.state import RoutingState, element_named
from services.routing.state.records import Call, Stage, Then

ASKED_MAX: Final = 2
"""A menu is said twice: who has not chosen then goes along the arrow for that."""
STEPS_MAX: Final = 50
"""Saving refuses a circle without a caller's choice (S4); one that is there all the same ends here."""


def begin(state: RoutingState, call: Call) -> Decision:
    """Into the first element."""
    found = state.scenario_of(call)
    if found is None or not found.elements:
        return forwarding.apologise(state, call, EndReason.SCENARIO_ENDED)
    return _enter(state, call, found.elements[0].element_id)


def follow(state: RoutingState, call: Call, on: str, digit: str = "") -> Decision:
    """Along an arrow of the element at which the call stands; without one a word, and the end."""
    element = state.element_of(call)
    arrow = next((each for each in element.arrows if each.on == on), None) if element is not None else None
    if arrow is None:
        return forwarding.apologise(state, call, EndReason.SCENARIO_ENDED)
    return _enter(state, call, arrow.to, digit=digit)


def _enter(state: RoutingState, call: Call, element_id: str, *, digit: str = "", asked: int = 1) -> Decision:
    found = state.scenario_of(call)
    element = element_named(found, element_id) if found is not None else None
    if found is None or element is None or (not digit and call.steps >= STEPS_MAX):
        return forwarding.apologise(state, call, EndReason.SCENARIO_ENDED)
    media = _media(state, call, element)
    entered = ElementEntered(
        leg_id=call.leg_id,
        scenario_id=found.scenario_id,
        element_id=element_id,
        digit=digit,
        play_id=telling.next_play(call) if media else None,
        media=media,
        asked=asked,
    )
    return Decision(facts=(entered,))


def _media(state: RoutingState, call: Call, element: Element) -> tuple[MediaKey, ...]:
    if element.kind not in (ElementKind.GREETING, ElementKind.MENU):
        return ()
    return notices.media(state, element.notice, Prompt.ONE_MOMENT, call.caller)


def apply_entered(state: RoutingState, fact: ElementEntered) -> None:
    """The call stands at an element; a digit begins a new trail (D6)."""
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
    call = msgspec.structs.replace(call, stage=stage)
    state.calls.put(call)
    if stage is Stage.DECIDING:
        state.drop_timer("notice", call.leg_id)
    else:
        telling.wait(state, call)


def decide_entered(state: RoutingState, fact: ElementEntered) -> Decision:
    """Do what the element does."""
    call = state.calls.get(fact.leg_id)
    element = state.element_of(call) if call is not None else None
    if call is None or element is None:
        return NOTHING
    match element.kind:
        case ElementKind.GREETING:
            return follow(state, call, "next") if call.play_id is None else telling.tell(state, call)
        case ElementKind.MENU:
            return telling.tell(state, call)
        case ElementKind.HOURS:
            return follow(state, call, "open" if _is_open(state, call, element) else "closed")
        case ElementKind.INTERNAL_SUBSCRIBER:
            return _reach_subscriber(state, call, element.agent_id)
        case ElementKind.DEPARTMENT:
            return _reach_department(state, call, element)
        case ElementKind.VOICEMAIL:
            return _reach_voicemail(state, call, element)
        case ElementKind.EXTERNAL_NUMBER:
            return external.dial(state, call, element)
        case ElementKind.HANG_UP:
            return ending.end(state, call, EndReason.SCENARIO_ENDED)


def _is_open(state: RoutingState, call: Call, element: Element) -> bool:
    """Whether now is in the element's hours; beyond what is known counts as open, as for people (E5)."""
    found = state.scenario_of(call)
    known_until_at: Instant | None = found.hours_known_until_at if found is not None else None
    if known_until_at is not None and state.now_at >= known_until_at:
        return True
    return any(hours.contains(state.now_at) for hours in element.hours)


def _reach_subscriber(state: RoutingState, call: Call, agent_id: AgentId | None) -> Decision:
    """Ring the employee; who was on this trail already is not rung twice (D6)."""
    if agent_id is None:
        return forwarding.apologise(state, call, EndReason.SCENARIO_ENDED)
    hop = Hop(rule=call.rule, agent_id=agent_id)
    if not trail.has_visited(call, hop):
        return reaching.person(state, call, agent_id)
    if state.is_limited(call):
        return follow(state, call, "no_answer")
    return forwarding.last_resort(state, call, hop)


def _reach_department(state: RoutingState, call: Call, element: Element) -> Decision:
    if element.department_id is None or not state.is_department_there(element.department_id):
        return forwarding.last_resort(state, call, None)
    return reaching.department(state, call, element.department_id)


def _reach_voicemail(state: RoutingState, call: Call, element: Element) -> Decision:
    hop = Hop(rule=call.rule, agent_id=element.agent_id, department_id=element.department_id)
    if not state.is_there(hop):
        return forwarding.last_resort(state, call, None)
    return reaching.voicemail(call, call.rule, agent_id=element.agent_id, department_id=element.department_id)


def decide_digits(state: RoutingState, call: Call, fact: DigitsEntered) -> Decision:
    """The caller's key at a menu; none, or one that leads nowhere, is asked for once more."""
    if call.stage is not Stage.CHOOSING:
        return NOTHING
    digit, element = fact.digits[:1], state.element_of(call)
    if digit and element is not None and any(arrow.on == digit for arrow in element.arrows):
        return follow(state, call, digit, digit)
    return no_choice(state, call)


def no_choice(state: RoutingState, call: Call) -> Decision:
    """Ask again, then go along the arrow for callers who do not choose: old phones, and machines."""
    if call.asked < ASKED_MAX:
        return _enter(state, call, call.element_id, asked=call.asked + 1)
    return follow(state, call, "no_choice")
