"""Derives an office's facts from its cards, each whole and with version 0, which the unit of work raises.

`facts(office)` are those that follow from cards alone; `availability` and `scenario` also depend on the date,
since hours travel as UTC intervals, sixty days ahead (E5).
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any, Final, TypeVar

import msgspec
from babel.dates import format_date

from contracts import directory
from contracts import scenario as contract
from contracts.dialling import DiallingPolicy
from contracts.directory import (
    AgentAvailabilitySaved,
    AgentSaved,
    DepartmentSaved,
    Device,
    DeviceKind,
    DirectAction,
    DirectRulesSaved,
    Language,
    NoticeSaved,
    OrganizationSaved,
    PbxSaved,
    Recipient,
    RightsSaved,
)
from contracts.ids import (
    Address,
    AgentId,
    DepartmentId,
    Instant,
    MediaKey,
    NoticeId,
    OrganizationId,
    PbxId,
    ScenarioId,
)
from contracts.message import Fact, type_name
from contracts.prompts import company_notice
from contracts.scenario import ScenarioSaved
from contracts.tts import RenderNotice
from runtime.mail import addresses
from services.directory.rules import ceilings, employees, hours
from services.directory.state.cards import (
    Card,
    DepartmentCard,
    Element,
    EmployeeCard,
    NoticeCard,
    RulesCard,
    ScenarioCard,
    Who,
)
from services.directory.state.grants import OrganizationState
from services.directory.state.office import Office

T = TypeVar("T")
VERSION_UNSAID: Final = 0
_NO_DATE: Final = {Language.RUSSIAN: "дата не назначена", Language.ENGLISH: "no date is set"}
_SUBJECTS: Final[dict[type[Fact], str]] = {
    OrganizationSaved: "organization_id",
    PbxSaved: "pbx_id",
    AgentSaved: "agent_id",
    AgentAvailabilitySaved: "agent_id",
    directory.AgentPauseSaved: "agent_id",
    directory.AgentWrapUpSaved: "agent_id",
    DirectRulesSaved: "agent_id",
    RightsSaved: "agent_id",
    NoticeSaved: "notice_id",
    DepartmentSaved: "department_id",
    ScenarioSaved: "scenario_id",
    directory.ResponsibleSaved: "number",
    directory.TokenSaved: "token_id",
}


def subject(fact: Fact) -> str:
    """The id of a versioned fact's entity."""
    return str(getattr(fact, _SUBJECTS[type(fact)]))


def key(fact: Fact) -> tuple[str, str]:
    """The key of a versioned fact's entity: the type's name and the subject."""
    return type_name(fact), subject(fact)


def with_version(fact: Fact, version: int) -> Fact:
    """The same fact with another version."""
    changed: dict[str, Any] = {"version": version}
    return msgspec.structs.replace(fact, **changed)


def removed(fact: Fact) -> Fact:
    """The fact that an entity is removed; a notice's fact can't say so, and stays as it was."""
    if "is_removed" in fact.__struct_fields__:
        changed: dict[str, Any] = {"is_removed": True}
        return msgspec.structs.replace(fact, **changed)
    return fact


def facts(office: Office, today: date) -> list[Fact]:
    """The facts that follow from cards and the operator's grants; `today` is for {return_date}.

    A removed organization has none but that it is removed.
    """
    if office.grants.state is OrganizationState.REMOVED:
        return [_removed_organization(office)]
    return [
        _organization(office),
        *_pbxs(office),
        *_agents(office),
        *(_rights(id_, card) for id_, card in office.employees.items()),
        *(_notice(office, id_, card, today) for id_, card in office.notices.items()),
        *(_department(office, id_, card) for id_, card in office.departments.items()),
        *(
            _rules(office, id_, card, office.rules.get(id_, RulesCard()))
            for id_, card in office.employees.items()
        ),
    ]


def availability(office: Office, id_: str, card: EmployeeCard, now_at: Instant) -> AgentAvailabilitySaved:
    """An employee's hours, sixty days ahead, and absences."""
    zone = office.zone(card)
    country = office.organization.holidays if card.keeps_holidays else None
    return AgentAvailabilitySaved(
        agent_id=AgentId(id_),
        version=VERSION_UNSAID,
        hours=None if card.hours is None else hours.intervals(card.hours, zone, now_at, country=country),
        absences=hours.absences(card.absences, zone, now_at),
        known_until_at=None if card.hours is None else hours.known_until(now_at, zone),
    )


def scenario(office: Office, id_: str, card: ScenarioCard, now_at: Instant) -> ScenarioSaved:
    """A call scenario, with its hours sixty days ahead."""
    zone = card.timezone or office.organization.timezone
    has_hours = any(element.hours for element in card.elements)
    return ScenarioSaved(
        scenario_id=ScenarioId(id_),
        version=VERSION_UNSAID,
        pbx_id=PbxId(card.pbx_id),
        name=card.name,
        lines=card.lines,
        elements=tuple(_element(office, each, zone, now_at) for each in card.elements),
        hours_known_until_at=hours.known_until(now_at, zone) if has_hours else None,
    )


def _element(office: Office, said: Element, zone: str, now_at: Instant) -> contract.Element:
    country = office.organization.holidays if said.keeps_holidays else None
    return contract.Element(
        element_id=said.element_id,
        kind=said.kind,
        notice=_part(said.notice, directory.NoticeChoice),
        agent_id=None if said.agent_id is None else AgentId(said.agent_id),
        department_id=None if said.department_id is None else DepartmentId(said.department_id),
        number=said.number or "",
        wait_ms=said.wait_ms,
        hours=hours.intervals(said.hours, zone, now_at, country=country),
        arrows=tuple(contract.Arrow(on=arrow.on, to=arrow.to) for arrow in said.arrows),
    )


def _part(said: Card, type_: type[T]) -> T:
    """A part of a card as the contract's type: the same fields without limits."""
    return msgspec.convert(msgspec.to_builtins(said), type_)


def recipients(office: Office, people_: Iterable[Who]) -> tuple[Recipient, ...]:
    """Recipients with names and addresses; employees without an address are left out."""
    found = []
    for who in people_:
        employee = office.employees.get(who.agent_id or "")
        name = who.name if employee is None else employee.name
        email = employees.email_of(office, who)
        language = who.language or (employee.language if employee else None) or office.organization.language
        if name is not None and email is not None:
            found.append(Recipient(name=name, email=_address(email), language=language))
    return tuple(found)


def _address(email: str) -> str:
    """An address in canonical form, so that two spellings are one reader; a malformed one stays."""
    try:
        return addresses.canonical(email)
    except addresses.InvalidAddress:
        return email


def _organization(office: Office) -> OrganizationSaved:
    card = office.organization
    listed = card.administrators or tuple(Who(agent_id=id_) for id_ in employees.administrators(office))
    return OrganizationSaved(
        organization_id=OrganizationId(office.organization_id),
        version=VERSION_UNSAID,
        name=card.name,
        language=card.language,
        timezone=card.timezone,
        dialling_policy=ceilings.policy(office),
        administrators=recipients(office, listed),
        console_url=card.console_url,
        retention_days=card.retention_days,
        is_suspended=not office.grants.is_active,
        numbers_hidden_from=card.numbers_hidden_from,
        calls_at_once_max=office.grants.ceilings.calls_at_once_max,
    )


def _removed_organization(office: Office) -> OrganizationSaved:
    """Names nobody: it is the one fact that is kept."""
    return OrganizationSaved(
        organization_id=OrganizationId(office.organization_id),
        version=VERSION_UNSAID,
        name="—",
        language=office.organization.language,
        timezone=office.organization.timezone,
        dialling_policy=DiallingPolicy(is_on=False),
        administrators=(),
        is_suspended=True,
        is_removed=True,
    )


def _pbxs(office: Office) -> Iterator[PbxSaved]:
    """The PBXs that the organization has, with the numbers that it has, whatever the cards say."""
    for id_, card in office.pbxs.items():
        if id_ in office.grants.pbxs:
            yield PbxSaved(
                pbx_id=PbxId(id_),
                version=VERSION_UNSAID,
                name=card.name,
                kind=card.kind,
                numbers=office.grants.of_numbers(card.numbers),
                apologies_at_once_max=card.apologies_at_once_max,
            )


def _agents(office: Office) -> Iterator[AgentSaved]:
    for id_, card in office.employees.items():
        yield AgentSaved(
            agent_id=AgentId(id_),
            version=VERSION_UNSAID,
            name=card.name,
            pbx_id=PbxId(card.pbx_id),
            extension=card.extension,
            devices=devices(card, has_pbx=card.pbx_id in office.grants.pbxs),
            email=_address(card.email or ""),
            language=card.language or office.organization.language,
        )
    for id_, phone in office.extensions.items():
        yield AgentSaved(
            agent_id=AgentId(id_),
            version=VERSION_UNSAID,
            name=phone.name,
            pbx_id=PbxId(phone.pbx_id),
            extension=phone.extension,
            devices=_desk(phone.extension) if phone.pbx_id in office.grants.pbxs else (),
            is_employee=False,
            language=office.organization.language,
        )


def _desk(extension: str) -> tuple[Device, ...]:
    return (Device(kind=DeviceKind.DESK, address=Address(f"sip:{extension}")),)


def devices(card: EmployeeCard, *, has_pbx: bool = True) -> tuple[Device, ...]:
    """Devices that ring: desk phone and SIMs at once, the mobile after its delay, at once if alone (E4).

    `has_pbx`: the organization has the phone's PBX. One that it has no more would be rung all the same,
    through the link from another PBX (O1, O2).
    """
    found = [*_desk(card.extension)] if card.rings_desk and has_pbx else []
    found += [Device(kind=DeviceKind.SIM, address=Address(f"tel:{number}")) for number in card.sims]
    if card.rings_mobile and card.mobile is not None:
        delay_ms = card.mobile_delay_ms if found else 0
        address = Address(f"tel:{card.mobile}")
        found.append(Device(kind=DeviceKind.MOBILE, address=address, delay_ms=delay_ms))
    return tuple(found)


def _rights(id_: str, card: EmployeeCard) -> RightsSaved:
    return RightsSaved(
        agent_id=AgentId(id_),
        version=VERSION_UNSAID,
        role=card.role,
        sees_organization=card.sees_organization,
        may_download=card.may_download,
        may_hear=card.may_hear,
    )


def _rules(office: Office, id_: str, employee: EmployeeCard, card: RulesCard) -> DirectRulesSaved:
    return DirectRulesSaved(
        agent_id=AgentId(id_),
        version=VERSION_UNSAID,
        numbers=tuple(dict.fromkeys((*card.numbers, *employee.sims))),
        no_answer_ms=card.no_answer_ms,
        no_answer=_part(card.no_answer, DirectAction),
        out_of_hours=_part(card.out_of_hours, DirectAction),
        absence=_part(card.absence, DirectAction),
        has_call_waiting=card.has_call_waiting,
        recipients=recipients(office, card.recipients),
        mobile=employee.mobile or "",
    )


def _notice(office: Office, id_: str, card: NoticeCard, today: date) -> NoticeSaved:
    language = card.language or office.organization.language
    known: dict[str, str] = {}
    department = office.departments.get(card.department_id or "")
    employee = office.employees.get(card.agent_id or "")
    if department is not None:
        known["department"] = department.name
    if employee is not None:
        known["employee"] = employee.name
        known["return_date"] = return_date(employee, language, today)
    return NoticeSaved(
        notice_id=NoticeId(id_),
        version=VERSION_UNSAID,
        language=language,
        text=card.text,
        key=None if card.key is None else MediaKey(card.key),
        values={name: known[name] for name in sorted(known) if f"{{{name}}}" in card.text},
    )


def rendering(fact: Fact, home_region: str) -> RenderNotice | None:
    """The request to speech that a fact causes, if any of it is spoken."""
    match fact:
        case NoticeSaved():
            return RenderNotice(
                notice_id=fact.notice_id,
                version=fact.version,
                language=fact.language,
                text=fact.text,
                key=fact.key,
                values=fact.values,
                region=home_region,
            )
        case OrganizationSaved():
            # The apology names the company, in its own language: another voice would spell the name.
            return RenderNotice(
                notice_id=company_notice(fact.language),
                version=fact.version,
                language=fact.language,
                text=fact.name,
            )
        case _:
            return None


def return_date(card: EmployeeCard, language: Language, today: date) -> str:
    """The first day after the current or next absence; words where it is open-ended."""
    ahead = sorted(
        (each for each in card.absences if each.last_day is None or each.last_day >= today),
        key=lambda each: each.first_day,
    )
    last_day = ahead[0].last_day if ahead else None
    if last_day is None:
        return _NO_DATE[language]
    day = last_day + timedelta(days=1) if last_day < date.max else last_day
    return str(format_date(day, "d MMMM y", locale=language.value))


def _department(office: Office, id_: str, card: DepartmentCard) -> DepartmentSaved:
    return DepartmentSaved(
        department_id=DepartmentId(id_),
        version=VERSION_UNSAID,
        name=card.name,
        pbx_id=PbxId(card.pbx_id),
        extension=card.extension,
        lines=card.lines,
        agents=tuple(_part(seat, directory.Membership) for seat in card.agents),
        language=card.language or office.organization.language,
        timezone=card.timezone or office.organization.timezone,
        strategy=_part(card.strategy, directory.Strategy),
        no_answer_ms=card.no_answer_ms,
        no_answer_action=_part(card.no_answer_action, directory.NoAnswerAction),
        announcement_gap_ms=card.announcement_gap_ms,
        wrap_up_ms=card.wrap_up_ms,
        waiting_max=card.waiting_max,
        overflow_action=_part(card.overflow_action, directory.NoAnswerAction),
        callback=_part(card.callback, directory.CallbackSettings),
        voicemail=_part(card.voicemail, directory.VoicemailSettings),
        notices=_part(card.notices, directory.NoticeChoices),
        recipients=recipients(office, card.recipients),
        heads=recipients(office, card.heads),
        legs_max=card.legs_max,
        auto_pause_misses=card.auto_pause_misses,
        records_calls=card.records_calls,
        head_ids=tuple(AgentId(who.agent_id) for who in card.heads if who.agent_id is not None),
    )
