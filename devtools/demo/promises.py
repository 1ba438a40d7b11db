"""The morning's promises, and whether the log shows that they were kept."""

from collections import Counter

from contracts import callback as c
from contracts import gateway as g
from contracts import queue as q
from contracts import routing as r
from contracts import voicemail as v
from devtools.demo import direct
from devtools.demo.promise import Promise
from devtools.demo.timeline import CALLBACK_ENDS, OFFER_ENDS, PLACE_ENDS, Heard, PlaceView, Timeline
from ringback.words import seconds

CUSTOMERS = 4
HANG_UP_MS_MAX = 2_000
"""A play that ends with its leg is reported together with it; a busy machine takes a moment."""


def promises(timeline: Timeline) -> list[Promise]:
    """Every promise of the morning, judged by the facts alone."""
    return [
        _customers_wait(timeline),
        _place_is_kept(timeline),
        _agent_first(timeline),
        _caller_talks(timeline),
        _apology(timeline),
        _letter(timeline),
        _hang_up(timeline),
        direct.forwarded(timeline),
        direct.not_rung(timeline),
        direct.across(timeline),
        _takeover(timeline),
        _one_end_each(timeline),
        _one_offer_each(timeline),
        _heard(timeline),
    ]


def are_all_kept(timeline: Timeline) -> bool:
    """Whether every promise was kept."""
    return all(promise.is_kept for promise in promises(timeline))


def counts(timeline: Timeline) -> list[tuple[str, str]]:
    """The summary's numbers, each counted on the log."""
    ends = Counter(type(each.fact).__name__ for each in timeline.all(*CALLBACK_ENDS))
    offers = Counter(type(each.fact).__name__ for each in timeline.all(*OFFER_ENDS))
    places = list(timeline.places.values())
    waits = [place.ended_at - place.joined_at for place in places if place.ended_at is not None]
    dials = [each.fact for each in timeline.all(g.LegRequested)]
    direct_calls = {getattr(each.fact, "leg_id", "") for each in timeline.all(r.PersonRung, r.PersonMissed)}
    return [
        ("facts heard", f"{len(timeline.heard)}, said twice and dropped: {timeline.repeats}"),
        ("calls arrived", str(len(timeline.all(g.CallArrived)))),
        ("places taken", f"{len(places)}, ended: {len(waits)}"),
        ("longest place", seconds(max(waits)) if waits else "none"),
        ("positions told", str(sum(len(place.spoken) for place in places))),
        ("offers made", f"{len(timeline.all(q.OfferMade))}: {_listed(offers, 'Offer')}"),
        ("callbacks ordered", f"{len(timeline.all(c.CallbackOrdered))}: {_listed(ends, 'Callback')}"),
        ("phones dialled", str(len(dials))),
        ("direct calls", f"{len(direct_calls)}, forwards: {len(timeline.all(r.CallForwarded))}"),
        (
            "voice messages",
            f"{len(timeline.all(v.MessageTaken))}, stored: {len(timeline.all(v.MessageStored))}",
        ),
        ("letters due", f"{len(timeline.all(v.LetterDue))}, accepted: {len(timeline.all(v.LetterAccepted))}"),
        (f"{timeline.killed} processes", str(len(timeline.waiting_at_claims))),
    ]


def _listed(counted: Counter[str], prefix: str) -> str:
    return (
        ", ".join(f"{number} {name.removeprefix(prefix).lower()}" for name, number in counted.items())
        or "none"
    )


def _customers_wait(timeline: Timeline) -> Promise:
    told = [place for place in timeline.places.values() if place.spoken]
    rising = [place for place in told if place.spoken != sorted(place.spoken, reverse=True)]
    return Promise(
        f"{CUSTOMERS} customers wait and are told their positions, which never rise",
        len(told) >= CUSTOMERS and not rising,
        "; ".join(f"{place.who}: {', '.join(map(str, place.spoken))}" for place in told),
    )


def _place_is_kept(timeline: Timeline) -> Promise:
    """C2: after an order the customer's leg ended, and the place kept its joining time and deadline."""
    kept = []
    for each in timeline.all(c.CallbackOrdered):
        order = each.fact
        assert isinstance(order, c.CallbackOrdered)
        place = timeline.places.get(order.place_id)
        down = _ended(timeline, order.leg_id)
        if place is None or down is None or isinstance(place.end, q.PlaceAbandoned):
            continue
        if (order.joined_at, order.deadline_at) == (place.joined_at, place.deadline_at):
            kept.append(place.who)
    return Promise(
        "a customer orders a callback and hangs up, and the place stays", bool(kept), ", ".join(kept)
    )


def _agent_first(timeline: Timeline) -> Promise:
    """C3: the agent's leg is up before the customer is dialled; then both are bridged and talk."""
    shown = []
    for each in timeline.all(c.CallbackConnected):
        end = each.fact
        assert isinstance(end, c.CallbackConnected)
        # A service's fact and the gateway's answer to its command: either may be the first on the log.
        dialled = [
            _offset(timeline, c.CustomerDialled, leg_id=end.leg_id),
            _offset(timeline, g.LegRequested, leg_id=end.leg_id),
        ]
        steps = [
            _offset(timeline, g.LegAnswered, leg_id=end.agent_leg_id),
            *sorted(dialled, key=lambda offset: offset or 0),
            _offset(timeline, g.LegAnswered, leg_id=end.leg_id),
        ]
        bridges = [
            heard.offset
            for heard in timeline.all(g.Bridged)
            if isinstance(heard.fact, g.Bridged) and {end.leg_id, end.agent_leg_id} <= set(heard.fact.legs)
        ]
        order = [*steps, bridges[0] if bridges else None]
        down = _ended(timeline, end.leg_id)
        known = [step for step in order if step is not None]
        if len(known) == len(order) and known == sorted(known) and down is not None and down.talk_ms > 0:
            who, whom = timeline.words.caller(end.place_id), timeline.words.agent(end.agent_id)
            shown.append(f"{whom}, then {who}; they talked for {seconds(down.talk_ms)}")
    return Promise(
        "an agent comes free: first the agent, then the customer, then they talk",
        bool(shown),
        "; ".join(shown),
    )


def _caller_talks(timeline: Timeline) -> Promise:
    ends = [place for place in timeline.places.values() if isinstance(place.end, q.PlaceConnected)]
    shown = [f"{place.who} after {_waited(place)}" for place in ends if not place.is_callback]
    return Promise("a customer who stays on the line talks to an agent", bool(shown), "; ".join(shown))


def _apology(timeline: Timeline) -> Promise:
    """C4: the customer is not dialled before the deadline, then gets an apology and leaves a message."""
    shown = []
    for each in timeline.all(c.CallbackExpired):
        end = each.fact
        assert isinstance(end, c.CallbackExpired)
        place = timeline.places.get(end.place_id)
        apologies = [
            heard
            for heard in timeline.all(c.ApologyMade)
            if isinstance(heard.fact, c.ApologyMade) and heard.fact.callback_id == end.callback_id
        ]
        dialled = _offset(timeline, c.CustomerDialled, callback_id=end.callback_id)
        taken = _offset(timeline, v.MessageTaken, callback_id=end.callback_id)
        if place is None or not apologies or dialled is not None or taken is None:
            continue
        late_ms = apologies[0].at - place.deadline_at
        if end.has_voice_message and late_ms >= 0:
            shown.append(f"{place.who}, {seconds(late_ms)} after the deadline")
    return Promise("a callback meets its deadline: apology, voice message", bool(shown), "; ".join(shown))


def _letter(timeline: Timeline) -> Promise:
    stored = {
        each.fact.voice_message_id
        for each in timeline.all(v.MessageStored)
        if isinstance(each.fact, v.MessageStored)
    }
    due = [each.fact for each in timeline.all(v.LetterDue) if isinstance(each.fact, v.LetterDue)]
    told = {
        each.fact.letter_id
        for each in timeline.all(v.LetterAccepted)
        if isinstance(each.fact, v.LetterAccepted)
    }
    kept = [letter for letter in due if letter.voice_message_id in stored and letter.letter_id in told]
    return Promise(
        "the voice message goes by letter to every recipient",
        bool(kept) and len(kept) == len([letter for letter in due if letter.voice_message_id is not None]),
        ", ".join(letter.recipient.name for letter in kept),
    )


def _hang_up(timeline: Timeline) -> Promise:
    ends = [place for place in timeline.places.values() if isinstance(place.end, q.PlaceAbandoned)]
    shown = [f"{place.who} after {_waited(place)}" for place in ends]
    return Promise("a customer hangs up in the queue and leaves it", bool(shown), "; ".join(shown))


def _takeover(timeline: Timeline) -> Promise:
    """Q12: a customer with a place when the service was killed keeps that place, and it ends once."""
    text = f"{timeline.killed} is killed with -9 in the middle, and nobody loses the place"
    if len(timeline.waiting_at_claims) < 2:
        return Promise(text, is_kept=False, shown=f"no second process of {timeline.killed} has taken over")
    _, held = timeline.waiting_at_claims[-1]
    taken = Counter[str](
        each.fact.place_id for each in timeline.all(q.PlaceTaken) if isinstance(each.fact, q.PlaceTaken)
    )
    lost = [
        timeline.places[place_id].who
        for place_id in held
        if taken[place_id] != 1 or not _ends(timeline, place_id)
    ]
    names = ", ".join(sorted(timeline.places[place_id].who for place_id in held))
    return Promise(text, bool(held) and not lost, f"{len(held)} places went on: {names}")


def _one_end_each(timeline: Timeline) -> Promise:
    several = [place.who for place in timeline.places.values() if len(_ends(timeline, place.place_id)) != 1]
    ordered = {
        each.fact.callback_id
        for each in timeline.all(c.CallbackOrdered)
        if isinstance(each.fact, c.CallbackOrdered)
    }
    ended = Counter(
        each.fact.callback_id for each in timeline.all(*CALLBACK_ENDS) if isinstance(each.fact, c.CallbackEnd)
    )
    wrong = [callback_id for callback_id in sorted(ordered) if ended[callback_id] != 1]
    return Promise(
        "every place and every callback ends exactly once",
        bool(timeline.places) and not several and not wrong,
        f"{len(timeline.places)} places, {len(ordered)} callbacks",
    )


def _one_offer_each(timeline: Timeline) -> Promise:
    return Promise(
        "nobody ever holds two offers",
        bool(timeline.all(q.OfferMade)) and not timeline.doubly_offered,
        ", ".join(timeline.doubly_offered) or f"{len(timeline.all(q.OfferMade))} offers",
    )


def _heard(timeline: Timeline) -> Promise:
    """No play failed, except those during which the person hung up."""
    downs = {
        each.fact.leg_id: each.at for each in timeline.all(g.LegEnded) if isinstance(each.fact, g.LegEnded)
    }
    silent, plays = [], timeline.all(g.PlayFinished)
    for each in plays:
        play = each.fact
        assert isinstance(play, g.PlayFinished)
        if not play.ok and downs.get(play.leg_id, each.at + HANG_UP_MS_MAX) >= each.at + HANG_UP_MS_MAX:
            silent.append(play.play_id)
    return Promise(
        "whatever was to be played was heard, numbers included",
        bool(plays) and not silent,
        f"{len(plays)} plays" if not silent else ", ".join(silent),
    )


def _ends(timeline: Timeline, place_id: str) -> list[Heard]:
    return [each for each in timeline.all(*PLACE_ENDS) if getattr(each.fact, "place_id", None) == place_id]


def _ended(timeline: Timeline, leg_id: str | None) -> g.LegEnded | None:
    for each in timeline.all(g.LegEnded):
        if isinstance(each.fact, g.LegEnded) and each.fact.leg_id == leg_id:
            return each.fact
    return None


def _offset(timeline: Timeline, kind: type, **wanted: str) -> int | None:
    for each in timeline.all(kind):
        if all(getattr(each.fact, name) == value for name, value in wanted.items()):
            return each.offset
    return None


def _waited(place: PlaceView) -> str:
    return seconds((place.ended_at or place.joined_at) - place.joined_at)
