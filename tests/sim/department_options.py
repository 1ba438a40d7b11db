"""Rarely used options of departments, and requests through the API.

They are drawn from a separate random stream, so that a seed's calls stay the same.
"""

import random
from typing import Final

import msgspec

from contracts.directory import (
    AgentPauseSaved,
    CallbackAsked,
    CallbackCancelAsked,
    DepartmentSaved,
    StrategyKind,
)
from contracts.ids import AgentId, CallbackId
from contracts.message import Fact

ONE_AT_A_TIME: Final = (StrategyKind.LONGEST_IDLE, StrategyKind.LINEAR)
ZONES: Final = ("Europe/Moscow", "America/New_York")
"""In one it is day, in the other night: quiet hours hold back callbacks not ordered on the line."""


def department(chance: random.Random, usual: DepartmentSaved) -> DepartmentSaved:
    """Auto-pause, a limit of phones, recordings, callbacks after hanging up, another time zone."""
    found = usual
    if chance.random() < 0.3 and usual.strategy.kind in ONE_AT_A_TIME:
        found = msgspec.structs.replace(found, auto_pause_misses=chance.choice((1, 2)))
    if chance.random() < 0.2:
        found = msgspec.structs.replace(found, legs_max=chance.choice((1, 2, 3)))
    if chance.random() < 0.2:
        found = msgspec.structs.replace(found, records_calls=True)
    if chance.random() < 0.2:
        calling = msgspec.structs.replace(found.callback, from_abandoned=True)
        found = msgspec.structs.replace(found, callback=calling)
    if chance.random() < 0.5:
        found = msgspec.structs.replace(found, timezone=chance.choice(ZONES))
    return found


def changes(
    chance: random.Random, departments: list[DepartmentSaved], customers: list[str], agents: list[AgentId]
) -> list[tuple[float, Fact]]:
    """A customer orders on the web site and may cancel; or an agent cancels."""
    found: list[tuple[float, Fact]] = []
    for number in range(chance.choice((0, 0, 1, 2))):
        asked = CallbackAsked(
            callback_id=CallbackId(f"web{number}"),
            department_id=chance.choice(departments).department_id,
            number=chance.choice(customers),
        )
        at_s = chance.uniform(10, 160)
        found.append((at_s, asked))
        if chance.random() < 0.3:
            by = chance.choice((None, *agents))
            withdrawn = CallbackCancelAsked(callback_id=asked.callback_id, by=by)
            found.append((at_s + chance.uniform(0, 60), withdrawn))
    if chance.random() < 0.3:
        found.extend(_pauses(chance, chance.choice(agents)))
    return found


def _pauses(chance: random.Random, agent_id: AgentId) -> list[tuple[float, Fact]]:
    """An agent presses pause often, once or twice while the phone rings, and then answers."""
    found: list[tuple[float, Fact]] = []
    at_s = chance.uniform(5, 20)
    for version in range(10, 22, 2):  # newer than the one break that others have
        for number, is_paused in ((version, True), (version + 1, False)):
            found.append((at_s, AgentPauseSaved(agent_id=agent_id, version=number, is_paused=is_paused)))
            at_s += chance.uniform(4, 12)
    return found
