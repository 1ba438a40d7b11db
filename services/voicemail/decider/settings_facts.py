"""What the directory and tts say, as far as voicemail needs it: a newer version replaces an older one."""

from contracts.directory import (
    AgentAvailabilitySaved,
    AgentSaved,
    DepartmentSaved,
    DirectRulesSaved,
    OrganizationSaved,
)
from contracts.tts import NoticeRendered
from services.voicemail.state import Department, Notice, Organization, Reader, VoicemailState


def apply_organization(state: VoicemailState, fact: OrganizationSaved) -> None:
    """The organization's card; of one that was removed nothing stays."""
    if fact.is_removed:
        state.clear()
        return
    state.organizations.put_newer(
        Organization(
            organization_id=fact.organization_id,
            version=fact.version,
            name=fact.name,
            language=fact.language,
            timezone=fact.timezone,
            administrators=fact.administrators,
            console_url=fact.console_url,
            home_region=fact.dialling_policy.home_region,
        )
    )


def apply_department(state: VoicemailState, fact: DepartmentSaved) -> None:
    # A removed department stays: its last calls still need its recipients and its name.
    state.departments.put_newer(
        Department(
            department_id=fact.department_id,
            version=fact.version,
            name=fact.name,
            language=fact.language,
            timezone=fact.timezone,
            greeting=fact.notices.greeting,
            voicemail=fact.voicemail,
            recipients=fact.recipients,
            heads=fact.heads,
            agents=() if fact.is_removed else tuple(seat.agent_id for seat in fact.agents),
        )
    )


def apply_agent(state: VoicemailState, fact: AgentSaved) -> None:
    known = state.readers.get(fact.agent_id) or Reader(fact.agent_id)
    if fact.version > known.version:
        state.readers.change(
            known,
            version=fact.version,
            email=fact.email.strip().lower(),
            is_removed=fact.is_removed,
            name=fact.name,
            language=fact.language,
        )


def apply_direct_rules(state: VoicemailState, fact: DirectRulesSaved) -> None:
    known = state.readers.get(fact.agent_id) or Reader(fact.agent_id)
    if fact.version > known.rules_version:
        state.readers.change(known, rules_version=fact.version, recipients=fact.recipients)


def apply_availability(state: VoicemailState, fact: AgentAvailabilitySaved) -> None:
    known = state.readers.get(fact.agent_id) or Reader(fact.agent_id)
    if fact.version > known.availability_version:
        state.readers.change(known, availability_version=fact.version, absences=fact.absences)


def apply_notice(state: VoicemailState, fact: NoticeRendered) -> None:
    known = state.notices.get(fact.notice_id)
    if known is None or fact.version >= known.version:
        state.notices.put(Notice(fact.notice_id, fact.version, fact.language, fact.parts))
