"""«Why did I wait?»: what kept every agent from one place, second by second (H7)."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from contracts.ids import AgentId, Instant
from contracts.message import Fact
from contracts.queue import SkipReason
from services.history.rules.agent_states import FREE, RINGS, AgentStates
from services.history.state import Contact, Place, TryEnd

DECLINE_MS: Final = 10_000
"""Q8: an agent who declined a place is not offered it again for ten seconds."""


class Spell(Struct, frozen=True, kw_only=True):
    """A time in which one standing held for an agent; `free`: nothing kept the agent from the place."""

    from_at: Instant
    until_at: Instant
    standing: str


class AgentSpells(Struct, frozen=True, kw_only=True):
    """One agent's spells over the whole wait, without a gap."""

    agent_id: AgentId
    name: str
    spells: tuple[Spell, ...]


class PlaceWhy(Struct, frozen=True, kw_only=True):
    """One place's wait."""

    place_id: str
    department_id: str
    department: str
    from_at: Instant
    until_at: Instant
    agents: tuple[AgentSpells, ...]


def explain_wait(
    contact: Contact,
    place: Place,
    before: Sequence[Fact],
    during: Sequence[tuple[Instant, Fact]],
    *,
    until_at: Instant,
) -> PlaceWhy:
    """A place's wait, from the facts about agents `before` and `during` it, in the log's order."""
    states = AgentStates()
    for fact in before:
        states.put(fact)
    department_id = place.department.department_id
    spells: dict[AgentId, list[Spell]] = {}
    names: dict[AgentId, str] = {}
    at = place.joined_at
    for changed_at, fact in during:
        end = Instant(max(at, min(changed_at, until_at)))
        _look(states, contact, place, at, end, spells)
        names |= {each: states.name(each) for each in states.seats(department_id)}
        states.put(fact)
        at = end
    _look(states, contact, place, at, until_at, spells)
    names |= {each: states.name(each) for each in states.seats(department_id)}
    return PlaceWhy(
        place_id=place.place_id,
        department_id=department_id,
        department=place.department.label,
        from_at=place.joined_at,
        until_at=until_at,
        agents=tuple(
            AgentSpells(agent_id=agent_id, name=names.get(agent_id, str(agent_id)), spells=tuple(found))
            for agent_id, found in sorted(spells.items())
        ),
    )


def _look(
    states: AgentStates,
    contact: Contact,
    place: Place,
    from_at: Instant,
    until_at: Instant,
    spells: dict[AgentId, list[Spell]],
) -> None:
    """Add how each agent of the department stood between two changes, split where the clock changes it."""
    department_id, place_id = place.department.department_id, place.place_id
    agents = states.seats(department_id)
    declines = _declines(contact, place)
    turns = {each for agent_id in agents for each in states.turns(agent_id)}
    turns |= {Instant(at + DECLINE_MS) for listed in declines.values() for at in listed}
    ends = [*sorted(each for each in turns if from_at < each < until_at), until_at]
    for end in ends:
        if end <= from_at:
            continue
        standings = {
            agent_id: states.standing(agent_id, department_id, place_id, from_at) for agent_id in agents
        }
        is_ringing = RINGS in standings.values()
        for agent_id, standing in standings.items():
            if standing == FREE and any(at <= from_at < at + DECLINE_MS for at in declines.get(agent_id, ())):
                standing = SkipReason.DECLINED_THIS_PLACE
            elif standing == FREE and is_ringing:
                standing = SkipReason.NOT_THEIR_TURN
            _add(spells.setdefault(agent_id, []), from_at, end, str(standing))
        from_at = end


def _add(spells: list[Spell], from_at: Instant, until_at: Instant, standing: str) -> None:
    """Add a spell, or extend the last one where nothing changed."""
    if spells and spells[-1].standing == standing and spells[-1].until_at == from_at:
        from_at = spells.pop().from_at
    spells.append(Spell(from_at=from_at, until_at=until_at, standing=standing))


def _declines(contact: Contact, place: Place) -> dict[AgentId, list[Instant]]:
    """The instants at which each agent declined this place."""
    found: dict[AgentId, list[Instant]] = {}
    for each in contact.tries:
        is_decline = each.place_id == place.place_id and each.end is TryEnd.DECLINED
        if is_decline and each.agent is not None and each.ended_at is not None:
            found.setdefault(each.agent.agent_id, []).append(each.ended_at)
    return found
