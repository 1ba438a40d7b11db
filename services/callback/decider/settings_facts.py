"""Settings: what the directory saves of the organization, its PBXs, departments and notices; lost PBXs.

A policy that forbids a number for good ends the callbacks to it (C10).
"""

import msgspec

from contracts import dialling
from contracts.directory import DepartmentSaved, OrganizationSaved, PbxSaved
from contracts.gateway import PbxLost, PbxReturned
from contracts.log import TimerDue
from contracts.tts import NoticeRendered
from runtime.decision import Decision, together
from services.callback import rules
from services.callback.decider import apologies, endings
from services.callback.state import CallbackState
from services.callback.state.records import ORGANIZATION, Department, Notice, Organization, Phase


def apply_organization(state: CallbackState, fact: OrganizationSaved) -> None:
    """The dialling policy; of a removed organization nothing stays."""
    if fact.is_removed:
        state.clear()
        return
    state.organizations.put_newer(Organization(ORGANIZATION, fact.version, fact.dialling_policy))


def apply_pbx(state: CallbackState, fact: PbxSaved) -> None:
    saved = msgspec.structs.replace(
        state.pbx(fact.pbx_id),
        version=fact.version,
        numbers=fact.numbers,
        apologies_at_once_max=max(1, fact.apologies_at_once_max),
    )
    state.pbxs.put_newer(saved)


def apply_department(state: CallbackState, fact: DepartmentSaved) -> None:
    """A removed department takes no orders; those that stand keep their language and notices."""
    settings = fact.callback
    if fact.is_removed:
        settings = msgspec.structs.replace(settings, is_on=False)
    department = Department(
        fact.department_id,
        fact.version,
        fact.pbx_id,
        fact.lines,
        fact.language,
        settings,
        fact.notices.order_taken,
        fact.notices.apology,
        fact.timezone,
        fact.no_answer_ms,
        fact.records_calls,
    )
    state.departments.put_newer(department)


def apply_notice(state: CallbackState, fact: NoticeRendered) -> None:
    state.notices.put_newer(Notice(fact.notice_id, fact.version, fact.language, fact.parts))


def apply_pbx_lost(state: CallbackState, fact: PbxLost) -> None:
    state.pbxs.change(state.pbx(fact.pbx_id), is_away=True)


def apply_pbx_returned(state: CallbackState, fact: PbxReturned) -> None:
    state.pbxs.change(state.pbx(fact.pbx_id), is_away=False)


def decide_pbx_returned(state: CallbackState, fact: PbxReturned) -> Decision:
    return apologies.dial_ready(state, fact.pbx_id)


def decide_policy(state: CallbackState, fact: OrganizationSaved | PbxSaved | TimerDue) -> Decision:
    """End the callbacks that wait, or whose apology is due, where policy forbids the number for good.

    The kill switch ends nothing: it may be released before the deadline. What does not fit into one step
    follows when the timer `policy` comes due.
    """
    policy = state.policy()
    found = []
    for callback in state.callbacks:
        is_waiting = callback.phase is Phase.WAITING and callback.order_leg_id is None
        if not (is_waiting or callback.phase is Phase.APOLOGY_DUE):
            continue
        reason = dialling.refusal(callback.number, policy)
        if reason not in (None, dialling.Refusal.SWITCHED_OFF):
            found.append(endings.barred(state, callback, reason))
        if len(found) == rules.BARRED_AT_ONCE_MAX:
            break
    return together(found)
