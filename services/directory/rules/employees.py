"""What must hold for an employee's card, and for an extension of an office PBX (E1, E4 to E6)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import structs

from contracts import dialling
from contracts.directory import DirectActionKind, PbxKind, Role
from runtime.mail import addresses
from runtime.spelling import likely, meant
from services.directory.rules import ceilings, hours, naming
from services.directory.rules.errors import Code, Problem
from services.directory.state.cards import EmployeeCard, ExtensionCard, Hours, Who
from services.directory.state.office import Office

MOBILE_RING_MS_MIN: Final = 15_000
"""E4: setting up an outside call takes seconds, and finding the phone takes more."""
SATELLITE_RING_MS_MIN: Final = 25_000
"""S3: a satellite link takes ten seconds more."""
NIGHT_SHIFT_MINUTES_MAX: Final = 12 * 60
"""20:00 to 08:00 is a night shift; 18:00 to 09:00 is mostly a day shift with swapped ends."""
HINTS_MAX: Final = 10
HINTS_LIKELY_MAX: Final = 3


def employee(office: Office, id_: str, card: EmployeeCard) -> Iterator[Problem]:
    """Problems of an employee's card."""
    yield from pbx_of_kind(office, card.pbx_id, PbxKind.CLOUD)
    if id_ == office.grants.break_glass_agent_id and card.role is not Role.ADMINISTRATOR:
        yield Problem(code=Code.BREAK_GLASS_STAYS, field="role")
    yield from zone(card.timezone)
    yield from address(card.email, "email")
    yield from week(card.hours or (), "hours")
    for position, each in enumerate(card.absences):
        if each.last_day is not None and each.last_day < each.first_day:
            yield Problem(code=Code.ABSENCE_REVERSED, field=f"absences.{position}")
    if card.rings_mobile and card.mobile is None:
        yield Problem(code=Code.MOBILE_MISSING, field="mobile")
    if not (card.rings_desk or card.rings_mobile or card.sims):
        yield Problem(code=Code.DEVICE_MISSING, field="rings_desk")
    phones = [(f"sims.{position}", number) for position, number in enumerate(card.sims)]
    if card.mobile is not None and (card.rings_mobile or _forwards_to_mobile(office, id_)):
        phones.append(("mobile", card.mobile))
    for field, number in phones:
        yield from dialled(office, number, field)


def _forwards_to_mobile(office: Office, id_: str) -> bool:
    """Whether the employee's own rules dial the mobile, which the card need not ring (P5)."""
    rules = office.rules.get(id_)
    actions = () if rules is None else (rules.no_answer, rules.out_of_hours, rules.absence)
    return any(each.kind is DirectActionKind.MOBILE for each in actions)


def dialled(office: Office, number: str, field: str) -> Iterator[Problem]:
    """A number that the dialling policy forbids for a phone or a scenario's element (C10)."""
    # The kill switch stops calls, but does not refuse cards.
    switched_on = structs.replace(ceilings.policy(office), is_on=True)
    refusal = dialling.refusal_of_address(number, switched_on)
    if refusal is not None:
        yield Problem(
            code=Code.NUMBER_REFUSED, field=field, values={"number": number, "reason": str(refusal)}
        )


def login(card: EmployeeCard, logins: Mapping[str, int]) -> Iterator[Problem]:
    """A login that another employee has, too; `logins` counts employees by login."""
    if logins[card.login] > 1:
        values = {"login": card.login, "free": naming.unique(card.login, logins.__contains__)}
        yield Problem(code=Code.LOGIN_TAKEN, field="login", values=values)


def extension(office: Office, card: ExtensionCard) -> Iterator[Problem]:
    """Problems of an office PBX's extension."""
    yield from pbx_of_kind(office, card.pbx_id, PbxKind.OFFICE)


def pbx_of_kind(office: Office, pbx_id: str, kind: PbxKind | None = None) -> Iterator[Problem]:
    """An unknown PBX, or one of the wrong kind."""
    found = office.pbxs.get(pbx_id)
    if found is None:
        yield unknown("pbx_id", pbx_id, office.pbxs)
    elif kind is not None and found.kind is not kind:
        yield Problem(code=Code.PBX_KIND_WRONG, field="pbx_id", values={"pbx": found.name})


def unknown(field: str, id_: str, known: Iterable[str]) -> Problem:
    """A reference to an unknown id; the hint names known ones, the likeliest first."""
    names = sorted(known)
    near = likely(id_, names, HINTS_LIKELY_MAX)
    names = [*near, *(name for name in names if name not in near)]
    hint = ", ".join(names[:HINTS_MAX]) + (" …" if len(names) > HINTS_MAX else "")
    values = {"id": id_, "hint": hint or "—", "meant": near[0] if near else ""}
    return Problem(code=Code.REFERENCE_UNKNOWN, field=field, values=values)


def address(email: str | None, field: str) -> Iterator[Problem]:
    """A malformed e-mail address."""
    if email is None:
        return
    try:
        addresses.canonical(email)
    except addresses.InvalidAddress:
        yield Problem(code=Code.EMAIL_WRONG, field=field, values={"email": email})


def zone(name: str | None, field: str = "timezone") -> Iterator[Problem]:
    """An unknown time zone."""
    if name is not None and not hours.is_zone(name):
        near = meant(name, hours.zones()) or ""
        yield Problem(code=Code.ZONE_UNKNOWN, field=field, values={"zone": name, "meant": near})


def week(listed: Iterable[Hours], field: str) -> Iterator[Problem]:
    """Errors and warnings about working hours."""
    found = list(listed)
    for position, each in enumerate(found):
        here = f"{field}.{position}"
        if each.from_minute == each.until_minute or each.from_minute == hours.MINUTES_PER_DAY:
            yield Problem(code=Code.HOURS_EMPTY, field=here)
        elif hours.crosses_midnight(each) and hours.length(each) > NIGHT_SHIFT_MINUTES_MAX:
            values = {"first": hours.text(each), "hours": f"{hours.length(each) / 60:g}"}
            yield Problem(code=Code.HOURS_OVERNIGHT, field=here, values=values, is_warning=True)
        for earlier in found[:position]:
            if hours.overlap(earlier, each):
                values = {"first": hours.text(earlier), "second": hours.text(each)}
                yield Problem(code=Code.HOURS_OVERLAP, field=here, values=values, is_warning=True)
                break


def recipients(office: Office, people: Iterable[Who], field: str) -> Iterator[Problem]:
    """Recipients of letters who can't get them."""
    for position, who in enumerate(people):
        here = f"{field}.{position}"
        yield from address(who.email, f"{here}.email")
        if (who.agent_id is None) == (who.name is None or who.email is None):
            yield Problem(code=Code.RECIPIENT_INCOMPLETE, field=here)
        elif who.agent_id is not None and who.agent_id not in office.employees:
            yield unknown(here, who.agent_id, office.employees)
        elif who.agent_id is not None and office.employees[who.agent_id].email is None:
            name = office.employees[who.agent_id].name
            yield Problem(code=Code.RECIPIENT_WITHOUT_EMAIL, field=here, values={"agent": name})


def nobody(office: Office, people_: Iterable[Who], field: str) -> Iterator[Problem]:
    """The warning that neither these people nor any administrator has an address for letters (V4)."""
    listed = office.organization.administrators or [Who(agent_id=id_) for id_ in administrators(office)]
    if not any(email_of(office, who) for who in (*people_, *listed)):
        yield Problem(code=Code.NOBODY_REACHABLE, field=field, is_warning=True)


def email_of(office: Office, who: Who) -> str | None:
    """A recipient's address; an employee's is on the card."""
    card = office.employees.get(who.agent_id or "")
    return who.email if card is None else card.email


def administrators(office: Office) -> list[str]:
    """The employees with the administrator's role."""
    return [id_ for id_, card in office.employees.items() if card.role is Role.ADMINISTRATOR]


def mobile_left_ms(card: EmployeeCard, ring_ms: int) -> int | None:
    """How long the mobile rings within a ring time; None where it doesn't ring (E4)."""
    if not card.rings_mobile or card.mobile is None:
        return None
    is_beside_others = card.rings_desk or bool(card.sims)
    return ring_ms - (card.mobile_delay_ms if is_beside_others else 0)


def mobile_time(card: EmployeeCard, ring_ms: int, field: str) -> Iterator[Problem]:
    """The warnings of E4 and S3: too little time for a mobile, or for a satellite phone."""
    left_ms = mobile_left_ms(card, ring_ms)
    if left_ms is None or card.mobile is None:
        return
    values = {"agent": card.name, "seconds": f"{max(left_ms, 0) / 1000:g}"}
    if dialling.is_satellite(card.mobile):
        if left_ms < SATELLITE_RING_MS_MIN:
            yield Problem(code=Code.SATELLITE_TIME_SHORT, field=field, values=values, is_warning=True)
    elif left_ms < MOBILE_RING_MS_MIN:
        yield Problem(code=Code.MOBILE_TIME_SHORT, field=field, values=values, is_warning=True)
