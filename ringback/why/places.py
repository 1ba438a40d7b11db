"""Finds a place by its id, by a leg of its caller, or by the caller's number."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from contracts.callback import ApologyDialled, CallbackOrdered, CustomerDialled
from contracts.ids import Instant, PlaceId
from contracts.queue import CallbackTakenOver, PlaceTaken
from ringback.log_stretch import Stretch, Unclear

NEAR_MAX: Final = 5
DIGITS_MIN: Final = 4
"""A search needs at least this many digits: fewer would match too many callers."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A place on the log, with the ids and numbers that identify it."""

    stretch: Stretch
    at: Instant
    taken: PlaceTaken
    number: str | None
    legs: tuple[str, ...]

    @property
    def place_id(self) -> PlaceId:
        """Its id."""
        return self.taken.place_id


def places(stretch: Stretch) -> dict[PlaceId, Found]:
    """An organization's places in the order in which they were taken; repeats change nothing."""
    found: dict[PlaceId, Found] = {}
    for reading in stretch.readings:
        fact = reading.fact
        if isinstance(fact, PlaceTaken) and fact.place_id not in found:
            legs = () if fact.leg_id is None else (str(fact.leg_id),)
            found[fact.place_id] = Found(
                stretch=stretch, at=reading.at, taken=fact, number=fact.caller, legs=legs
            )
        elif isinstance(fact, CallbackOrdered) and fact.place_id in found:
            known = found[fact.place_id]
            found[fact.place_id] = msgspec.structs.replace(known, number=fact.number)
        elif isinstance(fact, CallbackTakenOver | CustomerDialled | ApologyDialled):
            _note_leg(found, fact)
    return found


def _note_leg(
    found: dict[PlaceId, Found], fact: CallbackTakenOver | CustomerDialled | ApologyDialled
) -> None:
    place_id = PlaceId(fact.callback_id.removeprefix("cb."))
    known = found.get(place_id)
    if known is not None and fact.leg_id not in known.legs:
        found[place_id] = msgspec.structs.replace(known, legs=(*known.legs, str(fact.leg_id)))


def find(stretches: Iterable[Stretch], wanted: str, *, shown: Callable[[Found], str]) -> list[Found]:
    """The matching places, the newest last; an id matches one. Raises Unclear, which names similar ones."""
    known = [found for stretch in stretches for found in places(stretch).values()]
    for means in (_is_id, _has_leg, _has_number):
        matching = [found for found in known if means(found, wanted)]
        if matching:
            return sorted(matching, key=lambda found: found.at)
    if not known:
        raise Unclear("this log has no place")
    near = list(_near(known, wanted))
    listed = "\n".join(f"  {shown(found)}" for found in near)
    raise Unclear(f"this log has no place, leg or caller {wanted!r}. Similar or newest:\n{listed}")


def _is_id(found: Found, wanted: str) -> bool:
    return wanted in (found.place_id, f"cb.{found.place_id}")


def _has_leg(found: Found, wanted: str) -> bool:
    return wanted in found.legs


def _has_number(found: Found, wanted: str) -> bool:
    """Whether a written number matches; spaces, brackets and a leading +7 or 8 make no difference."""
    digits = re.sub(r"\D", "", wanted)
    if len(digits) < DIGITS_MIN or re.search(r"[A-Za-z]", wanted) or found.number is None:
        return False
    # Ten digits are a whole national number; before it is the country code or the long-distance 8.
    return re.sub(r"\D", "", found.number).endswith(digits[-10:])


def _near(known: list[Found], wanted: str) -> Iterator[Found]:
    names = {name: found for found in known for name in (found.place_id, *found.legs)}
    digits = {found.number: found for found in known if found.number is not None}
    close = difflib.get_close_matches(wanted, [*names, *digits], n=NEAR_MAX, cutoff=0.6)
    listed = [names.get(name) or digits[name] for name in close]
    if not listed:
        listed = sorted(known, key=lambda found: found.at)[-NEAR_MAX:]
    seen = {found.place_id: found for found in listed}
    yield from seen.values()
