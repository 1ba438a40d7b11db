"""The derived indexes: which records they hold, and how their sets change."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from sortedcontainers import SortedList

from contracts.ids import AgentId, DepartmentId, LegId
from services.queue.state.records import AgentActivity, Phase, Place, Rank

FreeKey = tuple[int, int, AgentId]
"""How free agents are ordered: the longest idle first, then by seat."""
K = TypeVar("K", Rank, FreeKey)
Owner = TypeVar("Owner", bound=str)
Owned = TypeVar("Owned", bound=str)


def set_key(
    sets: "dict[DepartmentId, SortedList[K]]", department_id: DepartmentId, key: K, *, is_member: bool
) -> None:
    """Add or remove a key; make a department's set when it is first needed."""
    ranked = sets.get(department_id)
    if not is_member:
        if ranked is not None:
            ranked.discard(key)
        return
    if ranked is None:
        ranked = sets[department_id] = SortedList()
    if key not in ranked:
        ranked.add(key)


def link(sets: "dict[Owner, set[Owned]]", owner: Owner, owned: Owned, *, is_member: bool) -> None:
    """Add or remove a member; drop the set when it becomes empty."""
    if is_member:
        sets.setdefault(owner, set()).add(owned)
        return
    names = sets.get(owner, set())
    names.discard(owned)
    if not names:
        sets.pop(owner, None)


def index_key(place: Place) -> tuple[object, ...]:
    """What decides where the indexes keep a place; most changes of a place do not touch it."""
    return (
        place.department_id,
        place.pbx_id,
        place.is_first,
        place.joined_at,
    )


def is_ranked(place: Place) -> bool:
    """Whether a place has a position in its department's order."""
    return place.phase in (Phase.WAITING, Phase.ACCEPTED, Phase.WITH_CALLBACK) and not place.is_beyond_limit


def is_live(place: Place) -> bool:
    """Whether the place's caller waits on the line."""
    return (
        place.phase is Phase.WAITING
        and place.callback_id is None
        and place.leg_id is not None
        and not place.is_beyond_limit
    )


Ranks = dict[DepartmentId, list[Rank]]


def ranked(places: Iterable[Place], is_open: Callable[[Place], bool]) -> tuple[Ranks, Ranks, Ranks]:
    """The ranks of places by department: of those in the order, on the line, and open."""
    order: Ranks = {}
    live: Ranks = {}
    opened: Ranks = {}
    for place in places:
        department_id, rank = place.department_id, place.rank
        if is_ranked(place):
            order.setdefault(department_id, []).append(rank)
        if is_live(place):
            live.setdefault(department_id, []).append(rank)
        if is_open(place):
            opened.setdefault(department_id, []).append(rank)
    return order, live, opened


def direct_legs(activity: AgentActivity | None) -> tuple[LegId, ...]:
    """The legs of an agent's direct call, the agent's own first."""
    if activity is None or activity.direct_leg_id is None:
        return ()
    caller = () if activity.direct_caller_leg_id is None else (activity.direct_caller_leg_id,)
    return (activity.direct_leg_id, *caller)
