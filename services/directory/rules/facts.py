"""What an office says on the log: its cards as facts, each whole and with version 0, which the book raises.

`facts(office)` is all that follows from the cards alone; `availability` and `scenario` also need to know what
day it is, since hours travel as UTC intervals, sixty days ahead (E5).
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any, Final, TypeVar

import msgspec
from babel.dates import format_date

from contracts import directory
from contracts import scenario as contract
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
from services.directory.rules import employees, hours
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
    """The id of what a versioned fact is about."""
    return str(getattr(fact, _SUBJECTS[type(fact)]))


def key(fact: Fact) -> tuple[str, str]:
    """What identifies the entity of a versioned fact: its type's name, and its subject."""
    return type_name(fact), subject(fact)


def with_version(fact: Fact, version: int) -> Fact:
    """The same fact as another version."""
    changed: dict[str, Any] = {"version": version}
    return msgspec.structs.replace(fact, **changed)


def removed(fact: Fact) -> Fact:
    """The last word on an entity that is gone; a PBX or a notice has none of its own and stays as it was."""
    if "is_removed" in fact.__struct_fields__:
        changed: dict[str, Any] = {"is_removed": True}
        return msgspec.structs.replace(fact, **changed)
    return fact


def facts(office: Office, today: date) -> list[Fact]:
    """All that follows from the cards; `today` only tells who is away now, for {return_date}."""
    return [
        _organization(office),
        *(
            PbxSaved(
                pbx_id=PbxId(id_),
                version=VERSION_UNSAID,
                name=card.name,
                kind=card.kind,
                numbers=card.numbers,
                apologies_at_once_max=card.apologies_at_once_max,
            )
            for id_, card in office.pbxs.items()
        ),
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
    """When an employee works, sixty days ahead, and is away."""
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
    """A card's part as the contract's: the same fields, without the limits."""
    return msgspec.convert(msgspec.to_builtins(said), type_)


def recipients(office: Office, people_: Iterable[Who]) -> tuple[Recipient, ...]:
    """Who gets letters, as names and addresses; an employee who has lost the address gets none."""
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
    """In one form, so that two ways to write an address are one reader; what was saved as none stays."""
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
        dialling_policy=employees.policy(office),
        administrators=recipients(office, listed),
        console_url=card.console_url,
        retention_days=card.retention_days,
    )


def _agents(office: Office) -> Iterator[AgentSaved]:
    for id_, card in office.employees.items():
        yield AgentSaved(
            agent_id=AgentId(id_),
            version=VERSION_UNSAID,
            name=card.name,
            pbx_id=PbxId(card.pbx_id),
            extension=card.extension,
            devices=devices(card),
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
            devices=(Device(kind=DeviceKind.DESK, address=Address(f"sip:{phone.extension}")),),
            is_employee=False,
            language=office.organization.language,
        )


def devices(card: EmployeeCard) -> tuple[Device, ...]:
    """Where calls ring: desk phone and SIMs at once, the mobile after its delay, at once when alone (E4)."""
    found = []
    if card.rings_desk:
        found.append(Device(kind=DeviceKind.DESK, address=Address(f"sip:{card.extension}")))
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
    """What speech is asked to make of a fact, if anything of it is spoken."""
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
            # The apology names the company: a name of another language would be spelt, not said.
            return RenderNotice(
                notice_id=company_notice(fact.language),
                version=fact.version,
                language=fact.language,
                text=fact.name,
            )
        case _:
            return None


def return_date(card: EmployeeCard, language: Language, today: date) -> str:
    """The first day after the absence that is on, or is next; words where nobody can say."""
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
