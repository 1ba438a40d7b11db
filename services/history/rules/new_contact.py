"""Where a contact begins: the facts that make one when they concern no known contact."""

from contracts import dialling
from contracts.callback import CallbackOrdered, CallbackRefused
from contracts.dialling import DiallingPolicy
from contracts.gateway import CallArrived
from contracts.ids import Instant, LegId, OrganizationId, PbxId
from contracts.message import Fact
from contracts.queue import PlaceTaken
from contracts.routing import CallTaken
from services.history.state import Contact, ContactId, Direction


def begin(fact: Fact, organization_id: OrganizationId, at: Instant, policy: DiallingPolicy) -> Contact | None:
    """The contact that a fact without a known one begins, or None."""
    made = _begun(fact, organization_id, at)
    if made is None or made.number is None:
        return made
    said, made.number = made.number, dialling.canonical(made.number, policy)
    made.number_said = said if made.number not in (None, said) else ""
    return made


def _begun(fact: Fact, organization_id: OrganizationId, at: Instant) -> Contact | None:
    match fact:
        case CallArrived() | CallTaken():
            return Contact(
                contact_id=ContactId(fact.leg_id),
                organization_id=organization_id,
                started_at=at,
                pbx_id=fact.pbx_id,
                line=fact.line,
                number=None if fact.is_internal else fact.caller,
                direction=Direction.INTERNAL if fact.is_internal else Direction.INCOMING,
            )
        case PlaceTaken():
            return Contact(
                contact_id=ContactId(fact.leg_id or LegId(fact.place_id)),
                organization_id=organization_id,
                started_at=min(at, fact.joined_at),
                pbx_id=fact.pbx_id,
                line=fact.line,
                number=None if fact.is_internal else fact.caller,
                direction=_direction(fact),
            )
        case CallbackOrdered():
            return Contact(
                contact_id=ContactId(fact.leg_id or LegId(fact.place_id)),
                organization_id=organization_id,
                started_at=at,
                pbx_id=fact.pbx_id,
                line=fact.caller_id,
                number=fact.number,
                direction=Direction.OUTGOING if fact.leg_id is None else Direction.INCOMING,
            )
        case CallbackRefused() if fact.leg_id is None and fact.callback_id is not None:
            return Contact(
                contact_id=ContactId(fact.place_id),
                organization_id=organization_id,
                started_at=at,
                pbx_id=fact.pbx_id or PbxId(""),
                line=fact.caller_id,
                number=fact.number,
                direction=Direction.OUTGOING,
            )
        case _:
            return None


def _direction(fact: PlaceTaken) -> Direction:
    if fact.is_internal:
        return Direction.INTERNAL
    return Direction.OUTGOING if fact.leg_id is None else Direction.INCOMING
