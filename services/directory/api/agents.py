"""Routes of agents at work."""

from litestar import Controller
from litestar.params import JSONBody

from contracts.rights import Action
from services.directory.api.methods import put
from services.directory.api.shared import CurrentPrincipal, GivenOperations, PathId, require
from services.directory.state.cards import PauseCard, WrapUpCard


class AgentRoutes(Controller):
    """Agents at work."""

    path = "/agents"
    tags = ("agents",)

    @put("/{agent_id:str}/pause", status_code=204)
    async def pause(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        agent_id: PathId,
        data: JSONBody[PauseCard],
    ) -> None:
        """Pause an agent or end the pause: oneself, or as a head the department's agents (Q8)."""
        subject = await operations.agents.subject(principal.organization_id, agent_id)
        await require(operations, principal, Action.PAUSE_WRITE, f"pause/{agent_id}", subject)
        await operations.agents.pause(principal, agent_id, data)

    @put("/{agent_id:str}/wrap-up", status_code=204)
    async def wrap_up(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        agent_id: PathId,
        data: JSONBody[WrapUpCard],
    ) -> None:
        """End or extend the time for notes after a call (Q13)."""
        subject = await operations.agents.subject(principal.organization_id, agent_id)
        await require(operations, principal, Action.PAUSE_WRITE, f"wrap-up/{agent_id}", subject)
        await operations.agents.wrap_up(principal, agent_id, data)
