"""What a day of the company is like, in half an hour that begins again: who calls when, and what goes on."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from contracts.ids import PbxId
from devtools.live.company import GROUPS, SECOND, TALK_S_MODE, WRAP_UP_S, Group
from services.gateway.simulated.script import Call, Step, Until

DAY_S: Final = 1800.0
MINUTE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of the day: from which minute, what it is like, and its calls against what people can take."""

    from_minute: int
    what: str
    load: float
    at_lunch: float = 0.0
    """The share of each department's people who are paused."""


STRETCHES: Final = (
    Stretch(0, "the morning begins", 0.5),
    Stretch(3, "a rush: more call than can be answered", 1.5),
    Stretch(8, "a usual morning", 0.7),
    Stretch(15, "lunch: a third of all are away", 0.75, at_lunch=1 / 3),
    Stretch(20, "another rush", 1.25),
    Stretch(25, "a quiet evening", 0.4),
)
AWAY_AT_S: Final = 11 * MINUTE_S
AWAY_S: Final = 40.0
AWAY_PBX: Final = SECOND
"""Once a day this PBX goes away."""
CALL_S: Final = 1.3 * TALK_S_MODE + WRAP_UP_S
"""What a call takes of an agent: talks are longer than the commonest, and ringing and notes come on top."""
CUSTOMERS: Final = 400
"""So few that some call again within a day."""
ORDERS_SHARE: Final = 0.5
LEAVES_SHARE: Final = 0.2
PATIENCE_S: Final = (20.0, 100.0)


def stretch_at(second: float) -> Stretch:
    """What the day is like."""
    minute = second / MINUTE_S
    return max((each for each in STRETCHES if each.from_minute <= minute), key=lambda each: each.from_minute)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody calls at a second of the day."""

    at_s: float
    pbx_id: PbxId
    call: Call


def arrivals(chance: random.Random) -> Iterator[Arrival]:
    """The calls of a day, one after the other, for all departments."""
    found = [each for group in GROUPS for each in _calls_of(group, chance)]
    yield from sorted(found, key=lambda each: each.at_s)


def _calls_of(group: Group, chance: random.Random) -> Iterator[Arrival]:
    at_s = 0.0
    while True:
        per_s = stretch_at(at_s).load * len(group.people) / CALL_S
        at_s += chance.expovariate(per_s)
        if at_s >= DAY_S:
            return
        yield Arrival(at_s, group.pbx, _call(group, chance))


def _call(group: Group, chance: random.Random) -> Call:
    drawn = chance.random()
    then: tuple[Step, ...] = ()
    if drawn < ORDERS_SHARE:
        then = (
            Step(during="invitation"),
            Step(wait_s=1),
            Step(press="1"),
            Step(wait_s=5),
            Step(hang_up=True),
        )
    elif drawn < ORDERS_SHARE + LEAVES_SHARE:
        patience_s = round(chance.uniform(*PATIENCE_S), 1)
        then = (Step(until=Until.ANSWERED), Step(wait_s=patience_s), Step(hang_up=True))
    caller = f"+7900000{1000 + chance.randrange(CUSTOMERS)}"
    return Call(line=group.line, caller=caller, then=then)
