"""Why a customer waited, as a picture and as a table: who did what meanwhile, second by second (H7)."""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from services.console.rules import story_words
from services.console.rules.contact_words import Mark
from services.console.rules.navigation import marked
from services.console.state.contact import AgentSpells, Attempt, Callback, Contact, Place, PlaceWhy

TICKS_MAX: Final = 5
STEPS_S: Final = (5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400)
NARROWEST: Final = 0.2
"""In percent of the picture: a bar below is no pixel of a lane that is 500 wide. Ringing is always shown."""
ROWS_MAX: Final = 400
"""In one table: below 40 KB of the page."""
ON_LINE: Final = Mark("wait", "line", marked("on the line"))
HELD: Final = Mark("wait", "back", marked("the callback holds the place"))


class Bar(Struct, frozen=True, kw_only=True):
    """A part of a lane, in percent; `is_full`: it is about this very customer."""

    state: str
    left: str
    width: str
    is_full: bool = False


class Lane(Struct, frozen=True, kw_only=True):
    """What one person did during a wait: `said` is each standing with its whole time, the longest first."""

    name: str
    bars: tuple[Bar, ...]
    said: tuple[tuple[str, int], ...]


class Tick(Struct, frozen=True, kw_only=True):
    """A mark of the axis."""

    at: int
    left: str


class SpellRow(Struct, frozen=True, kw_only=True):
    """A line of the table."""

    name: str
    from_at: int
    until_at: int
    mark: Mark


class Wait(Struct, frozen=True, kw_only=True):
    """One place's wait; `due` is where its deadline is, empty when the wait ended before."""

    place_id: str
    department: str
    from_at: int
    until_at: int
    deadline_at: int
    ticks: tuple[Tick, ...]
    due: str
    customer: Lane
    agents: tuple[Lane, ...]
    legend: tuple[Mark, ...]
    rows: tuple[SpellRow, ...]
    rows_left_out: int


def wait(contact: Contact, why: PlaceWhy, callbacks: Mapping[str, Callback]) -> Wait | None:
    """A place's wait; `callbacks` by their place. None for a place where nobody waited."""
    place = next((each for each in contact.places if each.place_id == why.place_id), None)
    if place is None or why.until_at <= why.from_at:
        return None
    found = list(_rows(why))
    return Wait(
        place_id=why.place_id,
        department=why.department,
        from_at=why.from_at,
        until_at=why.until_at,
        deadline_at=place.deadline_at,
        ticks=_ticks(why),
        due=_left(why, place.deadline_at) if place.deadline_at < why.until_at else "",
        customer=_customer(why, place, callbacks.get(place.place_id)),
        agents=tuple(_agent(why, each) for each in why.agents),
        legend=_legend(why),
        rows=tuple(found[:ROWS_MAX]),
        rows_left_out=max(0, len(found) - ROWS_MAX),
    )


def _left(why: PlaceWhy, at: int) -> str:
    share = 100 * (at - why.from_at) / (why.until_at - why.from_at)
    return f"{max(0.0, min(100.0, share)):.2f}%"


def _bar(why: PlaceWhy, from_at: int, until_at: int, mark: Mark, *, is_full: bool = False) -> Bar | None:
    width = 100 * (until_at - from_at) / (why.until_at - why.from_at)
    if width < NARROWEST and mark.state != "ring":
        return None
    return Bar(state=mark.state, left=_left(why, from_at), width=f"{width:.2f}%", is_full=is_full)


def _agent(why: PlaceWhy, agent: AgentSpells) -> Lane:
    bars, lasted = [], dict[str, int]()
    for spell in agent.spells:
        mark = story_words.standing(spell.standing)
        lasted[mark.word] = lasted.get(mark.word, 0) + spell.until_at - spell.from_at
        if spell.standing != "free":
            is_full = spell.standing in ("with_this", "rings")
            bars.append(_bar(why, spell.from_at, spell.until_at, mark, is_full=is_full))
    said = sorted(lasted.items(), key=lambda each: -each[1])
    return Lane(name=agent.name, bars=tuple(each for each in bars if each is not None), said=tuple(said))


def _customer(why: PlaceWhy, place: Place, callback: Callback | None) -> Lane:
    """On the line, then held by the callback, and where it was tried."""
    ordered_at = why.until_at if callback is None else max(why.from_at, callback.ordered_at)
    parts = [(ON_LINE, why.from_at, min(ordered_at, why.until_at)), (HELD, ordered_at, why.until_at)]
    parts = [each for each in parts if each[1] < each[2]]
    bars = [_bar(why, from_at, until_at, mark, is_full=mark is ON_LINE) for mark, from_at, until_at in parts]
    for attempt in () if callback is None else callback.attempts:
        bars += _dialled(why, attempt)
    return Lane(
        name="",
        bars=tuple(each for each in bars if each is not None),
        said=tuple((mark.word, until_at - from_at) for mark, from_at, until_at in parts),
    )


def _dialled(why: PlaceWhy, attempt: Attempt) -> list[Bar | None]:
    if attempt.dialled_at is None:
        return []
    over_at = attempt.reached_at or attempt.ended_at or why.until_at
    from_at, until_at = max(why.from_at, attempt.dialled_at), min(over_at, why.until_at)
    rings = story_words.STANDINGS["rings"]
    return [_bar(why, from_at, until_at, rings, is_full=True)] if from_at < until_at else []


def _ticks(why: PlaceWhy) -> tuple[Tick, ...]:
    whole = why.until_at - why.from_at
    step = next((each * 1_000 for each in STEPS_S if whole <= each * 1_000 * TICKS_MAX), whole)
    first = -(-why.from_at // step) * step
    return tuple(Tick(at=at, left=_left(why, at)) for at in range(first, why.until_at, step))


def _legend(why: PlaceWhy) -> tuple[Mark, ...]:
    """What the lanes show, each once, by colour."""
    used = {spell.standing for agent in why.agents for spell in agent.spells} - {"free"}
    marks = {story_words.standing(each) for each in used}
    known = list(story_words.STANDINGS.values())
    return tuple(sorted(marks, key=lambda mark: (known.index(mark) if mark in known else len(known), mark)))


def _rows(why: PlaceWhy) -> Iterator[SpellRow]:
    for agent in why.agents:
        for spell in agent.spells:
            yield SpellRow(
                name=agent.name,
                from_at=spell.from_at,
                until_at=spell.until_at,
                mark=story_words.standing(spell.standing),
            )
