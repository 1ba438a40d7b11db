"""What the directory has saved, and what is known of phones and PBXs; a removal stops ringing (E8)."""

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
from services.routing.decider import tries
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
    """The organization's card; of one that was removed nothing stays."""
    if fact.is_removed:
        state.clear()
        return
    state.organizations.put_newer(Organization(fact.organization_id, fact), "saved")


def apply_pbx(state: RoutingState, fact: PbxSaved) -> None:
    """A PBX's card."""
    state.pbxs.put_newer(msgspec.structs.replace(state.pbx(fact.pbx_id), saved=fact), "saved")


def apply_department(state: RoutingState, fact: DepartmentSaved) -> None:
    """Where calls reach a department; the rest of its card is queue's."""
    department = Department(
        fact.department_id, fact.version, fact.pbx_id, fact.extension, fact.lines, fact.is_removed
    )
    state.departments.put_newer(department)


def apply_agent(state: RoutingState, fact: AgentSaved) -> None:
    """An employee's card."""
    state.people.put_newer(msgspec.structs.replace(state.person(fact.agent_id), saved=fact), "saved")


def decide_agent(state: RoutingState, fact: AgentSaved) -> Decision:
    """Stop ringing an employee who was removed; a call in progress goes on (E8)."""
    if state.is_person_there(fact.agent_id):
        return Decision()
    rung = (state.tries.get(try_id) for try_id in state.tries_of.get(fact.agent_id, ()))
    return together(tries.miss(state, each, MissReason.REMOVED) for each in rung if each is not None)


def apply_availability(state: RoutingState, fact: AgentAvailabilitySaved) -> None:
    """An employee's hours and absences; each call compares instants, so no timer is needed."""
    person = msgspec.structs.replace(state.person(fact.agent_id), availability=fact)
    state.people.put_newer(person, "availability")


def apply_rules(state: RoutingState, fact: DirectRulesSaved) -> None:
    """The rules of an employee's direct calls."""
    state.people.put_newer(msgspec.structs.replace(state.person(fact.agent_id), rules=fact), "rules")


def apply_responsible(state: RoutingState, fact: ResponsibleSaved) -> None:
    """An entry of the CRM's table; one without a manager is kept, for its version, until it is erased."""
    if fact.is_erased:
        state.responsibles.drop(fact.number)
        return
    state.responsibles.put_newer(Responsible(fact.number, fact), "saved")


def apply_scenario(state: RoutingState, fact: ScenarioSaved) -> None:
    """A scenario; calls that are in its former version stay in that.

    A caller who was told «press 2 for sales» must not get whatever 2 means since.
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
    """A notice can be played, in place of its former version."""
    state.notices.put_newer(Notice(fact.notice_id, fact.version, fact.parts))


def apply_pbx_lost(state: RoutingState, fact: PbxLost) -> None:
    """Its gateway can't reach it: its phones are not dialled, and its silence ends no wait."""
    state.pbxs.change(state.pbx(fact.pbx_id), is_lost=True)


def apply_pbx_returned(state: RoutingState, fact: PbxReturned) -> None:
    """It can be reached again; the gateway reports the legs that are gone."""
    known: Pbx = state.pbx(fact.pbx_id)
    state.pbxs.change(known, is_lost=False, away_until_at=Instant(0))


def apply_phone(state: RoutingState, fact: DeviceChanged) -> None:
    """A phone is in use by a call, ours or not, or can't be reached; an idle one needs no record."""
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
    """An employee talks for a department, perhaps on a mobile that no PBX sees."""
    known = state.person(fact.agent_id)
    state.people.change(known, department_leg_id=fact.leg_id)


def apply_freed(state: RoutingState, fact: AgentFreed | WrapUpStarted) -> None:
    """The department's call has ended; direct calls may ring during wrap-up."""
    known = state.people.get(fact.agent_id)
    if known is not None and known.department_leg_id is not None:
        state.people.change(known, department_leg_id=None)
