"""Callback's facts in a contact: one callback as one story, from the order to its end (C13)."""

from typing import Final

from contracts import callback as c
from contracts import dialling, waiting
from contracts.ids import Instant
from services.history.rules import place_standing
from services.history.rules.card_cache import CardCache
from services.history.rules.legs import close_talks, note_leg
from services.history.rules.tries import GONE, move_claim, take_back_answer
from services.history.state import STORY_MAX, Callback, CallbackEnd, Contact, Step, Talk, TryEnd, Who

_Steps = (
    c.NumberChanged
    | c.CallbackConfirmed
    | c.AttemptStarted
    | c.CustomerDialled
    | c.CustomerExpected
    | c.CustomerJoined
    | c.CustomerAnswered
    | c.AttemptFailed
    | c.AgentLost
    | c.CustomerHeld
    | c.ApologyQueued
    | c.ApologyDialled
    | c.ApologyMade
    | c.ApologyFailed
    | c.MessageWanted
)
_Ends = c.CallbackConnected | c.CallbackExpired | c.CallbackUnreached | c.CallbackCancelled | c.CallbackBarred
CallbackFact = c.CallbackOrdered | c.CallbackRefused | _Steps | _Ends

ASKED_MAX: Final = 20
"""Names of orders that are kept for one callback; of more, the last ones."""


def apply(contact: Contact, fact: CallbackFact, at: Instant, cards: CardCache) -> None:
    """Fold one fact; one about another contact's callback changes nothing."""
    place_standing.apply(contact, fact)
    if isinstance(fact, c.CallbackOrdered):
        _on_ordered(contact, fact, at, cards)
        return
    if isinstance(fact, c.CallbackRefused):
        _on_refused(contact, fact, at, cards)
        return
    callback = contact.callback(fact.callback_id)
    if callback is None:
        return
    if isinstance(fact, _Ends):
        _on_end(contact, callback, fact, at, cards)
    else:
        _on_step(contact, callback, fact, at, cards)


def _on_step(contact: Contact, callback: Callback, fact: _Steps, at: Instant, cards: CardCache) -> None:
    """Fold what happens between the order and the end."""
    match fact:
        case c.NumberChanged():
            _on_number_changed(contact, callback, fact, at, cards)
        case c.CallbackConfirmed():
            _on_confirmed(contact, callback, fact, at)
        case c.AttemptStarted():
            _on_attempt_started(contact, callback, fact, at, cards)
        case c.CustomerDialled():
            _on_customer_dialled(contact, callback, fact, at, cards)
        case c.CustomerAnswered():
            _on_reached(contact, callback, fact, at, "customer_answered")
        case c.CustomerHeld():
            _on_reached(contact, callback, fact, at, "customer_held")
        case c.CustomerExpected():
            _tell(callback, at, "customer_expected")
        case c.CustomerJoined():
            _on_reached(contact, callback, fact, at, "customer_joined")
        case c.AttemptFailed():
            _on_attempt_failed(contact, callback, fact, at, cards)
        case c.AgentLost():
            _on_agent_lost(contact, callback, fact, at, cards)
        case c.ApologyQueued() | c.ApologyDialled() | c.ApologyMade() | c.ApologyFailed() | c.MessageWanted():
            _on_apology(contact, callback, fact, at)


def _on_apology(
    contact: Contact,
    callback: Callback,
    fact: c.ApologyQueued | c.ApologyDialled | c.ApologyMade | c.ApologyFailed | c.MessageWanted,
    at: Instant,
) -> None:
    """Fold an apology: the customer is called because nobody came (C4)."""
    match fact:
        case c.ApologyQueued():
            callback.next_attempt_at = fact.due_at
            _tell(callback, at, "apology_queued")
        case c.ApologyDialled():
            callback.next_attempt_at = None
            _on_leg(contact, callback, fact, at, "apology_dialled")
        case c.ApologyMade():
            callback.next_attempt_at = None
            _tell(callback, at, "apology_made")
        case c.ApologyFailed():
            callback.next_attempt_at = fact.next_attempt_at
            _tell(callback, at, "apology_failed", str(fact.outcome))
        case c.MessageWanted():
            callback.message_leg_id = fact.leg_id
            _on_leg(contact, callback, fact, at, "message_wanted")


def _on_number_changed(
    contact: Contact, callback: Callback, fact: c.NumberChanged, at: Instant, cards: CardCache
) -> None:
    callback.number = _number(contact, fact.number, cards)
    _tell(callback, at, "number_changed")


def _on_attempt_failed(
    contact: Contact, callback: Callback, fact: c.AttemptFailed, at: Instant, cards: CardCache
) -> None:
    """The customer was not reached, so the agent's answer does not count (C6)."""
    reason = str(fact.outcome)
    take_back_answer(contact, callback.place_id, fact.agent_id, TryEnd.NOT_REACHED, reason)
    callback.next_attempt_at = fact.next_attempt_at
    _tell(callback, at, "attempt_failed", reason, cards.who(fact.agent_id, contact))


def _on_agent_lost(
    contact: Contact, callback: Callback, fact: c.AgentLost, at: Instant, cards: CardCache
) -> None:
    """The agent hung up before the customer answered (C7)."""
    take_back_answer(contact, callback.place_id, fact.agent_id, TryEnd.UNREACHABLE, GONE)
    _tell(callback, at, "agent_lost", agent=cards.who(fact.agent_id, contact))


def _number(contact: Contact, said: str | None, cards: CardCache) -> str:
    """The number under which a callback's contact is found; empty once the customer was erased."""
    return "" if contact.is_erased else dialling.canonical(said, cards.policy) or ""


def _on_confirmed(contact: Contact, callback: Callback, fact: c.CallbackConfirmed, at: Instant) -> None:
    """The customer ordered again: the earlier joining time holds, and so does the wait from it (C8)."""
    _tell(callback, at, "confirmed")
    if fact.asked_id is not None and fact.asked_id not in callback.asked_ids:
        callback.asked_ids = [*callback.asked_ids, fact.asked_id][-ASKED_MAX:]
    move_claim(contact, callback.place_id, fact.joined_at, fact.deadline_at)
    callback.joined_at = fact.joined_at or callback.joined_at
    callback.deadline_at = fact.deadline_at or callback.deadline_at


def _on_leg(
    contact: Contact, callback: Callback, fact: c.ApologyDialled | c.MessageWanted, at: Instant, what: str
) -> None:
    note_leg(contact, fact.leg_id)
    _tell(callback, at, what)


def _on_reached(
    contact: Contact,
    callback: Callback,
    fact: c.CustomerAnswered | c.CustomerHeld | c.CustomerJoined,
    at: Instant,
    what: str,
) -> None:
    note_leg(contact, fact.leg_id)
    callback.reached_at = callback.reached_at or at
    callback.next_attempt_at = None
    _tell(callback, at, what)


def _tell(callback: Callback, at: Instant, what: str, reason: str = "", agent: Who | None = None) -> None:
    if len(callback.story) < STORY_MAX:
        callback.story.append(Step(at=at, what=what, reason=reason, agent=agent))


def _on_ordered(contact: Contact, fact: c.CallbackOrdered, at: Instant, cards: CardCache) -> None:
    if contact.callback(fact.callback_id) is not None:
        return
    made = Callback(
        callback_id=fact.callback_id,
        place_id=fact.place_id,
        department=cards.whither(fact.department_id, contact),
        number=_number(contact, fact.number, cards),
        origin=fact.origin,
        ordered_at=at,
        joined_at=fact.joined_at,
        deadline_at=fact.deadline_at,
    )
    _tell(made, at, "ordered", str(fact.origin))
    contact.callbacks.append(made)
    place = contact.place(fact.place_id)
    if place is not None:
        place.is_with_callback = True


def _on_refused(contact: Contact, fact: c.CallbackRefused, at: Instant, cards: CardCache) -> None:
    """Keep the reason of a refusal (C10): at the caller's place, or in a row of its own."""
    place = contact.place(fact.place_id)
    if place is not None:
        place.refusals = [*place.refusals, fact.reason]
    elif fact.leg_id is None and fact.callback_id and contact.callback(fact.callback_id) is None:
        made = Callback(
            callback_id=fact.callback_id,
            place_id=fact.place_id,
            department=cards.whither(fact.department_id, contact),
            number=_number(contact, fact.number, cards),
            origin=c.Origin.API,
            ordered_at=at,
            joined_at=at,
            ended_at=at,
            end=CallbackEnd.REFUSED,
            reason=fact.reason,
            is_ordered=False,
        )
        _tell(made, at, "refused", fact.reason)
        contact.callbacks.append(made)


def _on_attempt_started(
    contact: Contact, callback: Callback, fact: c.AttemptStarted, at: Instant, cards: CardCache
) -> None:
    note_leg(contact, fact.agent_leg_id)
    callback.agent_at = callback.agent_at or at
    callback.next_attempt_at = None
    _tell(callback, at, "attempt_started", agent=cards.who(fact.agent_id, contact))


def _on_customer_dialled(
    contact: Contact, callback: Callback, fact: c.CustomerDialled, at: Instant, cards: CardCache
) -> None:
    note_leg(contact, fact.leg_id)
    callback.dialled_at = callback.dialled_at or at
    callback.attempts = max(callback.attempts, fact.attempt)
    _tell(callback, at, "customer_dialled", agent=cards.who(fact.agent_id, contact))


def _on_end(contact: Contact, callback: Callback, fact: _Ends, at: Instant, cards: CardCache) -> None:
    if callback.ended_at is not None:
        return
    callback.ended_at, callback.reason, callback.attempts = at, fact.reason, fact.attempts
    callback.next_attempt_at = None
    deadline_at = fact.deadline_at or callback.deadline_at
    callback.waited_ms = waiting.waited_ms(fact.joined_at, at, deadline_at)
    match fact:
        case c.CallbackConnected():
            callback.end = CallbackEnd.CONNECTED
            _on_connected(contact, callback, fact, at, cards)
        case c.CallbackExpired():
            callback.end, callback.was_told = CallbackEnd.EXPIRED, fact.was_told
        case c.CallbackUnreached():
            callback.end = CallbackEnd.UNREACHED
        case c.CallbackCancelled():
            callback.end, callback.cancelled_by = CallbackEnd.CANCELLED, _who_cancelled(contact, fact, cards)
        case c.CallbackBarred():
            callback.end = CallbackEnd.REFUSED
    _tell(callback, at, str(callback.end), fact.reason)


def _who_cancelled(contact: Contact, fact: c.CallbackCancelled, cards: CardCache) -> Who | None:
    """The employee whose word ended it: the last in its story who asked for that (C9)."""
    if fact.reason != c.BY_AGENT:
        return None
    asked = [each.agent_id for each in fact.story if each.what == c.CANCEL_ASKED and each.agent_id]
    return cards.who(asked[-1], contact) if asked else None


def _on_connected(
    contact: Contact, callback: Callback, fact: c.CallbackConnected, at: Instant, cards: CardCache
) -> None:
    """The talk may be known already: the queue reports it when the customer was held on the line (C7).

    A talk by another call (C14) counts in that call's contact; this one only names it.
    """
    callback.agent, callback.waited_ms = cards.who(fact.agent_id, contact), fact.waited_ms
    if fact.by_other_call:
        callback.is_by_other_call = True
        if contact.leg(fact.leg_id) is None:
            contact.continued_in = f"leg:{fact.leg_id}"
        return
    at = fact.bridged_at or at
    callback.reached_at = callback.reached_at or at
    if any(talk.leg_id == fact.leg_id and talk.with_leg_id == fact.agent_leg_id for talk in contact.talks):
        return
    note_leg(contact, fact.leg_id)
    note_leg(contact, fact.agent_leg_id)
    contact.talks.append(
        Talk(
            from_at=at,
            leg_id=fact.leg_id,
            with_leg_id=fact.agent_leg_id,
            agent=callback.agent,
            department_id=fact.department_id,
            waited_ms=fact.waited_ms,
        )
    )
    close_talks(contact)
