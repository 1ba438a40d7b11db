"""The CRM's table of responsible managers (D5)."""

from sqlalchemy import select

from contracts.directory import ResponsibleSaved
from contracts.ids import AgentId
from services.directory.activities.authentication import Principal
from services.directory.activities.repository import Repository
from services.directory.activities.stored_cards import StoredCard, in_force, readable
from services.directory.activities.tables import CARDS
from services.directory.activities.unit_of_work import UnitOfWork
from services.directory.rules import card_checks
from services.directory.rules.errors import RequestRefused
from services.directory.state.cards import ResponsibleCard
from services.directory.state.office import Kind


class Responsibles:
    """Saves lines of the table; the caller has checked the rights."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def save(self, principal: Principal, cards: tuple[ResponsibleCard, ...]) -> int:
        """Save all of these lines or none, each whole; return how many now differ from before."""
        async with self._repository.change(principal) as unit:
            await unit.fetch(Kind.RESPONSIBLE, [card.number for card in cards])
            problems = [
                problem
                for position, card in enumerate(cards)
                for problem in card_checks.responsible(unit.office, card, f"lines.{position}")
            ]
            if problems:
                raise RequestRefused(*problems)
            return sum([await _save(unit, card) for card in cards])


async def _save(unit: UnitOfWork, card: ResponsibleCard) -> bool:
    row = unit.rows.get((Kind.RESPONSIBLE, card.number))
    is_there = row is not None and not row.is_removed
    if row is not None and is_there and row.card == card:
        return False
    if card.agent_id is not None:
        unit.put(Kind.RESPONSIBLE, card.number, card)
    elif is_there:
        unit.remove(Kind.RESPONSIBLE, card.number)
    else:
        return False
    second = card.second_agent_id if card.agent_id is not None else None
    fact = ResponsibleSaved(
        number=card.number,
        version=0,
        agent_id=None if card.agent_id is None else AgentId(card.agent_id),
        second_agent_id=None if second is None else AgentId(second),
    )
    await unit.say_single(fact)
    return True


async def naming(unit: UnitOfWork, agent_id: str) -> list[StoredCard]:
    """The lines that name an employee."""
    query = select(CARDS).where(
        in_force(unit.organization_id, Kind.RESPONSIBLE),
        CARDS.c.document.contains(f'"{agent_id}"', autoescape=True),
    )
    return readable((await unit.connection.execute(query)).all())


async def drop_agent(unit: UnitOfWork, agent_id: str) -> None:
    """Take a removed employee out of the table: the second manager moves up, or the line ends."""
    for row in await naming(unit, agent_id):
        card = row.card
        assert isinstance(card, ResponsibleCard)
        left = [each for each in (card.agent_id, card.second_agent_id) if each not in (None, agent_id)]
        unit.rows[row.kind, row.id] = row
        if left:
            unit.put(row.kind, row.id, ResponsibleCard(number=card.number, agent_id=left[0]))
        else:
            unit.remove(row.kind, row.id)
        fact = ResponsibleSaved(number=card.number, version=0, agent_id=AgentId(left[0]) if left else None)
        await unit.say_single(fact)
