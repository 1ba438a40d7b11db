"""Shared by tests of callbacks: a busy Anna, an attempt, and facts of the callback service."""

from typing import Any

from contracts import callback, queue
from contracts.callback import CallbackEnd
from contracts.gateway import DeviceState, Outcome
from contracts.ids import CallbackId, Instant, LegId, PlaceId
from tests.unit.queue.stories import (
    ANNA,
    CUSTOMER,
    MINUTE,
    MOSCOW,
    NINE,
    SALES,
    Office,
    an_office,
)

OTHER = "+79123456780"


def with_anna_busy(*others: object, **settings: Any) -> Office:
    """An office in which Anna is on another call, so that callers wait."""
    office = an_office(ANNA, **settings)
    office.phone_is(ANNA, DeviceState.IN_USE)
    return office


def anna_is_free(office: Office) -> None:
    """Her call is over."""
    office.phone_is(ANNA, DeviceState.IDLE)


def an_attempt(office: Office) -> tuple[CallbackId, LegId]:
    """A callback is ordered, Anna becomes free and answers; callback goes on with her."""
    office.calls("c1")
    callback_id = office.orders("c1")
    anna_is_free(office)
    office.answers(ANNA)
    return callback_id, office.last(queue.AgentReady).leg_id


def dialled(
    callback_id: CallbackId, place_id: PlaceId, leg_id: LegId, agent_leg_id: LegId
) -> callback.CustomerDialled:
    """The customer's phone is dialled for an attempt with Anna."""
    return callback.CustomerDialled(
        callback_id=callback_id,
        place_id=place_id,
        attempt=1,
        leg_id=leg_id,
        agent_id=ANNA,
        agent_leg_id=agent_leg_id,
    )


def attempt_failed(
    office: Office, callback_id: CallbackId, leg_id: LegId, next_attempt_at: Instant | None
) -> callback.AttemptFailed:
    """The customer was busy."""
    return callback.AttemptFailed(
        callback_id=callback_id,
        place_id=office.place("c1").place_id,
        attempt=1,
        agent_id=ANNA,
        agent_leg_id=leg_id,
        outcome=Outcome.BUSY,
        next_attempt_at=next_attempt_at,
        give_up_at=None if next_attempt_at is None else Instant(office.place("c1").deadline_at + MINUTE),
    )


def end(office: Office, kind: type[CallbackEnd], callback_id: CallbackId, **more: Any) -> CallbackEnd:
    """The fact of how a callback ended."""
    values: dict[str, Any] = {
        "callback_id": callback_id,
        "place_id": callback_id.removeprefix("cb."),
        "department_id": SALES,
        "pbx_id": MOSCOW,
        "number": CUSTOMER,
        "joined_at": NINE,
        "ordered_at": NINE,
        "attempts": 1,
        **more,
    }
    return kind(**values)
