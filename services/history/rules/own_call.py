"""Which part an employee has in an open contact: the call that rings, is being connected, or goes on."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from contracts.ids import AgentId, Instant
from services.history.rules import tries
from services.history.state import Callback, CallbackEnd, Contact, Place, Talk, Try, TryEnd, Who


class Stage(StrEnum):
    """How far a call is for the employee."""

    RINGING = "ringing"
    CONNECTING = "connecting"
    """The employee has answered, and does not hear the customer yet: a callback's customer is dialled."""
    TALKING = "talking"


class Part(Struct, frozen=True, kw_only=True):
    """An employee's part in a contact, since when, and the place or callback it is for."""

    contact: Contact
    stage: Stage
    since_at: Instant
    place: Place | None = None
    callback: Callback | None = None
    waited_ms: int | None = None
    """Until the answer; None before that."""


_ORDER = tuple(Stage)


def own_part(contacts: Iterable[Contact], agent_id: AgentId) -> Part | None:
    """The employee's part that is furthest, of equal ones the latest; None where nothing rings or goes on."""
    found = [part for contact in contacts if (part := _part(contact, agent_id)) is not None]
    return max(found, key=lambda part: (_ORDER.index(part.stage), part.since_at), default=None)


def _part(contact: Contact, agent_id: AgentId) -> Part | None:
    own = [
        (made, end)
        for made, end in zip(contact.tries, tries.ends(contact), strict=True)
        if _is(made.agent, agent_id)
    ]
    talk = next((each for each in reversed(contact.talks) if _goes_on(each, contact, agent_id)), None)
    if talk is not None:
        last = next((made for made, _ in reversed(own) if made.end is TryEnd.ACCEPTED), None)
        return _made(contact, Stage.TALKING, talk.from_at, last, waited_ms=talk.waited_ms)
    # An accepted try without a talk has no end while the contact is open.
    open_tries = [made for made, end in reversed(own) if end is None]
    for made in open_tries:
        if made.ended_at is not None:
            return _made(contact, Stage.CONNECTING, made.ended_at, made)
    return _made(contact, Stage.RINGING, open_tries[0].rung_at, open_tries[0]) if open_tries else None


def _goes_on(talk: Talk, contact: Contact, agent_id: AgentId) -> bool:
    return talk.until_at is None and (_is(talk.agent, agent_id) or _is(contact.caller, agent_id))


def _is(who: Who | None, agent_id: AgentId) -> bool:
    return who is not None and who.agent_id == agent_id


def _made(
    contact: Contact, stage: Stage, since_at: Instant, made: Try | None, *, waited_ms: int | None = None
) -> Part:
    place_id = None if made is None else made.place_id
    place = None if place_id is None else contact.place(place_id)
    # One that was cancelled is no callback any more: they talk on the line on which it was ordered.
    callback = next(
        (
            each
            for each in contact.callbacks
            if each.place_id == place_id and each.end is not CallbackEnd.CANCELLED
        ),
        None,
    )
    return Part(
        contact=contact,
        stage=stage,
        since_at=since_at,
        place=place,
        callback=callback,
        waited_ms=waited_ms,
    )
