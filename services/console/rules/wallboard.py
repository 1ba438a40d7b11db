"""What the wallboard says of the present: departments, places in order, and why somebody still waits.

A deadline is *soon* when a quarter of the time for it is left, and *late* when a minute or less is left and
nobody is free, or when it has passed.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from services.console.rules.present import Present
from services.console.state.live import Agent, Callback, Department, Place

LATE_MS: Final = 60_000
STATES: Final = ("free", "ringing", "talking", "wrap_up", "paused", "away")
"""In the order in which a department's agents are counted."""
_NO_RANK: Final = (2**62, 0, "")


class Urgency(StrEnum):
    """How a deadline stands."""

    FINE = "fine"
    SOON = "soon"
    LATE = "late"


class Why(StrEnum):
    """Why a place has nobody yet."""

    RINGING = "ringing"
    ACCEPTED = "accepted"
    HELD = "held"
    NOBODY_FREE = "nobody_free"
    NEXT = "next"
    BEHIND = "behind"
    NO_ANSWER = "no_answer"
    FALLBACK = "fallback"
    EXPIRED = "expired"


class PlaceShown(Struct, frozen=True, kw_only=True):
    """A place: `position` counts from 1, `left` is the share of its time that is left, in percent.

    `declined`: the agents who did not take it, as the department shows them.
    """

    place: Place
    position: int | None
    callback: Callback | None
    urgency: Urgency
    left: int
    why: Why
    declined: tuple[str, ...]


class AgentShown(Struct, frozen=True, kw_only=True):
    """An agent as a department shows him."""

    label: str
    agent: Agent
    is_suspended: bool


class Segment(Struct, frozen=True, kw_only=True):
    """The agents of one state in a department's bar; where it begins and how wide it is, in percent."""

    state: str
    begins: float
    width: float


class DepartmentShown(Struct, frozen=True, kw_only=True):
    """A department's card, its places and its agents; `oldest` and `due` are None where nobody waits."""

    department: Department
    urgency: Urgency
    waiting: int
    oldest: Place | None
    callbacks: int
    due: PlaceShown | None
    """The callback whose deadline comes first."""
    tally: tuple[tuple[str, int], ...]
    places: tuple[PlaceShown, ...]
    agents: tuple[AgentShown, ...]

    def count(self, state: str) -> int:
        """How many of its agents do this."""
        return dict(self.tally)[state]

    @property
    def first_due(self) -> PlaceShown | None:
        """The place with a position whose deadline comes first."""
        ranked = [each for each in self.places if each.position is not None]
        return min(ranked, key=lambda each: each.place.deadline_at, default=None)

    @property
    def bar(self) -> tuple[Segment, ...]:
        """Its agents by what they do, side by side; empty: it has none."""
        whole, found, begins = sum(number for _, number in self.tally), list[Segment](), 0.0
        for state, number in self.tally:
            if number:
                width = 100 * number / whole
                found.append(Segment(state=state, begins=round(begins, 2), width=round(width, 2)))
                begins += width
        return tuple(found)


class Alert(Struct, frozen=True, kw_only=True):
    """The one thing that needs a person: a place whose deadline nobody will keep."""

    department: DepartmentShown
    place: PlaceShown
    paused_longest: AgentShown | None


class Board(Struct, frozen=True, kw_only=True):
    """The whole wallboard as of `at`."""

    at: int
    departments: tuple[DepartmentShown, ...]
    alert: Alert | None
    away: tuple[tuple[str, int], ...]
    """PBXs that can't be reached, and since when."""

    @property
    def places(self) -> int:
        """How many places are open."""
        return sum(len(each.places) for each in self.departments)

    @property
    def worst_first(self) -> tuple[DepartmentShown, ...]:
        """The departments, those that need a person before the others; else they keep their order."""
        order = [Urgency.LATE, Urgency.SOON, Urgency.FINE]
        return tuple(sorted(self.departments, key=lambda each: order.index(each.urgency)))

    @property
    def turns(self) -> tuple[tuple[str, Urgency, Why], ...]:
        """What time alone changes of it: how each deadline stands, and why its place waits."""
        return tuple(
            (each.place.place_id, each.urgency, each.why)
            for department in self.departments
            for each in department.places
        )


def urgency(place: Place, *, now: int, is_anybody_free: bool) -> Urgency:
    """How a place's deadline stands."""
    left = place.deadline_at - now
    if left <= 0 or (left <= LATE_MS and not is_anybody_free):
        return Urgency.LATE
    return Urgency.SOON if left * 4 <= place.deadline_at - place.joined_at else Urgency.FINE


def board(present: Present, now: int) -> Board:
    """The wallboard at an instant; departments by name, so that nothing moves by itself."""
    departments = tuple(
        _department(present, each, now)
        for each in sorted(present.departments.values(), key=lambda row: (row.name, row.department_id))
    )
    away = [(each.name, each.since_at) for each in present.pbxs.values() if each.is_away]
    return Board(at=now, departments=departments, alert=_alert(departments), away=tuple(sorted(away)))


def _department(present: Present, department: Department, now: int) -> DepartmentShown:
    here = department.department_id
    tally = tuple((state, department.agents.get(state, 0)) for state in STATES)
    is_anybody_free = dict(tally)["free"] > 0
    listed = sorted(
        (each for each in present.places.values() if each.department_id == here),
        key=lambda row: (row.rank or _NO_RANK, row.place_id),
    )
    places = []
    for index, place in enumerate(listed):
        position = None if place.rank is None else index + 1
        places.append(_place(present, place, position, now, is_anybody_free=is_anybody_free))
    waiting = [each.place for each in places if each.position is not None]
    promised = [each for each in places if each.callback is not None]
    agents = [
        AgentShown(label=seat.label, agent=agent, is_suspended=seat.is_suspended)
        for agent in present.agents.values()
        for seat in agent.seats
        if seat.department_id == here
    ]
    return DepartmentShown(
        department=department,
        urgency=_worst(places),
        waiting=len(waiting),
        oldest=min(waiting, key=lambda row: row.joined_at, default=None),
        callbacks=sum(each.department_id == here for each in present.callbacks.values()),
        due=min(promised, key=lambda each: each.place.deadline_at, default=None),
        tally=tally,
        places=tuple(places),
        agents=tuple(sorted(agents, key=lambda each: (each.label, each.agent.agent_id))),
    )


def _place(
    present: Present, place: Place, position: int | None, now: int, *, is_anybody_free: bool
) -> PlaceShown:
    whole = max(1, place.deadline_at - place.joined_at)
    labels = [_label(present, each.agent_id, place.department_id) for each in place.declined]
    left = max(0, min(100, 100 * (place.deadline_at - now) // whole))
    return PlaceShown(
        place=place,
        position=position,
        callback=None if place.callback_id is None else present.callbacks.get(place.callback_id),
        urgency=urgency(place, now=now, is_anybody_free=is_anybody_free),
        left=left,
        why=_why(place, position, now, is_anybody_free=is_anybody_free),
        declined=tuple(dict.fromkeys(each for each in labels if each)),
    )


def _label(present: Present, agent_id: str, department_id: str) -> str:
    """An agent as a department shows him; empty: he has no seat there any more."""
    agent = present.agents.get(agent_id)
    seats = () if agent is None else agent.seats
    return next((each.label for each in seats if each.department_id == department_id), "")


def _why(place: Place, position: int | None, now: int, *, is_anybody_free: bool) -> Why:
    if place.ringing:
        return Why.RINGING
    if place.phase in set(Why):
        return Why(place.phase)
    if place.held_until_at is not None and place.held_until_at > now:
        return Why.HELD
    if position is not None and position > 1:
        return Why.BEHIND
    return Why.NEXT if is_anybody_free else Why.NOBODY_FREE


def _worst(places: list[PlaceShown]) -> Urgency:
    found = {each.urgency for each in places}
    return next((each for each in (Urgency.LATE, Urgency.SOON) if each in found), Urgency.FINE)


def _alert(departments: tuple[DepartmentShown, ...]) -> Alert | None:
    """The place that is latest of those with a position, and who has paused longest there."""
    late = [
        (place.place.deadline_at, index, place)
        for index, each in enumerate(departments)
        for place in each.places
        if place.urgency is Urgency.LATE and place.position is not None and place.why is not Why.RINGING
    ]
    if not late:
        return None
    _, index, place = min(late, key=lambda each: each[:2])
    department = departments[index]
    paused = [each for each in department.agents if each.agent.state == "paused"]
    longest = min(paused, key=lambda each: each.agent.since_at, default=None)
    return Alert(department=department, place=place, paused_longest=longest)
