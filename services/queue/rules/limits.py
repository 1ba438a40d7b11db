"""How many phones a department rings at once (Q13), and which phones of an agent may be dialled."""

from collections.abc import Iterator

from contracts.directory import AgentSaved, Device
from contracts.ids import AgentId, DepartmentId
from services.queue.state import QueueState


def usable(state: QueueState, agent: AgentSaved) -> Iterator[tuple[int, Device]]:
    """An agent's phones that are reachable and may be dialled, each with its index on the card."""
    for (at, device), phone in zip(enumerate(agent.devices), state.phones_of(agent), strict=True):
        if not (phone is not None and phone.is_unreachable) and state.may_dial(device.address):
            yield at, device


def legs_max(state: QueueState, department_id: DepartmentId) -> int | None:
    """How many phones the department rings at once, at least one; None: no limit."""
    wanted = state.departments[department_id].saved.legs_max
    return None if wanted is None else max(1, wanted)


class PhoneAllowance:
    """How many more phones each department may ring in one decision.

    Once an agent is left out, the department offers nothing more: the phones are the earlier place's, and an
    agent with several phones gets a turn, too.
    """

    def __init__(self, state: QueueState) -> None:
        self._state = state
        self._reserved: dict[DepartmentId, int] = {}
        self._full: set[DepartmentId] = set()

    def is_full(self, department_id: DepartmentId) -> bool:
        """Whether no further phone of the department may ring now."""
        return department_id in self._full or self._left(department_id) == 0

    def _left(self, department_id: DepartmentId) -> int | None:
        limit = legs_max(self._state, department_id)
        if limit is None:
            return None
        rung = self._state.legs_rung.get(department_id, 0) + self._reserved.get(department_id, 0)
        return max(0, limit - rung)

    def reserve(self, department_id: DepartmentId, agents: tuple[AgentId, ...]) -> tuple[AgentId, ...]:
        """The first of these agents, as far as their phones fit the limit; their phones count from now on."""
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
            self._reserved[department_id] = self._reserved.get(department_id, 0) + needed
        return agents
