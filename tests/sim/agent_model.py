"""Which agents are free, from the log alone: what blocks each agent, or since when nothing does."""

from typing import Any, Final

from contracts import gateway, queue
from contracts.directory import (
    AgentAvailabilitySaved,
    AgentPauseSaved,
    AgentSaved,
    DepartmentSaved,
)
from contracts.gateway import DeviceState
from devtools.invariants import OFFER_ENDS

PROBED_MS: Final = 60_000
"""O9: how long after an outage agents of that PBX are tried again."""


class Seats:
    """All agents, from one fact to the next."""

    def __init__(self) -> None:
        self._against: dict[str, set[str]] = {}
        self._since: dict[str, int] = {}
        self._until: dict[str, int] = {}
        self._devices: dict[tuple[str, str], str] = {}
        self._addresses: dict[str, str] = {}
        self._legs: dict[str, str] = {}
        self._pbx_of: dict[str, str] = {}
        self._versions: dict[tuple[str, str], int] = {}

    def free_since(self, agent_id: str, at: int) -> int | None:
        """Since when nothing has blocked this agent; None: something does, or the working day has ended."""
        if agent_id not in self._since or self._against[agent_id] or at >= self._until.get(agent_id, at + 1):
            return None
        return self._since[agent_id]

    def _set(self, at: int, agent_id: str | None, what: str, *, stands: bool) -> None:
        if agent_id is None or agent_id not in self._against:
            return
        if stands:
            self._against[agent_id].add(what)
        else:
            self._against[agent_id].discard(what)
        self._since[agent_id] = at

    def hear(self, at: int, fact: Any) -> None:
        """Hear one fact."""
        match fact:
            case AgentSaved() | AgentPauseSaved() | AgentAvailabilitySaved() | DepartmentSaved():
                self._hear_directory(at, fact)
            case queue.OfferMade(agent_id=agent_id) | queue.FallbackRung(agent_id=agent_id):
                self._set(at, agent_id, "offer", stands=True)
                if isinstance(fact, queue.OfferMade):  # a fallback employee may be rung while resting
                    self._set(at, agent_id, "rest", stands=False)
            case queue.AgentBusy(agent_id=agent_id):
                self._set(at, agent_id, "call", stands=True)
            case queue.AgentFreed(agent_id=agent_id):
                self._set(at, agent_id, "call", stands=False)
            case queue.AgentPaused(agent_id=agent_id):
                self._set(at, agent_id, "pause", stands=True)
            case queue.AgentResumed(agent_id=agent_id):
                self._set(at, agent_id, "pause", stands=False)
            case _ if isinstance(fact, OFFER_ENDS):
                self._set(at, fact.agent_id, "offer", stands=False)
                # An agent whose phones could not be reached rests until rung again, even if the offer is
                # withdrawn.
                if not isinstance(fact, queue.OfferWithdrawn):
                    self._set(at, fact.agent_id, "rest", stands=isinstance(fact, queue.OfferUnreachable))
            case _:
                self._hear_phones(at, fact)

    def _hear_directory(self, at: int, fact: Any) -> None:
        key = (type(fact).__name__, getattr(fact, "agent_id", None) or fact.department_id)
        if self._versions.get(key, 0) >= fact.version:
            return
        self._versions[key] = fact.version
        match fact:
            case AgentSaved(agent_id=agent_id):
                self._against.setdefault(agent_id, set())
                self._set(at, agent_id, "removed", stands=fact.is_removed)
                self._pbx_of[agent_id] = fact.pbx_id
                for device in fact.devices:
                    scheme, _, number = device.address.partition(":")
                    self._devices[(fact.pbx_id, device.address)] = agent_id
                    self._addresses[device.address] = agent_id
                    if scheme == "sip":
                        self._addresses[f"pbx:{fact.pbx_id}/{number}"] = agent_id
            case AgentPauseSaved(agent_id=agent_id, is_paused=is_paused):
                self._set(at, agent_id, "pause", stands=is_paused)
            case AgentAvailabilitySaved(agent_id=agent_id, hours=hours) if hours is not None:
                self._until[agent_id] = min((each.until_at or at for each in hours), default=at)
            case DepartmentSaved():
                # Seats and suspensions may have changed.
                for seat in fact.agents:
                    self._set(at, seat.agent_id, "", stands=False)
            case _:
                pass

    def _hear_phones(self, at: int, fact: Any) -> None:
        match fact:
            case gateway.LegRequested(leg_id=leg_id, address=address) if address in self._addresses:
                self._legs[leg_id] = self._addresses[address]
                self._set(at, self._legs[leg_id], f"leg {leg_id}", stands=True)
            case gateway.LegEnded(leg_id=leg_id) if leg_id in self._legs:
                self._set(at, self._legs[leg_id], f"leg {leg_id}", stands=False)
            case gateway.DeviceChanged(pbx_id=pbx_id, address=address, state=state):
                agent_id = self._devices.get((pbx_id, address))
                is_in_use = state in (DeviceState.IN_USE, DeviceState.UNREACHABLE)
                self._set(at, agent_id, f"device {address}", stands=is_in_use)
            case queue.PbxAway(pbx_id=pbx_id) | gateway.PbxLost(pbx_id=pbx_id):
                self._set_pbx(at, pbx_id, type(fact).__name__, stands=True)
            case queue.PbxBack(pbx_id=pbx_id):
                self._set_pbx(at, pbx_id, "PbxAway", stands=False)
            case gateway.PbxReturned(pbx_id=pbx_id):
                self._set_pbx(at + PROBED_MS, pbx_id, "PbxLost", stands=False)
            case _:
                pass

    def _set_pbx(self, at: int, pbx_id: str, what: str, *, stands: bool) -> None:
        for agent_id, own in self._pbx_of.items():
            if own == pbx_id:
                self._set(at, agent_id, what, stands=stands)
