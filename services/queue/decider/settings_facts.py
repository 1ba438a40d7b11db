"""Cards of the directory: newer versions are kept, and offers end that they forbid."""

from contracts.directory import (
    AgentAvailabilitySaved,
    AgentPauseSaved,
    AgentSaved,
    AgentWrapUpSaved,
    DepartmentSaved,
    OrganizationSaved,
    PbxSaved,
)
from contracts.gateway import PbxLost, PbxReturned
from contracts.ids import DepartmentId, Instant
from contracts.queue import OfferWithdrawn
from contracts.tts import NoticeRendered
from runtime.decision import NOTHING, Decision, together
from services.queue.decider import agents, offer_records, pauses
from services.queue.state import QueueState
from services.queue.state.records import Agent, Department, Notice, Offer, Organization


def apply_organization(state: QueueState, fact: OrganizationSaved) -> None:
    """The organization's card; of one that was removed nothing stays."""
    if fact.is_removed:
        state.clear()
        return
    known = state.organizations.get(fact.organization_id)
    if known is None or fact.version > known.saved.version:
        state.organizations.put(Organization(fact.organization_id, fact))


def apply_pbx(state: QueueState, fact: PbxSaved) -> None:
    known = state.pbx(fact.pbx_id)
    if known.saved is None or fact.version > known.saved.version:
        state.pbxs.change(known, saved=fact)


def apply_agent(state: QueueState, fact: AgentSaved) -> None:
    known = state.agents.get(fact.agent_id) or Agent(fact.agent_id)
    if known.saved is None or fact.version > known.saved.version:
        state.agents.change(known, saved=fact)


def apply_availability(state: QueueState, fact: AgentAvailabilitySaved) -> None:
    """Keep hours and absences, and set the timer for their next change."""
    known = state.agents.get(fact.agent_id) or Agent(fact.agent_id)
    if known.availability is None or fact.version > known.availability.version:
        state.agents.change(known, availability=fact)
        agents.update_working_time(state, fact.agent_id)


def apply_pause(state: QueueState, fact: AgentPauseSaved) -> None:
    known = state.agents.get(fact.agent_id) or Agent(fact.agent_id)
    if known.pause is None or fact.version > known.pause.version:
        state.agents.change(known, pause=fact)
        pauses.end_auto_pause(state, fact.agent_id)


def apply_wrap_up(state: QueueState, fact: AgentWrapUpSaved) -> None:
    """An agent in wrap-up ends or extends it; otherwise it has no effect (Q13)."""
    known = state.agents.get(fact.agent_id) or Agent(fact.agent_id)
    if fact.version <= known.wrap_up_version:
        return
    state.agents.change(known, wrap_up_version=fact.version)
    activity = state.activity(fact.agent_id)
    if activity.wrap_up_until_at is not None:
        until_at = Instant(max(state.now_at, fact.until_at or 0))
        state.activities.change(activity, wrap_up_until_at=until_at)
        state.set_timer("wrap_up", fact.agent_id, until_at)


def apply_department(state: QueueState, fact: DepartmentSaved) -> None:
    known = state.departments.get(fact.department_id)
    if known is None or fact.version > known.saved.version:
        state.departments.put(Department(fact.department_id, fact))


def apply_notice(state: QueueState, fact: NoticeRendered) -> None:
    """From now on the new version of the notice is played."""
    known = state.notices.get(fact.notice_id)
    if known is None or fact.version > known.version:
        state.notices.put(Notice(fact.notice_id, fact.version, fact.parts))


def apply_pbx_lost(state: QueueState, fact: PbxLost) -> None:
    """The gateway can't reach the PBX: its agents are skipped, and places on it are not offered."""
    state.pbxs.change(state.pbx(fact.pbx_id), is_lost=True)


def apply_pbx_returned(state: QueueState, fact: PbxReturned) -> None:
    state.pbxs.change(state.pbx(fact.pbx_id), is_lost=False)


def decide_agent(state: QueueState, fact: AgentSaved) -> Decision:
    """A removed agent's phones stop ringing (O5)."""
    agent = state.agents.get(fact.agent_id)
    offer_id = state.activity(fact.agent_id).offer_id
    if agent is None or agent.saved is None or not agent.saved.is_removed or offer_id is None:
        return NOTHING
    return offer_records.end(state, offer_id, OfferWithdrawn, reason="removed")


def decide_department(state: QueueState, fact: DepartmentSaved) -> Decision:
    """Offers to agents who were suspended or removed are withdrawn and do not count (O5)."""
    here = fact.department_id
    return together(
        offer_records.end(state, offer.offer_id, OfferWithdrawn, reason="suspended")
        for offer in _offers_of(state, here)
        if state.is_suspended(here, offer.agent_id) and not offer.is_fallback
    )


def _offers_of(state: QueueState, department_id: DepartmentId) -> list[Offer]:
    """The offers that ring for a department."""
    return [offer for offer in state.offers if offer.department_id == department_id]
