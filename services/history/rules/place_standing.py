"""How open places stand in their queues, folded as the queue folds it: what the present shows (Q3, C7, C8).

A place ranks in its department by what C7 puts first, then by joining time, then by id.
"""

from typing import Final

from msgspec import structs

from contracts import callback as c
from contracts import queue
from contracts.ids import AgentId, PlaceId
from contracts.message import Fact
from services.history.state import Contact, Place, PlacePhase, Standing

DROPS_MAX: Final = 3
"""C7: a place whose agents left so often is not put first again."""
_RANKED: Final = (PlacePhase.WAITING, PlacePhase.ACCEPTED)
_PHASES: Final[dict[type[Fact], PlacePhase]] = {
    queue.NoAnswerReached: PlacePhase.NO_ANSWER,
    queue.FallbackRung: PlacePhase.FALLBACK,
    queue.DeadlinePassed: PlacePhase.EXPIRED,
}
_BEYOND_CALLBACKS: Final = (PlacePhase.NO_ANSWER, PlacePhase.FALLBACK)

Rank = tuple[int, int, str]


def is_ranked(standing: Standing) -> bool:
    """Whether a place has a position in its department's order."""
    return standing.phase in _RANKED


def rank(place: Place, standing: Standing) -> Rank:
    """The place's key in the order of its department."""
    return (0 if standing.is_first else 1, place.joined_at, place.place_id)


def apply(contact: Contact, fact: Fact) -> None:
    """Fold one fact into the standing of the contact's open place that it is about."""
    place = contact.place(getattr(fact, "place_id", None) or PlaceId(""))
    if place is None or place.standing is None:
        return
    phase = _PHASES.get(type(fact))
    if phase is not None:
        place.standing = structs.replace(place.standing, phase=phase)
        return
    place.standing = _offered(place.standing, fact) or _held(place.standing, fact) or place.standing


def _offered(known: Standing, fact: Fact) -> Standing | None:
    """What an agent's acceptance changes, and its end."""
    match fact:
        case queue.OfferAccepted():
            return structs.replace(known, phase=PlacePhase.ACCEPTED, agent_id=fact.agent_id)
        case queue.OfferReopened():
            return structs.replace(known, phase=PlacePhase.WAITING, agent_id=None)
        case c.AttemptFailed() if not _has_another(known, fact.agent_id):
            if fact.next_attempt_at is None:
                return structs.replace(known, phase=PlacePhase.EXPIRED)
            return structs.replace(
                _waiting(known),
                held_until_at=fact.next_attempt_at,
                give_up_at=fact.give_up_at or known.give_up_at,
            )
        case c.AgentLost() if not _has_another(known, fact.agent_id):
            return structs.replace(
                _waiting(known),
                is_first=known.drops + 1 < DROPS_MAX,
                drops=known.drops + 1,
                give_up_at=fact.give_up_at or known.give_up_at,
            )
        case _:
            return None


def _held(known: Standing, fact: Fact) -> Standing | None:
    """Who holds the place: a caller on the line, or a callback."""
    match fact:
        case c.CallbackOrdered() if known.phase not in _BEYOND_CALLBACKS:
            return structs.replace(known, leg_id=None)
        case queue.CallbackTakenOver():
            return structs.replace(
                _waiting(known, is_first=known.is_first),
                leg_id=fact.leg_id,
                held_until_at=None,
                give_up_at=None if fact.deadline_at is not None else known.give_up_at,
            )
        case c.CallbackConfirmed() if known.phase is PlacePhase.WAITING and known.leg_id is None:
            return structs.replace(known, leg_id=fact.leg_id, held_until_at=None, give_up_at=None)
        case c.CustomerHeld():
            return structs.replace(
                _waiting(known),
                is_first=True,
                leg_id=fact.leg_id,
                held_until_at=None,
                give_up_at=fact.until_at,
            )
        case _:
            return None


def _waiting(known: Standing, *, is_first: bool = False) -> Standing:
    return structs.replace(known, phase=PlacePhase.WAITING, agent_id=None, is_first=is_first)


def _has_another(known: Standing, agent_id: AgentId) -> bool:
    """Whether the place has its next agent already, so that a fact about the previous one is out of date."""
    return known.agent_id is not None and known.agent_id != agent_id
