"""Routing's facts in a contact: direct calls, forwards, the answering machine, the end (H1 to H3)."""

from contracts import routing as r
from contracts.ids import Instant
from services.history.rules.card_cache import CardCache
from services.history.rules.legs import close_talks, note_leg
from services.history.rules.tries import add_try, end_try
from services.history.state import Contact, Direction, Stop, Talk, Try, TryEnd, TryKind

RoutingFact = (
    r.CallTaken
    | r.PersonRung
    | r.PersonAnswered
    | r.PersonMissed
    | r.CallForwarded
    | r.ExternalDialled
    | r.ExternalEnded
    | r.CallConnected
    | r.DepartmentReached
    | r.VoicemailReached
    | r.CallEnded
)
_ENDS = {
    r.MissReason.NO_ANSWER: TryEnd.MISSED,
    r.MissReason.DECLINED: TryEnd.DECLINED,
    r.MissReason.BUSY: TryEnd.BUSY,
    r.MissReason.UNREACHABLE: TryEnd.UNREACHABLE,
    r.MissReason.ABSENT: TryEnd.ABSENT,
    r.MissReason.OUT_OF_HOURS: TryEnd.OUT_OF_HOURS,
    r.MissReason.REMOVED: TryEnd.REMOVED,
    r.MissReason.CALLER_GONE: TryEnd.CALLER_GONE,
}


def apply(contact: Contact, fact: RoutingFact, at: Instant, cards: CardCache) -> None:
    """Fold one fact."""
    match fact:
        case r.CallTaken():
            _on_call_taken(contact, fact, cards)
        case r.PersonRung():
            _on_person_rung(contact, fact, at, cards)
        case r.PersonAnswered():
            _on_person_answered(contact, fact, at)
        case r.PersonMissed():
            _on_person_missed(contact, fact, at, cards)
        case r.CallForwarded():
            _stop(contact, fact.to, at, cards)
        case r.ExternalDialled():
            _on_external_dialled(contact, fact, at)
        case r.ExternalEnded():
            _on_external_ended(contact, fact, at)
        case r.CallConnected():
            _on_call_connected(contact, fact, at, cards)
        case r.DepartmentReached():
            _on_department_reached(contact, fact, at, cards)
        case r.VoicemailReached():
            _on_voicemail_reached(contact, fact, at, cards)
        case r.CallEnded():
            _on_call_ended(contact, fact, cards)


def _on_call_taken(contact: Contact, fact: r.CallTaken, cards: CardCache) -> None:
    if fact.is_internal:
        contact.direction, contact.number = Direction.INTERNAL, None
    if fact.caller_agent_id is not None:
        contact.caller = cards.who(fact.caller_agent_id, contact)
    note_leg(contact, fact.leg_id)


def _on_person_rung(contact: Contact, fact: r.PersonRung, at: Instant, cards: CardCache) -> None:
    who = cards.who(fact.agent_id, contact)
    if not contact.stops or contact.stops[-1].agent != who:
        contact.stops.append(Stop(at=at, rule=fact.rule, agent=who))
    add_try(contact, Try(try_id=fact.try_id, kind=TryKind.DIRECT, rung_at=at, agent=who))


def _on_person_answered(contact: Contact, fact: r.PersonAnswered, at: Instant) -> None:
    note_leg(contact, fact.agent_leg_id)
    end_try(contact, fact.try_id, TryEnd.ACCEPTED, at)


def _on_person_missed(contact: Contact, fact: r.PersonMissed, at: Instant, cards: CardCache) -> None:
    """A person who was not rung counts as tried, too, so that the row shows who was absent."""
    if fact.try_id is not None and contact.find_try(fact.try_id) is not None:
        end_try(contact, fact.try_id, _ENDS[fact.reason], at)
        return
    number = sum(1 for each in contact.tries if each.kind is TryKind.DIRECT)
    made = Try(
        try_id=fact.try_id or f"{fact.leg_id}/{number}",
        kind=TryKind.DIRECT,
        rung_at=at,
        agent=cards.who(fact.agent_id, contact),
        ended_at=at,
        end=_ENDS[fact.reason],
    )
    add_try(contact, made)


def _stop(contact: Contact, to: r.Hop, at: Instant, cards: CardCache) -> None:
    who = None if to.agent_id is None else cards.who(to.agent_id, contact)
    department = None if to.department_id is None else cards.whither(to.department_id, contact)
    contact.stops.append(Stop(at=at, rule=to.rule, agent=who, department=department))


def _on_external_dialled(contact: Contact, fact: r.ExternalDialled, at: Instant) -> None:
    note_leg(contact, fact.to_leg_id)
    add_try(contact, Try(try_id=fact.try_id, kind=TryKind.EXTERNAL, rung_at=at, number=fact.number))


def _on_external_ended(contact: Contact, fact: r.ExternalEnded, at: Instant) -> None:
    end = TryEnd.REFUSED if fact.outcome is None else TryEnd.UNREACHABLE
    end_try(contact, fact.try_id, end, at, reason=fact.reason or str(fact.outcome or ""))


def _on_call_connected(contact: Contact, fact: r.CallConnected, at: Instant, cards: CardCache) -> None:
    known = {(talk.leg_id, talk.with_leg_id) for talk in contact.talks}
    if (fact.leg_id, fact.with_leg_id) in known:
        return
    note_leg(contact, fact.leg_id)
    note_leg(contact, fact.with_leg_id)
    for each in contact.tries:
        if each.kind is TryKind.EXTERNAL and each.ended_at is None and fact.agent_id is None:
            each.ended_at, each.end = at, TryEnd.ACCEPTED
    contact.talks.append(
        Talk(
            from_at=at,
            leg_id=fact.leg_id,
            with_leg_id=fact.with_leg_id,
            agent=None if fact.agent_id is None else cards.who(fact.agent_id, contact),
            waited_ms=fact.waited_ms,
        )
    )
    close_talks(contact)


def _on_department_reached(
    contact: Contact, fact: r.DepartmentReached, at: Instant, cards: CardCache
) -> None:
    department = cards.whither(fact.department_id, contact)
    leg = contact.leg(fact.leg_id)
    if leg is not None and leg.ended_at is not None and not contact.places:
        # The caller hung up before the queue took the call: no place follows, but the department missed it.
        contact.end_reason, contact.waited_ms = r.EndReason.ABANDONED, leg.ended_at - contact.started_at
    if contact.stops and contact.stops[-1].department == department:
        return  # A forward has added this stop.
    contact.stops.append(Stop(at=at, rule=fact.rule, department=department))


def _on_voicemail_reached(contact: Contact, fact: r.VoicemailReached, at: Instant, cards: CardCache) -> None:
    contact.waited_ms = max(0, at - fact.arrived_at)
    if fact.agent_id is not None:
        contact.machine_of = cards.who(fact.agent_id, contact)


def _on_call_ended(contact: Contact, fact: r.CallEnded, cards: CardCache) -> None:
    contact.end_reason, contact.waited_ms = fact.reason, fact.waited_ms
    if fact.missed_by is not None:
        contact.missed_by = cards.who(fact.missed_by, contact)
