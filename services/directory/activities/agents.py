"""Agents at work: pauses and wrap-ups set from outside (Q8, Q13)."""

from msgspec import structs

from contracts.directory import AgentPauseSaved, AgentWrapUpSaved
from contracts.ids import AgentId, DepartmentId, Instant, OrganizationId
from contracts.rights import Subject
from services.directory.activities.authentication import Principal
from services.directory.activities.repository import Repository
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.cards import PauseCard, WrapUpCard
from services.directory.state.office import Kind


class Agents:
    """Changes what agents do; the caller has checked the rights."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def subject(self, organization_id: str, agent_id: str) -> Subject:
        """An agent as the table of rights sees one; an unknown agent belongs to no department."""
        async with self._repository.reading(organization_id) as unit:
            departments = unit.office.departments_of(agent_id)
        return Subject(
            organization_id=OrganizationId(organization_id),
            agents=frozenset({AgentId(agent_id)}),
            departments=frozenset(DepartmentId(id_) for id_ in departments),
        )

    async def pause(self, principal: Principal, agent_id: str, card: PauseCard) -> None:
        """Pause an agent or end the pause (Q8). Said each time: queue may have ended the pause meanwhile."""
        if not card.is_paused:
            card = structs.replace(card, reason=None)
        fact = AgentPauseSaved(
            agent_id=AgentId(agent_id), version=0, is_paused=card.is_paused, reason=card.reason
        )
        await self._save(principal, Kind.PAUSE, card, fact)

    async def wrap_up(self, principal: Principal, agent_id: str, card: WrapUpCard) -> None:
        """End or extend the time for notes after a call (Q13)."""
        until_at = None if card.until_at is None else Instant(card.until_at)
        fact = AgentWrapUpSaved(agent_id=AgentId(agent_id), version=0, until_at=until_at)
        await self._save(principal, Kind.WRAP_UP, card, fact)

    async def _save(
        self,
        principal: Principal,
        kind: Kind,
        card: PauseCard | WrapUpCard,
        fact: AgentPauseSaved | AgentWrapUpSaved,
    ) -> None:
        async with self._repository.change(principal) as unit:
            if unit.office.agent(fact.agent_id) is None:
                raise RequestRefused(Problem(code=Code.NOT_FOUND, values={"id": fact.agent_id}))
            await unit.fetch(kind, [fact.agent_id])
            unit.put(kind, fact.agent_id, card)
            await unit.say_single(fact, is_always=True)
