"""Stories of callbacks that were not ordered in a call: a web form, and a caller who hung up."""

from typing import Any

from contracts import callback, directory, queue
from contracts.ids import AgentId, CallbackId, DepartmentId, Instant, LegId, OfferId, PlaceId
from tests.unit.callback.stories import (
    CUSTOMER,
    LINE,
    NINE,
    PBX,
    SALES,
    TEN_MINUTES_MS,
    Office,
    an_office,
)

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
WEB = CallbackId("web-1")
FROM_ABANDONED = directory.CallbackSettings(from_abandoned=True)


def asked(
    callback_id: CallbackId = WEB, *, number: str = CUSTOMER, department_id: DepartmentId = SALES
) -> directory.CallbackAsked:
    """Somebody fills in the form on the web site."""
    return directory.CallbackAsked(callback_id=callback_id, department_id=department_id, number=number)


def hung_up(
    name: str = "c1", *, waited_ms: int = 20_000, caller: str | None = CUSTOMER, **more: Any
) -> queue.PlaceAbandoned:
    """A caller has left the queue."""
    return queue.PlaceAbandoned(
        place_id=PlaceId(f"p.{name}"),
        waited_ms=waited_ms,
        department_id=SALES,
        pbx_id=PBX,
        caller=caller,
        line=LINE,
        **more,
    )


def calls_again(caller: str = "89123456789") -> queue.PlaceTaken:
    """The customer calls the same department."""
    return queue.PlaceTaken(
        place_id=PlaceId("p.again"),
        department_id=SALES,
        pbx_id=PBX,
        leg_id=LegId("again"),
        caller=caller,
        line=LINE,
        joined_at=NINE,
        deadline_at=Instant(NINE + TEN_MINUTES_MS),
        position=1,
    )


def ready(order: callback.CallbackOrdered, agent: str = "anna") -> queue.AgentReady:
    """An agent took the place that queue took for the order."""
    return queue.AgentReady(
        place_id=order.place_id,
        callback_id=order.callback_id,
        agent_id=AgentId(agent),
        agent_name=agent.title(),
        leg_id=LegId(f"{agent}.leg"),
        pbx_id=PBX,
        offer_id=OfferId(f"{agent}.offer"),
        waited_ms=1,
    )


def deadline_passed(order: callback.CallbackOrdered) -> queue.DeadlinePassed:
    """No agent came in time."""
    return queue.DeadlinePassed(
        place_id=order.place_id, callback_id=order.callback_id, deadline_at=order.deadline_at
    )


def at_hour(office: Office, hour: int, minute: int = 0) -> Office:
    """The same day in Moscow, at another hour."""
    office.at = Instant(NINE + (hour - 9) * HOUR_MS + minute * MINUTE_MS)
    return office


def after_hanging_up(office: Office | None = None) -> tuple[Office, callback.CallbackOrdered]:
    """A customer has waited twenty seconds and left, and the department calls such customers back."""
    office = office or an_office(settings=FROM_ABANDONED)
    office.hears(hung_up())
    return office, office.last(callback.CallbackOrdered)
