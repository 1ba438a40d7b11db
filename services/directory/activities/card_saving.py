"""Creating, replacing and removing cards in a unit of work, each change checked against the whole office."""

from msgspec import Struct

from services.directory.activities.stored_cards import StoredCard
from services.directory.activities.unit_of_work import UnitOfWork
from services.directory.rules import card_checks, employees, naming
from services.directory.rules.errors import Code, Problem, RequestRefused, shown
from services.directory.state.cards import Card
from services.directory.state.office import Kind
from services.directory.state.responses import ErrorShown


class SavedCard(Struct, frozen=True, kw_only=True):
    """A saved card with its warnings."""

    row: StoredCard
    warnings: tuple[ErrorShown, ...] = ()


def create(unit: UnitOfWork, kind: Kind, id_: str | None, name: str, card: Card) -> SavedCard:
    """Create a card under the given id, or one made from its name. Raises RequestRefused."""
    wanted = id_ or naming.unique(naming.latin(name), lambda each: _is_taken(unit, kind, each))
    if _is_taken(unit, kind, wanted):
        raise RequestRefused(Problem(code=Code.ID_TAKEN, field="id", values={"id": wanted}))
    unit.put(kind, wanted, card)
    return checked(unit, kind, wanted)


def _is_taken(unit: UnitOfWork, kind: Kind, id_: str) -> bool:
    return any(unit.is_taken(each, id_) for each in kinds_with_ids_of(kind))


def kinds_with_ids_of(kind: Kind) -> tuple[Kind, ...]:
    """The kinds that share ids: employees and office PBXs' extensions are both agents."""
    agents = (Kind.EMPLOYEE, Kind.EXTENSION)
    return agents if kind in agents else (kind,)


def replace(unit: UnitOfWork, kind: Kind, id_: str, version: int, card: Card) -> SavedCard:
    """Save a card's next version, if `version` is still the newest. Raises RequestRefused."""
    row = unit.current(kind, id_)
    require_version(row, version)
    unit.put(kind, id_, card)
    return checked(unit, kind, id_)


def require_version(row: StoredCard, version: int) -> None:
    """Raises RequestRefused when the card has changed since it was read."""
    if row.version != version:
        raise RequestRefused(
            Problem(code=Code.IF_MATCH_STALE, field="If-Match", values={"version": str(row.version)})
        )


def checked(unit: UnitOfWork, kind: Kind, id_: str) -> SavedCard:
    """Check a card against the whole office. Raises RequestRefused with every error."""
    unit.require_readable()
    found = card_checks.problems_alone(unit.office, kind, id_)
    errors = [each for each in found if not each.is_warning]
    if kind is Kind.EMPLOYEE and not employees.administrators(unit.office):
        errors.append(Problem(code=Code.LAST_ADMINISTRATOR, field="role"))
    if errors:
        raise RequestRefused(*errors)
    warnings = tuple(shown(each) for each in found if each.is_warning)
    return SavedCard(row=unit.rows[kind, id_], warnings=warnings)


def remove(unit: UnitOfWork, kind: Kind, id_: str, version: int) -> None:
    """Remove a card, and an agent from departments; refused while calls are routed to it."""
    require_version(unit.current(kind, id_), version)
    unit.require_readable()
    users = card_checks.users(unit.office, kind, id_)
    if users:
        raise RequestRefused(Problem(code=Code.IN_USE, values={"where": ", ".join(users)}))
    unit.remove(kind, id_)
    if kind in (Kind.EMPLOYEE, Kind.EXTENSION):
        for department_id, department in list(unit.office.departments.items()):
            unit.put(Kind.DEPARTMENT, department_id, card_checks.without_agent(department, id_))
    if kind is Kind.EMPLOYEE:
        if id_ == unit.office.grants.break_glass_agent_id:
            raise RequestRefused(Problem(code=Code.BREAK_GLASS_STAYS))
        if not employees.administrators(unit.office):
            raise RequestRefused(Problem(code=Code.LAST_ADMINISTRATOR))
        if id_ in unit.office.rules:
            unit.remove(Kind.RULES, id_)
