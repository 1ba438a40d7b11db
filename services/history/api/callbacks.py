"""Callbacks, standing and ended: a page of them, and one (C13, H4)."""

from typing import Annotated, Final

from litestar import Controller
from litestar.params import QueryParameter
from msgspec import Struct

from contracts.callback import Origin
from contracts.ids import CallbackId, DepartmentId, Instant, PlaceId
from contracts.plain_text import LINE_PATTERN
from contracts.rights import Action
from services.history.activities import callbacks
from services.history.activities.callbacks import Filters, Key
from services.history.api.filters import Ids, split_ids, words
from services.history.api.methods import get
from services.history.api.periods import RequestedPeriod
from services.history.api.requests import (
    CurrentPrincipal,
    Cursor,
    Id,
    InjectedParts,
    Limit,
    decoded_cursor,
    encoded_cursor,
)
from services.history.rules import callback_attempts
from services.history.rules.callback_attempts import Attempt
from services.history.rules.errors import Code, Refused
from services.history.state import Callback, CallbackEnd, Contact, ContactId, Who

WORDS_LENGTH_MAX: Final = 40


class CallbackShown(Struct, frozen=True, kw_only=True):
    """One callback as one story; instants in ms, None for what has not happened."""

    callback_id: CallbackId
    contact_id: ContactId
    number: str | None
    department_id: DepartmentId
    department_label: str
    origin: str
    """How it was ordered: in the queue, by the API, or after an abandoned call."""
    ordered_at: Instant
    place_id: PlaceId
    position: int | None
    """The position on joining; None before the queue has given a place."""
    joined_at: Instant
    deadline_at: Instant | None
    next_attempt_at: Instant | None
    """Not before then it is tried again; None: as soon as it is its turn, or never again."""
    is_standing: bool
    attempts: tuple[Attempt, ...]
    ended_at: Instant | None
    end: CallbackEnd | None
    reason: str
    waited_ms: int
    agent: Who | None
    """Who talked to the customer."""
    agent_label: str
    is_by_other_call: bool
    """They talked by another call than this callback's (C14)."""
    was_told: bool
    """The customer heard the apology."""
    cancelled_by: Who | None
    """The employee who cancelled it; None: the customer, or a program."""
    cancelled_by_label: str


class CallbackPage(Struct, frozen=True, kw_only=True):
    """Callbacks, newest order first; `next` is the cursor of the older ones, None at the end."""

    callbacks: tuple[CallbackShown, ...]
    zone: str
    next: str | None = None


class CallbackRoutes(Controller):
    """Callbacks as far as the right to history reaches: whoever sees a contact sees its callbacks."""

    path = "/history/callbacks"

    @get(summary="A page of callbacks, newest order first", quota="searches")
    async def listed(
        self,
        parts: InjectedParts,
        principal: CurrentPrincipal,
        period: RequestedPeriod,
        is_standing: Annotated[
            bool | None, QueryParameter(description="still to be called, or ended; else both")
        ] = None,
        department: Ids = "",
        origin: Annotated[
            str,
            QueryParameter(
                max_length=WORDS_LENGTH_MAX,
                pattern=LINE_PATTERN,
                description="queue, api, abandoned, with commas between",
            ),
        ] = "",
        after: Cursor = "",
        limit: Limit = 50,
    ) -> CallbackPage:
        """The callbacks that match; the period is of the order."""
        await parts.authentication.require(principal, Action.HISTORY_READ, "callbacks")
        filters = Filters(
            is_standing=is_standing,
            departments=tuple(DepartmentId(each) for each in split_ids(department, "department")),
            origins=words(Origin, origin, "origin"),
            since_at=period.since_at,
            until_at=period.until_at,
        )
        found = decoded_cursor(after)
        key = None if found is None else Key(ordered_at=Instant(found[0]), callback_id=CallbackId(found[1]))
        async with parts.engine.connect() as connection:
            listed, last = await callbacks.page(connection, principal, filters, after=key, limit=limit)
        return CallbackPage(
            callbacks=tuple(_shown(contact, each) for contact, each in listed),
            zone=period.zone.key,
            next=None if last is None else encoded_cursor(last.ordered_at, last.callback_id),
        )

    @get("/{callback_id:str}", summary="One callback, whole")
    async def one(self, parts: InjectedParts, principal: CurrentPrincipal, callback_id: Id) -> CallbackShown:
        """A callback by its id, or by that of an order which only confirmed it (C8)."""
        await parts.authentication.require(principal, Action.HISTORY_READ, f"callback/{callback_id}")
        async with parts.engine.connect() as connection:
            found, is_there = await callbacks.one(connection, principal, callback_id)
        if found is not None:
            return _shown(*found)
        if is_there:
            await parts.authentication.refuse(principal, Action.HISTORY_READ, f"callback/{callback_id}")
        raise Refused(Code.NOT_FOUND)


def _shown(contact: Contact, found: Callback) -> CallbackShown:
    place = contact.place(found.place_id)
    return CallbackShown(
        callback_id=found.callback_id,
        contact_id=contact.contact_id,
        number=found.number or None,
        department_id=found.department.department_id,
        department_label=found.department.label,
        origin=found.origin,
        ordered_at=found.ordered_at,
        place_id=found.place_id,
        position=None if place is None else place.position,
        joined_at=found.joined_at,
        deadline_at=found.deadline_at,
        next_attempt_at=found.next_attempt_at,
        is_standing=found.ended_at is None,
        attempts=callback_attempts.attempts(found),
        ended_at=found.ended_at,
        end=found.end,
        reason=found.reason,
        waited_ms=found.waited_ms,
        agent=found.agent,
        agent_label="" if found.agent is None else found.agent.label,
        is_by_other_call=found.is_by_other_call,
        was_told=found.was_told,
        cancelled_by=found.cancelled_by,
        cancelled_by_label="" if found.cancelled_by is None else found.cancelled_by.label,
    )
