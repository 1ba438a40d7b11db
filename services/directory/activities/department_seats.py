"""Seats in a department: adding an agent, suspending one, taking one out (O3, O5)."""

from msgspec import structs

from services.directory.activities import card_saving
from services.directory.activities.authentication import Principal
from services.directory.activities.card_saving import SavedCard
from services.directory.activities.extension_checks import ExtensionChecks
from services.directory.activities.repository import Repository
from services.directory.activities.unit_of_work import UnitOfWork
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.cards import DepartmentCard, Seat
from services.directory.state.office import Kind


class Departments:
    """Changes the seats of departments; the caller has checked the rights."""

    def __init__(self, repository: Repository, extension_checks: ExtensionChecks) -> None:
        self._repository = repository
        self._extension_checks = extension_checks

    async def seat(self, principal: Principal, department_id: str, version: int, seat: Seat) -> SavedCard:
        """Add an agent; an office PBX is first asked whether it has the extension (O3)."""
        async with self._repository.reading(principal.organization_id) as unit:
            row = unit.current(Kind.DEPARTMENT, department_id)
            card_saving.require_version(row, version)
            phone = unit.office.extensions.get(seat.agent_id)
        if phone is not None:
            await self._extension_checks.require(principal, phone.pbx_id, phone.extension)
        async with self._repository.change(principal) as unit:
            card = _department(unit, department_id, version)
            changed = structs.replace(card, agents=(*card.agents, seat))
            return card_saving.replace(unit, Kind.DEPARTMENT, department_id, version, changed)

    async def suspend(self, principal: Principal, department_id: str, version: int, seat: Seat) -> SavedCard:
        """Suspend or resume an agent, who keeps the place in the list (O5)."""
        async with self._repository.change(principal) as unit:
            card = _department(unit, department_id, version)
            _require_seat(card, seat.agent_id)
            seats = tuple(seat if each.agent_id == seat.agent_id else each for each in card.agents)
            changed = structs.replace(card, agents=seats)
            return card_saving.replace(unit, Kind.DEPARTMENT, department_id, version, changed)

    async def unseat(
        self, principal: Principal, department_id: str, version: int, agent_id: str
    ) -> SavedCard:
        """Take an agent out of a department; a conversation that is on goes on (O5)."""
        async with self._repository.change(principal) as unit:
            card = _department(unit, department_id, version)
            _require_seat(card, agent_id)
            seats = tuple(each for each in card.agents if each.agent_id != agent_id)
            changed = structs.replace(card, agents=seats)
            return card_saving.replace(unit, Kind.DEPARTMENT, department_id, version, changed)


def _department(unit: UnitOfWork, id_: str, version: int) -> DepartmentCard:
    row = unit.current(Kind.DEPARTMENT, id_)
    card_saving.require_version(row, version)
    assert isinstance(row.card, DepartmentCard)
    return row.card


def _require_seat(card: DepartmentCard, agent_id: str) -> None:
    if all(seat.agent_id != agent_id for seat in card.agents):
        raise RequestRefused(Problem(code=Code.NOT_FOUND, values={"id": agent_id}))
