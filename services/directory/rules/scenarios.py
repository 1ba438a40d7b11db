"""What must hold for a call scenario (S1 to S4, EC-98); every error names its element."""

from collections.abc import Iterator
from typing import Final

from contracts import dialling
from contracts.scenario import ElementKind
from runtime.spelling import meant
from services.directory.rules import employees, incoming_numbers, notices
from services.directory.rules.errors import Code, Problem
from services.directory.state.cards import Element, ScenarioCard
from services.directory.state.office import Kind, Office

DIGITS: Final = tuple("0123456789")
HOURS_DAYS_MAX: Final = 350
"""Days of the week in all hours of a scenario: fifty elements with one range on each day."""
ENDS: Final = (ElementKind.DEPARTMENT, ElementKind.VOICEMAIL, ElementKind.HANG_UP)
"""Elements that end a route: a department has its own no-answer action."""


def scenario(office: Office, id_: str, card: ScenarioCard) -> Iterator[Problem]:
    """Errors and warnings about a scenario."""
    yield from employees.pbx_of_kind(office, card.pbx_id)
    yield from employees.zone(card.timezone)
    yield from incoming_numbers.problems(office, Kind.SCENARIO, id_, card.pbx_id, card.lines)
    yield from _hours(card)
    seen: set[str] = set()
    for position, element in enumerate(card.elements):
        field = f"elements.{position}"
        if element.element_id in seen:
            yield Problem(code=Code.ELEMENT_TWICE, field=field, values={"element": element.element_id})
        seen.add(element.element_id)
        yield from _needs(office, element, field)
        yield from _arrows(card, element, field)
        yield from notices.choice(office, element.notice, f"{field}.notice")
    yield from _unreachable(card)
    yield from _cycles(card)


def _hours(card: ScenarioCard) -> Iterator[Problem]:
    """Each day of each range becomes nine intervals of the fact (E5), whose size has a limit."""
    count = sum(len(each.days) for element in card.elements for each in element.hours)
    if count > HOURS_DAYS_MAX:
        values = {"count": str(count), "limit": str(HOURS_DAYS_MAX)}
        yield Problem(code=Code.HOURS_MANY, field="elements", values=values)


def _needs(office: Office, element: Element, field: str) -> Iterator[Problem]:
    """The fields that an element's kind needs, and what they refer to."""
    match element.kind:
        case ElementKind.INTERNAL_SUBSCRIBER:
            yield from _subscriber(office, element, field)
        case ElementKind.DEPARTMENT:
            yield from _of_department(office, element, field)
        case ElementKind.VOICEMAIL if element.agent_id is not None:
            yield from _of_employee(office, element, field)
        case ElementKind.VOICEMAIL:
            yield from _of_department(office, element, field)
        case ElementKind.EXTERNAL_NUMBER:
            yield from _external(office, element, field)
        case ElementKind.HOURS:
            yield from employees.week(element.hours, f"{field}.hours")
        case _:
            return


def _lacks(element: Element, needs: str, field: str) -> Problem:
    values = {"element": element.element_id, "needs": needs}
    return Problem(code=Code.ELEMENT_INCOMPLETE, field=f"{field}.{needs}", values=values)


def _of_employee(office: Office, element: Element, field: str) -> Iterator[Problem]:
    if element.agent_id is None:
        yield _lacks(element, "agent_id", field)
    elif element.agent_id not in office.employees:
        yield employees.unknown(f"{field}.agent_id", element.agent_id, office.employees)


def _of_department(office: Office, element: Element, field: str) -> Iterator[Problem]:
    if element.department_id is None:
        yield _lacks(element, "department_id", field)
    elif element.department_id not in office.departments:
        yield employees.unknown(f"{field}.department_id", element.department_id, office.departments)


def _subscriber(office: Office, element: Element, field: str) -> Iterator[Problem]:
    yield from _of_employee(office, element, field)
    found = office.employees.get(element.agent_id or "")
    if found is not None and element.wait_ms is not None:
        yield from employees.mobile_time(found, element.wait_ms, f"{field}.wait_ms")


def _external(office: Office, element: Element, field: str) -> Iterator[Problem]:
    if element.number is None:
        yield _lacks(element, "number", field)
        return
    yield from employees.dialled(office, element.number, f"{field}.number")
    wait_ms = element.wait_ms
    values = {"agent": element.number, "seconds": f"{(wait_ms or 0) / 1000:g}"}
    if wait_ms is not None and dialling.is_satellite(element.number):
        if wait_ms < employees.SATELLITE_RING_MS_MIN:
            yield Problem(
                code=Code.SATELLITE_TIME_SHORT, field=f"{field}.wait_ms", values=values, is_warning=True
            )
    elif wait_ms is not None and wait_ms < employees.MOBILE_RING_MS_MIN:
        yield Problem(code=Code.MOBILE_TIME_SHORT, field=f"{field}.wait_ms", values=values, is_warning=True)


def wanted(element: Element) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The arrows that an element must have, and those that it may have."""
    match element.kind:
        case ElementKind.GREETING:
            return ("next",), ()
        case ElementKind.MENU:
            return ("no_choice",), DIGITS
        case ElementKind.HOURS:
            return ("open", "closed"), ()
        case ElementKind.INTERNAL_SUBSCRIBER:
            # S2: without a limit the route ends there, and no call would follow an arrow.
            return ((), ()) if element.wait_ms is None else (("no_answer",), ())
        case ElementKind.EXTERNAL_NUMBER:
            return (), ("no_answer",)
        case _:
            return (), ()


def _arrows(card: ScenarioCard, element: Element, field: str) -> Iterator[Problem]:
    known = {each.element_id for each in card.elements}
    needed, allowed = wanted(element)
    present: set[str] = set()
    for position, arrow in enumerate(element.arrows):
        here = f"{field}.arrows.{position}"
        values = {"element": element.element_id, "on": arrow.on, "to": arrow.to}
        if arrow.on in present or arrow.on not in (*needed, *allowed):
            yield Problem(code=Code.ARROW_SUPERFLUOUS, field=here, values=values)
        elif arrow.to not in known:
            near = meant(arrow.to, known) or ""
            yield Problem(code=Code.ARROW_TO_NOWHERE, field=here, values={**values, "meant": near})
        present.add(arrow.on)
    for on in needed:
        if on not in present:
            values = {"element": element.element_id, "on": on}
            yield Problem(code=Code.ARROW_MISSING, field=f"{field}.arrows", values=values)
    if element.kind is ElementKind.MENU and not present & set(DIGITS):
        values = {"element": element.element_id, "on": "0 – 9"}
        yield Problem(code=Code.ARROW_MISSING, field=f"{field}.arrows", values=values)


def _unreachable(card: ScenarioCard) -> Iterator[Problem]:
    targets = {each.element_id: [arrow.to for arrow in each.arrows] for each in card.elements}
    reached = [card.elements[0].element_id]
    for each in reached:
        reached += [to for to in targets.get(each, ()) if to not in reached]
    for position, element in enumerate(card.elements):
        if element.element_id not in reached:
            values = {"element": element.element_id}
            yield Problem(code=Code.ELEMENT_UNREACHABLE, field=f"elements.{position}", values=values)


def _cycles(card: ScenarioCard) -> Iterator[Problem]:
    """Circles without a caller's choice: those that remain without the menus' digits (S4)."""
    unchosen = {
        each.element_id: [arrow.to for arrow in each.arrows if arrow.on not in DIGITS]
        for each in card.elements
    }
    reported: set[frozenset[str]] = set()
    for position, element in enumerate(card.elements):
        path = _back_to(element.element_id, unchosen)
        if path is not None and frozenset(path) not in reported:
            reported.add(frozenset(path))
            values = {"element": element.element_id, "path": " → ".join((*path, path[0]))}
            yield Problem(code=Code.CYCLE_WITHOUT_CHOICE, field=f"elements.{position}", values=values)


def _back_to(start: str, arrows: dict[str, list[str]]) -> list[str] | None:
    """The shortest way from an element back to it, or None."""
    ways = [[start]]
    seen: set[str] = set()
    for way in ways:
        for to in arrows.get(way[-1], ()):
            if to == start:
                return way
            if to not in seen:
                seen.add(to)
                ways.append([*way, to])
    return None
