"""An office file as facts and commands; pure, for `apply`, the demo, tests and simulation.

facts(read(text), now_at)      every fact of the directory, each with version 1
renderings(facts)              what speech is asked for, for the spoken and uploaded notices among them
"""

from collections.abc import Iterable, Iterator

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from contracts import directory
from contracts.directory import (
    ActionKind,
    AgentAvailabilitySaved,
    AgentSaved,
    DepartmentSaved,
    DeviceKind,
    Membership,
    NoAnswerAction,
    NoticeChoices,
    NoticeSaved,
    OrganizationSaved,
    PbxSaved,
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
)
from contracts.message import Fact
from contracts.tts import RenderNotice
from services.directory.rules import hours
from services.directory.state import cards
from tools.apply import checks, direct_calls, naming
from tools.apply.document import Document, Path, Problem, Refused
from tools.apply.model import Absence, Action, Department, Device, Employee, Hours, Notice, Office


def facts(document: Document, now_at: Instant) -> list[Fact]:
    """All that a document says, each entity with version 1. Raises Refused; warnings don't."""
    office, found = examine(document)
    errors = [problem for problem in found if not problem.is_warning]
    if office is None or errors:
        raise Refused(errors, document.name)
    return _facts(office, document, now_at)


def examine(document: Document) -> tuple[Office | None, list[Problem]]:
    """The office (None when its shape is wrong), and every error and warning with its line."""
    try:
        office = Office.model_validate(document.data)
    except ValidationError as error:
        return None, _located(document, (_problem(each) for each in error.errors(include_url=False)))
    return office, _located(document, checks.problems(office, document.uploads))


def renderings(said: Iterable[Fact]) -> list[RenderNotice]:
    """What speech is asked for: one command per notice, with its version."""
    return [
        RenderNotice(
            notice_id=fact.notice_id,
            version=fact.version,
            language=fact.language,
            text=fact.text,
            key=fact.key,
            values=fact.values,
        )
        for fact in said
        if isinstance(fact, NoticeSaved)
    ]


def uploads_named(document: Document) -> list[str]:
    """The audio files that a document names, for whoever reads them; nothing of it is checked yet."""
    found: list[str] = []

    def walk(data: object) -> None:
        if isinstance(data, dict):
            if isinstance(data.get("uploaded"), str):
                found.append(data["uploaded"])
            for value in data.values():
                walk(value)
        elif isinstance(data, list):
            for value in data:
                walk(value)

    walk(document.data)
    return sorted(set(found))


def _located(document: Document, found: Iterable[Problem]) -> list[Problem]:
    located = [
        Problem(each.path, each.cause, each.remedy, each.is_warning, each.line or document.line(each.path))
        for each in found
    ]
    return sorted(located, key=lambda each: each.line or 0)


def _problem(error: ErrorDetails) -> Problem:
    """One of pydantic's errors in plain words."""
    path: Path = tuple(part for part in error["loc"] if part != "[key]")
    word = path[-1] if path else "the file"
    context = error.get("ctx", {})
    match error["type"]:
        case "plain":
            return Problem(path, context["cause"], context["remedy"])
        case "missing":
            return Problem(path, f"«{word}» is missing here", f"Add a line `{word}: …`")
        case "extra_forbidden":
            return Problem(path, f"«{word}» means nothing here", "Check its spelling, or remove it")
        case "enum" | "literal_error":
            return Problem(path, f"«{error['input']}» is no {word}", f"Write {context['expected']}")
        case "string_pattern_mismatch" if "[key]" in error["loc"] or word == "id":
            return Problem(
                path,
                f"«{error['input']}» is no id",
                "Write small letters, digits and dashes, a letter first: sales-2",
            )
        case "model_type" | "dict_type" | "tuple_type":
            wanted = "a list (lines with a dash)" if error["type"] == "tuple_type" else "words with values"
            return Problem(path, f"«{word}» is not written as {wanted}", "See examples/office.yaml")
        case _:
            message = error["msg"][:1].lower() + error["msg"][1:]
            return Problem(path, f"«{word}»: {message}", "See examples/office.yaml")


def _facts(office: Office, document: Document, now_at: Instant) -> list[Fact]:
    notices = list(_notices(office, document))
    return [
        _organization(office),
        *_pbxs(office),
        *_agents(office),
        *_availabilities(office, now_at),
        *direct_calls.rules(office),
        *direct_calls.rights(office),
        *notices,
        *(_department(office, id_, said) for id_, said in office.departments.items()),
    ]


def _organization(office: Office) -> Fact:
    said = office.organization
    return OrganizationSaved(
        organization_id=OrganizationId(said.id),
        version=naming.VERSION_FIRST,
        name=said.name,
        language=said.language,
        timezone=said.timezone,
        dialling_policy=checks.policy(office),
        administrators=naming.recipients(office, said.administrators),
        console_url=said.console_url,
    )


def _pbxs(office: Office) -> Iterator[Fact]:
    for id_, said in office.pbxs.items():
        yield PbxSaved(
            pbx_id=PbxId(id_),
            version=naming.VERSION_FIRST,
            name=said.name,
            kind=said.kind,
            numbers=said.numbers,
        )


def _agents(office: Office) -> Iterator[Fact]:
    for id_, said in office.employees.items():
        devices = said.devices
        yield AgentSaved(
            agent_id=AgentId(id_),
            version=naming.VERSION_FIRST,
            name=said.name,
            pbx_id=PbxId(said.pbx),
            extension=said.extension,
            devices=tuple(_device(said, position, device) for position, device in enumerate(devices)),
            email=said.email or "",
            language=said.language or office.organization.language,
        )
    for id_, phone in office.extensions.items():
        desk = directory.Device(kind=DeviceKind.DESK, address=Address(f"sip:{phone.extension}"))
        yield AgentSaved(
            agent_id=AgentId(id_),
            version=naming.VERSION_FIRST,
            name=phone.name,
            pbx_id=PbxId(phone.pbx),
            extension=phone.extension,
            devices=(desk,),
            is_employee=False,
            language=office.organization.language,
        )


def _device(said: Employee, position: int, device: Device) -> directory.Device:
    address = f"sip:{said.extension}" if device.number is None else f"tel:{device.number}"
    earliest_ms = min(checks.delay_ms(said.devices, each) for each in range(len(said.devices)))
    return directory.Device(
        kind=device.kind,
        address=Address(address),
        # Delays count from the first phone that rings, so one phone rings at once.
        delay_ms=checks.delay_ms(said.devices, position) - earliest_ms,
    )


def _week(said: Iterable[Hours]) -> list[cards.Hours]:
    return [cards.Hours(days=each.days, from_minute=each.from_, until_minute=each.to) for each in said]


def _absences(said: Iterable[Absence]) -> list[cards.Absence]:
    return [cards.Absence(first_day=each.from_, last_day=each.last_day) for each in said]


def _availabilities(office: Office, now_at: Instant) -> Iterator[Fact]:
    for id_, said in office.employees.items():
        zone = said.timezone or office.organization.timezone
        yield AgentAvailabilitySaved(
            agent_id=AgentId(id_),
            version=naming.VERSION_FIRST,
            hours=None if said.hours is None else hours.intervals(_week(said.hours), zone, now_at),
            absences=hours.absences(_absences(said.absences), zone, now_at),
            known_until_at=None if said.hours is None else hours.known_until(now_at, zone),
        )


def _spoken(said: Department) -> Iterator[tuple[str, Notice, Action | None]]:
    """A department's notices by occasion, with the action that one belongs to."""
    yield "no_answer", said.no_answer.notice, said.no_answer
    if said.full is not None:
        yield "full", said.full.notice, said.full
    for occasion in checks.KNOWN_PER_CALL:
        yield occasion, getattr(said.notices, occasion), None


def _notice_id(department_id: str, occasion: str) -> NoticeId:
    return NoticeId(f"{department_id}.{occasion}")


def _notices(office: Office, document: Document) -> Iterator[NoticeSaved]:
    for id_, said in office.departments.items():
        for occasion, notice, action in _spoken(said):
            if notice.kind is not None:
                continue
            known = {"department": said.name}
            if action is not None and action.employee is not None:
                known["employee"] = office.employees[action.employee].name
            text = notice.spoken or ""
            yield NoticeSaved(
                notice_id=_notice_id(id_, occasion),
                version=naming.VERSION_FIRST,
                language=said.language or office.organization.language,
                text=text,
                key=None if notice.uploaded is None else MediaKey(document.uploads[notice.uploaded]),
                values={name: known[name] for name in sorted(known) if f"{{{name}}}" in text},
            )
    for id_, employee in office.employees.items():
        for occasion, notice in direct_calls.notices(employee):
            if notice.kind is not None:
                continue
            text = notice.spoken or ""
            yield NoticeSaved(
                notice_id=direct_calls.notice_id(id_, occasion),
                version=naming.VERSION_FIRST,
                language=office.organization.language,
                text=text,
                key=None if notice.uploaded is None else MediaKey(document.uploads[notice.uploaded]),
                values={"employee": employee.name} if "{employee}" in text else {},
            )


def _action(department_id: str, occasion: str, said: Action) -> NoAnswerAction:
    return NoAnswerAction(
        kind=ActionKind(said.then),
        agent_id=None if said.employee is None else AgentId(said.employee),
        department_id=None if said.department is None else DepartmentId(said.department),
        keeps_joining_time=said.keeps_joining_time,
        notice=naming.choice(_notice_id(department_id, occasion), said.notice),
    )


def _department(office: Office, id_: str, said: Department) -> DepartmentSaved:
    choices = {
        occasion: naming.choice(_notice_id(id_, occasion), getattr(said.notices, occasion))
        for occasion in checks.KNOWN_PER_CALL
    }
    return DepartmentSaved(
        department_id=DepartmentId(id_),
        version=naming.VERSION_FIRST,
        name=said.name,
        pbx_id=PbxId(said.pbx),
        extension=said.extension,
        lines=said.lines,
        agents=tuple(
            Membership(agent_id=AgentId(seat.agent), is_suspended=seat.suspended) for seat in said.agents
        ),
        language=said.language or office.organization.language,
        timezone=said.timezone or office.organization.timezone,
        strategy=directory.Strategy(
            kind=said.strategy.kind,
            ring_ms=said.strategy.ring,
            step_ms=said.strategy.step,
            pause_between_rounds_ms=said.strategy.pause_between_rounds,
        ),
        no_answer_ms=said.no_answer.after,
        no_answer_action=_action(id_, "no_answer", said.no_answer),
        announcement_gap_ms=said.announcements_every,
        wrap_up_ms=said.wrap_up,
        waiting_max=None if said.full is None else said.full.waiting_max,
        overflow_action=NoAnswerAction() if said.full is None else _action(id_, "full", said.full),
        callback=directory.CallbackSettings(
            is_on=said.callback.on,
            invitation_after_ms=said.callback.invitation_after,
            ring_ms=said.callback.ring,
            attempts_max=said.callback.attempts,
            attempt_gap_ms=said.callback.attempt_gap,
            from_abandoned=said.callback.from_abandoned,
        ),
        voicemail=directory.VoicemailSettings(
            duration_ms_max=said.voicemail.message_up_to,
            silence_ms=said.voicemail.silence,
            speech_ms_min=said.voicemail.speech_at_least,
        ),
        notices=NoticeChoices(**choices),
        recipients=naming.recipients(office, said.recipients),
        heads=naming.recipients(office, said.heads),
        head_ids=tuple(AgentId(who.employee) for who in said.heads if who.employee is not None),
        legs_max=said.phones_at_once,
        auto_pause_misses=said.pause_after_misses,
        records_calls=said.records_calls,
    )
