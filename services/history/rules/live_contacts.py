"""What a contact shows of the present: its open places and standing callbacks, a row each.

The rows follow from the contact's record alone. So an erased number is in none of them, a rebuild makes them
anew, and a contact whose places and callbacks have ended has none.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from contracts.ids import AgentId, CallbackId, DepartmentId, Instant, PlaceId
from contracts.queue import Skip
from services.history.rules import callback_attempts, place_standing
from services.history.rules.callback_attempts import Attempt
from services.history.rules.place_standing import Rank
from services.history.state import (
    Callback,
    Contact,
    ContactId,
    Direction,
    Place,
    PlacePhase,
    Standing,
    Step,
    Try,
    TryEnd,
    Who,
)

DECLINES_MAX: Final = 20
"""Declines that are shown of one place: each holds for ten seconds."""


class LiveKind(StrEnum):
    """What a live row is about. A `fact` is the last one of its kind and subject about agents and PBXs."""

    PLACE = "place"
    CALLBACK = "callback"
    FACT = "fact"


LiveKey = tuple[LiveKind, str]
"""What a row is about: its kind, and the id of the place, the callback or the fact's subject."""


class Held(StrEnum):
    """Who holds a place: a caller on the line, or a callback."""

    LINE = "line"
    CALLBACK = "callback"


class Ringing(Struct, frozen=True, kw_only=True):
    """An agent whose phones ring for a place; `label` is the name with another PBX in brackets."""

    agent_id: AgentId
    label: str
    since_at: Instant


class Decline(Struct, frozen=True, kw_only=True):
    """An agent who has declined a place, and when (Q8)."""

    agent_id: AgentId
    at: Instant


class LivePlace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An open place. `rank` orders a department's places; None: it has no position any more."""

    place_id: PlaceId
    contact_id: ContactId
    department_id: DepartmentId
    number: str | None
    caller: str
    joined_at: Instant
    deadline_at: Instant
    held: Held
    phase: PlacePhase
    rank: Rank | None = None
    callback_id: CallbackId | None = None
    held_until_at: Instant | None = None
    agent_id: AgentId | None = None
    agent_label: str = ""
    ringing: tuple[Ringing, ...] = ()
    offers: int = 0
    skipped: tuple[Skip, ...] = ()
    declined: tuple[Decline, ...] = ()


class LiveCallback(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A callback that has not ended; `last` is the newest step of its story, `tried` its attempts."""

    callback_id: CallbackId
    contact_id: ContactId
    place_id: PlaceId
    department_id: DepartmentId
    number: str
    origin: str
    ordered_at: Instant
    joined_at: Instant
    deadline_at: Instant | None
    attempts: int
    next_attempt_at: Instant | None = None
    last: Step | None = None
    last_label: str = ""
    tried: tuple[Attempt, ...] = ()


LiveRow = LivePlace | LiveCallback


def rows_of(contact: Contact) -> dict[LiveKey, LiveRow]:
    """Every live row of a contact."""
    found: dict[LiveKey, LiveRow] = {}
    for place in contact.places:
        if place.ended_at is None:
            found[LiveKind.PLACE, place.place_id] = _place(contact, place)
    for callback in contact.callbacks:
        if callback.ended_at is None and callback.is_ordered:
            found[LiveKind.CALLBACK, callback.callback_id] = _callback(contact, callback)
    return found


def encoded(row: LiveRow) -> str:
    """A row as its document."""
    return _ENCODER.encode(row).decode()


def place_of(document: str) -> LivePlace:
    """A place from its document. Raises msgspec.DecodeError."""
    return _PLACES.decode(document)


def callback_of(document: str) -> LiveCallback:
    """A callback from its document. Raises msgspec.DecodeError."""
    return _CALLBACKS.decode(document)


_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_PLACES: Final = msgspec.json.Decoder(LivePlace)
_CALLBACKS: Final = msgspec.json.Decoder(LiveCallback)


def _place(contact: Contact, place: Place) -> LivePlace:
    standing = place.standing or Standing()
    callback = next((each for each in _standing(contact) if each.place_id == place.place_id), None)
    leg = None if standing.leg_id is None else contact.leg(standing.leg_id)
    is_on_line = callback is None or (leg is not None and leg.ended_at is None)
    tries = [each for each in contact.tries if each.place_id == place.place_id]
    return LivePlace(
        place_id=place.place_id,
        contact_id=contact.contact_id,
        department_id=place.department.department_id,
        number=contact.number if callback is None else callback.number or None,
        caller=_caller(contact),
        joined_at=place.joined_at,
        deadline_at=standing.give_up_at or place.deadline_at,
        held=Held.LINE if is_on_line else Held.CALLBACK,
        phase=standing.phase,
        rank=place_standing.rank(place, standing) if place_standing.is_ranked(standing) else None,
        callback_id=None if callback is None else callback.callback_id,
        held_until_at=standing.held_until_at,
        agent_id=standing.agent_id,
        agent_label=next((_label(each.agent) for each in reversed(tries) if _is_by(each, standing)), ""),
        ringing=tuple(_ringing(tries)),
        offers=len(tries),
        skipped=tries[-1].skipped if tries else (),
        declined=tuple(_declined(tries))[-DECLINES_MAX:],
    )


def _standing(contact: Contact) -> Iterator[Callback]:
    return (each for each in contact.callbacks if each.ended_at is None and each.is_ordered)


def _caller(contact: Contact) -> str:
    """The colleague who calls; a customer has only a number."""
    return _label(contact.caller) if contact.direction is Direction.INTERNAL else ""


def _label(who: Who | None) -> str:
    return "" if who is None else who.label


def _is_by(made: Try, standing: Standing) -> bool:
    return made.agent is not None and made.agent.agent_id == standing.agent_id


def _ringing(tries: list[Try]) -> Iterator[Ringing]:
    for each in tries:
        if each.agent is not None and each.ended_at is None:
            yield Ringing(agent_id=each.agent.agent_id, label=each.agent.label, since_at=each.rung_at)


def _declined(tries: list[Try]) -> Iterator[Decline]:
    for each in tries:
        if each.agent is not None and each.end is TryEnd.DECLINED and each.ended_at is not None:
            yield Decline(agent_id=each.agent.agent_id, at=each.ended_at)


def _callback(contact: Contact, callback: Callback) -> LiveCallback:
    last = callback.story[-1] if callback.story else None
    return LiveCallback(
        callback_id=callback.callback_id,
        contact_id=contact.contact_id,
        place_id=callback.place_id,
        department_id=callback.department.department_id,
        number=callback.number,
        origin=callback.origin,
        ordered_at=callback.ordered_at,
        joined_at=callback.joined_at,
        deadline_at=callback.deadline_at,
        attempts=callback.attempts,
        next_attempt_at=callback.next_attempt_at,
        last=last,
        last_label="" if last is None else _label(last.agent),
        tried=callback_attempts.attempts(callback),
    )
