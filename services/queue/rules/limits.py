"""How many phones a department rings at once (Q13), and which phones of an agent could ring at all."""

from collections.abc import Iterator

from contracts.directory import AgentSaved, Device
from contracts.ids import AgentId, DepartmentId
from services.queue.state import QueueState


def usable(state: QueueState, agent: AgentSaved) -> Iterator[tuple[int, Device]]:
    """An agent's phones that are reachable and allowed to be dialled, with their numbers on the card."""
    for (at, device), phone in zip(enumerate(agent.devices), state.phones_of(agent), strict=True):
        if not (phone is not None and phone.is_unreachable) and state.may_dial(device.address):
            yield at, device


def legs_max(state: QueueState, department_id: DepartmentId) -> int | None:
    """The department's limit, or None; one phone is always allowed."""
    wanted = state.departments[department_id].saved.legs_max
    return None if wanted is None else max(1, wanted)


class Room:
    """How many more phones each department may ring, in the decision at hand.

    Once somebody is left out, nothing more is offered in that department: the room is the earlier place's,
    and whoever has several phones gets his turn, too.
    """

    def __init__(self, state: QueueState) -> None:
        self._state = state
        self._said: dict[DepartmentId, int] = {}
        self._full: set[DepartmentId] = set()

    def is_full(self, department_id: DepartmentId) -> bool:
        """Whether nothing more may ring there now."""
        return department_id in self._full or self._left(department_id) == 0

    def _left(self, department_id: DepartmentId) -> int | None:
        limit = legs_max(self._state, department_id)
        if limit is None:
            return None
        rung = self._state.legs_rung.get(department_id, 0) + self._said.get(department_id, 0)
        return max(0, limit - rung)

    def fitting(self, department_id: DepartmentId, agents: tuple[AgentId, ...]) -> tuple[AgentId, ...]:
        """The first of these agents whose phones may ring; with them their phones are taken."""
        limit = legs_max(self._state, department_id)
        if limit is None:
            return agents
        for number, agent_id in enumerate(agents):
            agent = self._state.agents[agent_id].saved
            assert agent is not None
            needed = min(limit, sum(1 for _ in usable(self._state, agent)))
            if needed > (self._left(department_id) or 0):
                self._full.add(department_id)
                return agents[:number]
            self._said[department_id] = self._said.get(department_id, 0) + needed
        return agents
