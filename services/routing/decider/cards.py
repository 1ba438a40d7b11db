"""The office's book and the network: newer versions only, and whom a removal stops ringing (E8)."""

import msgspec

from contracts.directory import (
    AgentAvailabilitySaved,
    AgentSaved,
    DepartmentSaved,
    DirectRulesSaved,
    OrganizationSaved,
    PbxSaved,
    ResponsibleSaved,
)
from contracts.gateway import DeviceChanged, DeviceState, PbxLost, PbxReturned
from contracts.ids import Instant
from contracts.queue import AgentBusy, AgentFreed, WrapUpStarted
from contracts.routing import MissReason
from contracts.scenario import ScenarioSaved
from contracts.tts import NoticeRendered
from runtime.decision import Decision, together
from services.routing.decider import ringing
from services.routing.state import RoutingState
from services.routing.state.records import (
    Department,
    FormerScenario,
    Notice,
    Organization,
    Pbx,
    Phone,
    Responsible,
    Scenario,
    former_key,
    phone_key,
)


def apply_organization(state: RoutingState, fact: OrganizationSaved) -> None:
    """The organization's card."""
    known = state.organizations.get(fact.organization_id)
    if known is None or fact.version > known.saved.version:
        state.organizations.put(Organization(fact.organization_id, fact))


def apply_pbx(state: RoutingState, fact: PbxSaved) -> None:
    """A PBX's card."""
    known = state.pbx(fact.pbx_id)
    if known.saved is None or fact.version > known.saved.version:
        state.pbxs.put(msgspec.structs.replace(known, saved=fact))


def apply_department(state: RoutingState, fact: DepartmentSaved) -> None:
    """Where a department is reached; all else of its card is queue's."""
    known = state.departments.get(fact.department_id)
    if known is None or fact.version > known.version:
        state.departments.put(
            Department(
                fact.department_id, fact.version, fact.pbx_id, fact.extension, fact.lines, fact.is_removed
            )
        )


def apply_agent(state: RoutingState, fact: AgentSaved) -> None:
    """Somebody's card."""
    known = state.person(fact.agent_id)
    if known.saved is None or fact.version > known.saved.version:
        state.people.put(msgspec.structs.replace(known, saved=fact))


def decide_agent(state: RoutingState, fact: AgentSaved) -> Decision:
    """Who was removed gets no new call: what rings there rings no more; a call in progress goes on (E8)."""
    if state.is_person_there(fact.agent_id):
        return Decision()
    rung = (state.tries.get(try_id) for try_id in state.tries_of.get(fact.agent_id, ()))
    return together(ringing.miss(state, each, MissReason.REMOVED) for each in rung if each is not None)


def apply_availability(state: RoutingState, fact: AgentAvailabilitySaved) -> None:
    """Somebody's hours and absences; each call compares instants, so nothing has to be woken."""
    known = state.person(fact.agent_id)
    if known.availability is None or fact.version > known.availability.version:
        state.people.put(msgspec.structs.replace(known, availability=fact))


def apply_rules(state: RoutingState, fact: DirectRulesSaved) -> None:
    """The rules of somebody's direct calls."""
    known = state.person(fact.agent_id)
    if known.rules is None or fact.version > known.rules.version:
        state.people.put(msgspec.structs.replace(known, rules=fact))


def apply_responsible(state: RoutingState, fact: ResponsibleSaved) -> None:
    """The CRM's word; one that takes a manager away is kept, for its version."""
    known = state.responsibles.get(fact.number)
    if known is None or fact.version > known.saved.version:
        state.responsibles.put(Responsible(fact.number, fact))


def apply_scenario(state: RoutingState, fact: ScenarioSaved) -> None:
    """A scenario; calls on their way through its predecessor go on in that.

    Who was told «press 2 for sales» must not get whatever 2 means since.
    """
    known = state.scenarios.get(fact.scenario_id)
    if known is not None and fact.version <= known.saved.version:
        return
    if known is not None and any(
        (call.scenario_id, call.scenario_version) == (fact.scenario_id, known.saved.version)
        for call in state.calls
    ):
        key = former_key(fact.scenario_id, known.saved.version)
        state.former_scenarios.put(FormerScenario(key, known.saved))
    state.scenarios.put(Scenario(fact.scenario_id, fact))


def apply_notice(state: RoutingState, fact: NoticeRendered) -> None:
    """A notice can be played; until then its predecessor was."""
    known = state.notices.get(fact.notice_id)
    if known is None or fact.version > known.version:
        state.notices.put(Notice(fact.notice_id, fact.version, fact.parts))


def apply_pbx_lost(state: RoutingState, fact: PbxLost) -> None:
    """Its gateway can't reach it: its phones are not dialled, and nobody is judged by its silence."""
    state.pbxs.put(msgspec.structs.replace(state.pbx(fact.pbx_id), is_lost=True))


def apply_pbx_returned(state: RoutingState, fact: PbxReturned) -> None:
    """It is there again; what it no longer has is reported ended by itself."""
    known: Pbx = state.pbx(fact.pbx_id)
    state.pbxs.put(msgspec.structs.replace(known, is_lost=False, away_until_at=Instant(0)))


def apply_phone(state: RoutingState, fact: DeviceChanged) -> None:
    """A phone is in use by any call, ours or not, or can't be reached; an idle one is like an unknown one."""
    key = phone_key(fact.pbx_id, fact.address)
    match fact.state:
        case DeviceState.IN_USE:
            known = state.phones.get(key)
            if known is None or not known.in_use_since_at:
                state.phones.put(Phone(key, in_use_since_at=state.now_at))
        case DeviceState.UNREACHABLE:
            state.phones.put(Phone(key, is_unreachable=True))
        case DeviceState.IDLE | DeviceState.REACHABLE:
            state.phones.drop(key)


def apply_busy(state: RoutingState, fact: AgentBusy) -> None:
    """Somebody talks for a department, be it on a mobile that no PBX sees."""
    known = state.person(fact.agent_id)
    state.people.put(msgspec.structs.replace(known, department_leg_id=fact.leg_id))


def apply_freed(state: RoutingState, fact: AgentFreed | WrapUpStarted) -> None:
    """That call is over; who writes notes after it can be called directly."""
    known = state.people.get(fact.agent_id)
    if known is not None and known.department_leg_id is not None:
        state.people.put(msgspec.structs.replace(known, department_leg_id=None))
