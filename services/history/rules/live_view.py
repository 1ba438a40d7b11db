"""The present as somebody sees it, kept from one moment to the next: only what has changed is made anew."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

from msgspec import structs

from contracts.directory import DepartmentSaved
from contracts.ids import AgentId, Instant
from services.history.rules import live_shown
from services.history.rules.live_contacts import LiveCallback, LivePlace
from services.history.rules.live_reach import LiveReach
from services.history.rules.live_shown import (
    Agent,
    Callback,
    Changes,
    Department,
    Live,
    Pbx,
    Place,
    Removed,
    Seat,
)
from services.history.rules.live_state import LiveState

_LAST: Final = (2, 0, "")
"""Places without a position stand behind all others."""
Row = TypeVar("Row")
OfDepartment = TypeVar("OfDepartment", Place, Callback)


class View:
    """What one reach shows."""

    def __init__(self, reach: LiveReach) -> None:
        self.reach = reach
        self._departments: dict[str, Department] = {}
        self._places: dict[str, Place] = {}
        self._callbacks: dict[str, Callback] = {}
        self._agents: dict[str, Agent] = {}
        self._pbxs: dict[str, Pbx] = {}
        self._of_places: dict[str, LivePlace] = {}
        self._of_callbacks: dict[str, LiveCallback] = {}
        self._facts_offset: int | None = None
        self._turn_at: Instant | None = None
        """When the clock changes what an agent does, if no fact does."""

    def whole(self, version: int, at: Instant) -> Live:
        """All of it: departments by name, places in order, callbacks by deadline, agents and PBXs by name."""
        return Live(version=version, at=at, **self._lists())

    def _lists(self) -> dict[str, Any]:
        return {
            "departments": _sorted(self._departments, lambda row: (row.name, row.department_id)),
            "places": tuple(self._in_order()),
            "callbacks": _sorted(self._callbacks, lambda row: (row.deadline_at or 0, row.callback_id)),
            "agents": _sorted(self._agents, lambda row: (row.name, row.agent_id)),
            "pbxs": _sorted(self._pbxs, lambda row: (row.name, row.pbx_id)),
        }

    def since(self, version: int, at: Instant, *, changed: frozenset[str], removed: Removed) -> Changes:
        """For somebody who comes back: of places and callbacks those that changed, all of the few rest."""
        lists = self._lists()
        lists["places"] = tuple(row for row in lists["places"] if row.place_id in changed)
        lists["callbacks"] = tuple(row for row in lists["callbacks"] if row.callback_id in changed)
        return Changes(version=version, at=at, removed=removed, **lists)

    def refresh(self, state: LiveState, version: int, at: Instant) -> Changes | None:
        """Bring it up to the state at an instant; what has changed by that, or None."""
        places, places_gone = self._refresh_places(state)
        callbacks, callbacks_gone = self._refresh_callbacks(state)
        cards = [each for each in state.agents.departments() if self._shows(each)]
        agents = self._refresh_agents(state, cards, at)
        departments = {str(each.department_id): each for each in self._made_departments(state, cards, agents)}
        pbxs = {str(each.pbx_id): each for each in _made_pbxs(state, departments, agents)}
        changes = Changes(
            version=version,
            at=at,
            departments=_different(self._departments, departments),
            places=places,
            callbacks=callbacks,
            agents=_different(self._agents, agents),
            pbxs=_different(self._pbxs, pbxs),
            removed=Removed(
                departments=_gone(self._departments, departments),
                places=places_gone,
                callbacks=callbacks_gone,
                agents=_gone(self._agents, agents),
                pbxs=_gone(self._pbxs, pbxs),
            ),
        )
        self._departments, self._agents, self._pbxs = departments, agents, pbxs
        lists = (changes.departments, places, callbacks, changes.agents, changes.pbxs)
        return changes if any(lists) or changes.removed != Removed() else None

    def _shows(self, card: DepartmentSaved) -> bool:
        return not card.is_removed and self.reach.has(card.department_id)

    def _refresh_places(self, state: LiveState) -> tuple[tuple[Place, ...], tuple[str, ...]]:
        now = {str(id_): each for id_, each in state.places.items() if self.reach.has(each.department_id)}
        changed = [id_ for id_, each in now.items() if self._of_places.get(id_) is not each]
        gone = _gone(self._of_places, now)
        for id_ in gone:
            del self._places[id_]
        for id_ in changed:
            self._places[id_] = live_shown.place(now[id_], sees_numbers=self.reach.sees_numbers)
        self._of_places = now
        if changed or gone:
            self._count_positions()
        return tuple(self._places[id_] for id_ in changed), gone

    def _count_positions(self) -> None:
        """A place's position changes with those before it, which is no change of its row."""
        counted: Counter[str] = Counter()
        for each in self._in_order():
            position = None
            if each.rank is not None:
                counted[each.department_id] += 1
                position = counted[each.department_id]
            if each.position != position:
                self._places[each.place_id] = structs.replace(each, position=position)

    def _in_order(self) -> list[Place]:
        """By department, then by rank."""
        return sorted(
            self._places.values(), key=lambda row: (row.department_id, row.rank or _LAST, row.place_id)
        )

    def _refresh_callbacks(self, state: LiveState) -> tuple[tuple[Callback, ...], tuple[str, ...]]:
        now = {str(id_): each for id_, each in state.callbacks.items() if self.reach.has(each.department_id)}
        changed = [id_ for id_, each in now.items() if self._of_callbacks.get(id_) is not each]
        gone = _gone(self._of_callbacks, now)
        for id_ in gone:
            del self._callbacks[id_]
        for id_ in changed:
            self._callbacks[id_] = live_shown.callback(now[id_], sees_numbers=self.reach.sees_numbers)
        self._of_callbacks = now
        return tuple(self._callbacks[id_] for id_ in changed), gone

    def _refresh_agents(
        self, state: LiveState, cards: list[DepartmentSaved], at: Instant
    ) -> dict[str, Agent]:
        """Whoever has a seat in a department that is shown, and the own agent of the reach."""
        if state.facts_offset == self._facts_offset and (self._turn_at is None or at < self._turn_at):
            return self._agents
        self._facts_offset, self._turn_at = state.facts_offset, state.next_turn(at)
        seats: dict[AgentId, list[Seat]] = {} if self.reach.own is None else {self.reach.own: []}
        for card in cards:
            for each in card.agents:
                seats.setdefault(each.agent_id, []).append(live_shown.seat(state, card, each))
        made = (live_shown.agent(state, each, tuple(seats[each]), at) for each in sorted(seats))
        return {str(each.agent_id): each for each in made if each is not None}

    def _made_departments(
        self, state: LiveState, cards: list[DepartmentSaved], agents: Mapping[str, Agent]
    ) -> Iterator[Department]:
        places = _by_department(self._places.values())
        callbacks = _by_department(self._callbacks.values())
        doing: Counter[tuple[str, str]] = Counter()
        for agent in agents.values():
            doing.update((seat.department_id, agent.state) for seat in agent.seats if not seat.is_suspended)
        for card in cards:
            yield live_shown.department(
                state,
                card,
                places.get(card.department_id, []),
                callbacks.get(card.department_id, []),
                {each: doing[card.department_id, each] for each in live_shown.STATES},
            )


def _made_pbxs(
    state: LiveState, departments: Mapping[str, Department], agents: Mapping[str, Agent]
) -> Iterator[Pbx]:
    """The PBXs of the departments and agents that are shown."""
    found = {each.pbx_id for each in departments.values()} | {each.pbx_id for each in agents.values()}
    for pbx_id in sorted(found):
        made = live_shown.pbx(state, pbx_id)
        if made is not None:
            yield made


def _by_department(rows: Iterable[OfDepartment]) -> dict[str, list[OfDepartment]]:
    found: dict[str, list[OfDepartment]] = {}
    for row in rows:
        found.setdefault(row.department_id, []).append(row)
    return found


def _different(before: Mapping[str, Row], now: Mapping[Any, Row]) -> tuple[Row, ...]:
    return tuple(row for id_, row in now.items() if before.get(id_) != row)


def _gone(before: Mapping[str, object], now: Mapping[Any, object]) -> tuple[str, ...]:
    return tuple(id_ for id_ in before if id_ not in now)


def _sorted(rows: Mapping[str, Row], key: Callable[[Row], Any]) -> tuple[Row, ...]:
    return tuple(sorted(rows.values(), key=key))
