"""What the directory and tts say, as far as voicemail needs it; a newer version replaces an older one."""

import msgspec

from contracts.directory import (
    AgentAvailabilitySaved,
    AgentSaved,
    DepartmentSaved,
    DirectRulesSaved,
    OrganizationSaved,
)
from contracts.tts import NoticeRendered
from services.voicemail.state import Department, Notice, Organization, Reader, VoicemailState


def saved(
    state: VoicemailState,
    fact: OrganizationSaved
    | DepartmentSaved
    | AgentSaved
    | AgentAvailabilitySaved
    | DirectRulesSaved
    | NoticeRendered,
) -> None:
    """Take an entity over if it is newer than what is known."""
    match fact:
        case OrganizationSaved():
            _organization_saved(state, fact)
        case DepartmentSaved():
            _department_saved(state, fact)
        case AgentSaved():
            _agent_saved(state, fact)
        case DirectRulesSaved():
            _rules_saved(state, fact)
        case AgentAvailabilitySaved():
            _availability_saved(state, fact)
        case NoticeRendered():
            _notice_rendered(state, fact)


def _organization_saved(state: VoicemailState, fact: OrganizationSaved) -> None:
    known = state.organizations.get(fact.organization_id)
    if known is None or fact.version > known.version:
        state.organizations.put(
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


def _department_saved(state: VoicemailState, fact: DepartmentSaved) -> None:
    # A removed department stays known: its last calls still need its recipients and its name.
    known = state.departments.get(fact.department_id)
    if known is None or fact.version > known.version:
        state.departments.put(
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


def _agent_saved(state: VoicemailState, fact: AgentSaved) -> None:
    known = state.readers.get(fact.agent_id) or Reader(fact.agent_id)
    if fact.version > known.version:
        state.readers.put(
            msgspec.structs.replace(
                known,
                version=fact.version,
                email=fact.email.strip().lower(),
                is_removed=fact.is_removed,
                name=fact.name,
                language=fact.language,
            )
        )


def _rules_saved(state: VoicemailState, fact: DirectRulesSaved) -> None:
    known = state.readers.get(fact.agent_id) or Reader(fact.agent_id)
    if fact.version > known.rules_version:
        state.readers.put(
            msgspec.structs.replace(known, rules_version=fact.version, recipients=fact.recipients)
        )


def _availability_saved(state: VoicemailState, fact: AgentAvailabilitySaved) -> None:
    known = state.readers.get(fact.agent_id) or Reader(fact.agent_id)
    if fact.version > known.availability_version:
        state.readers.put(
            msgspec.structs.replace(known, availability_version=fact.version, absences=fact.absences)
        )


def _notice_rendered(state: VoicemailState, fact: NoticeRendered) -> None:
    known = state.notices.get(fact.notice_id)
    if known is None or fact.version >= known.version:
        state.notices.put(Notice(fact.notice_id, fact.version, fact.language, fact.parts))
