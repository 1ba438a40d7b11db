"""The timeline of a contact: everything that happened, who was rung, and why others were not."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from msgspec import Struct

from services.console.rules import callback_words, formats, story_words
from services.console.rules.contact_words import Mark, mark_of
from services.console.rules.navigation import marked
from services.console.rules.phrase import At, Lasting, Phrase
from services.console.rules.wallboard_words import ORIGINS
from services.console.state.contact import CallbackTold, Contact, Message, Place, Stop, Talk, Try

SAME_MS: Final = 2_000
"""A stop and what begins there are facts of two services, so much apart at most."""
SECOND_MS: Final = 1_000
"""Below it nothing is said of how long somebody was rung."""


class Entry(Struct, frozen=True, kw_only=True):
    """One line of the timeline; `skipped`: why others were not rung, and who."""

    at: int
    mark: Mark
    said: Phrase
    more: tuple[Phrase, ...] = ()
    skipped: tuple[tuple[Phrase, tuple[str, ...]], ...] = ()


def story(contact: Contact, names: Mapping[str, str]) -> tuple[Entry, ...]:
    """Everything in its order. `names` are agents' by their ids: whom it lacks is not named."""
    entries = [
        *_beginning(contact),
        *_stops(contact),
        *(each for place in contact.places for each in _place(contact, place)),
        *_tries(contact, names),
        *(each for callback in contact.callbacks for each in _callback(callback)),
        *(_talk(each) for each in contact.talks),
        *(each for message in contact.messages for each in _message(message)),
        *_end(contact),
    ]
    return tuple(sorted(entries, key=lambda each: each.at))


def _beginning(contact: Contact) -> Iterator[Entry]:
    row = contact.row
    mark = Mark("wait", "line", "")
    if row.caller:
        yield Entry(at=row.started_at, mark=mark, said=Phrase(marked("%(who)s calls"), {"who": row.caller}))
    elif row.line and row.direction == "incoming":
        said = Phrase(marked("Call to %(line)s"), {"line": formats.number(row.line)})
        yield Entry(at=row.started_at, mark=mark, said=said)


def _stops(contact: Contact) -> Iterator[Entry]:
    """The stops at which nothing else begins; the others' rule stands there."""
    for stop in contact.stops:
        who = stop.agent or stop.department
        if who is None or _begins(contact, stop):
            continue
        said = Phrase(marked("On to: %(who)s"), {"who": who.label})
        yield Entry(at=stop.at, mark=Mark("wait", "back", ""), said=said, more=_rule(stop))


def _begins(contact: Contact, stop: Stop) -> bool:
    """Whether a try or a place begins at this stop."""
    if stop.agent is not None:
        return any(each.agent == stop.agent and _is_near(each.rung_at, stop.at) for each in contact.tries)
    return any(
        each.department == stop.department and _is_near(each.joined_at, stop.at) for each in contact.places
    )


def _is_near(at: int, other_at: int) -> bool:
    return abs(at - other_at) <= SAME_MS


def _rule(stop: Stop | None) -> tuple[Phrase, ...]:
    word = story_words.RULES.get(stop.rule) if stop is not None else None
    return () if word is None else (Phrase(word),)


def _place(contact: Contact, place: Place) -> Iterator[Entry]:
    stop = next(
        (
            each
            for each in contact.stops
            if each.department == place.department and _is_near(each.at, place.joined_at)
        ),
        None,
    )
    refusals = (callback_words.refusal_of(each) for each in place.refusals)
    yield Entry(
        at=place.joined_at,
        mark=Mark("wait", "hourglass", ""),
        said=Phrase(
            marked("In the queue of %(department)s, position %(position)s"),
            {"department": place.department.label, "position": str(place.position)},
        ),
        more=(
            *_rule(stop),
            Phrase(marked("Deadline %(at)s"), {"at": At(place.deadline_at)}),
            *(Phrase(marked("Callback refused: %(reason)s"), {"reason": Phrase(each)}) for each in refusals),
        ),
    )
    if place.ended_at is None:
        return
    waited = (Phrase(marked("Waited %(time)s"), {"time": Lasting(place.waited_ms)}),)
    if place.end == "abandoned":
        said = Phrase(marked("The customer hung up while waiting"))
        yield Entry(at=place.ended_at, mark=Mark("soon", "no", ""), said=said, more=waited)
    elif place.end == "diverted":
        action = story_words.ACTIONS.get(place.action or "")
        more = waited if action is None else (*waited, Phrase(action))
        said = Phrase(marked("Nobody answered in time"))
        yield Entry(at=place.ended_at, mark=Mark("soon", "hourglass", ""), said=said, more=more)
    elif place.end == "continued":
        said = Phrase(marked("Goes on in another call of this customer"))
        yield Entry(at=place.ended_at, mark=Mark("wait", "back", ""), said=said)


def _tries(contact: Contact, names: Mapping[str, str]) -> Iterator[Entry]:
    """Those who were rung at once for one place are one line."""
    alone = [each for each in contact.tries if each.place_id is None]
    rung = sorted(
        (each for each in contact.tries if each.place_id is not None),
        key=lambda each: (each.rung_at, each.place_id or "", each.kind),
    )
    for each in alone:
        stop = next(
            (stop for stop in contact.stops if stop.agent == each.agent and _is_near(stop.at, each.rung_at)),
            None,
        )
        yield _rung([each], names, before=_rule(stop))
    for _, group in groupby(rung, key=lambda each: (each.rung_at, each.place_id, each.kind)):
        yield _rung(list(group), names)


def _rung(tries: Sequence[Try], names: Mapping[str, str], *, before: tuple[Phrase, ...] = ()) -> Entry:
    first = tries[0]
    who = {"who": ", ".join(_tried(each) for each in tries)}
    ends = [_try_end(each, is_alone=len(tries) == 1) for each in tries]
    more = (*before, *(each for each in ends if each is not None))
    if first.end in story_words.NOT_RUNG and first.ended_at == first.rung_at:
        return Entry(
            at=first.rung_at,
            mark=Mark("away", "moon", ""),
            said=Phrase(marked("Not rung: %(who)s"), who),
            more=more,
        )
    if first.kind == "fallback":
        said = Phrase(marked("Rung in place of the department: %(who)s"), who)
    elif first.agent is None:
        said = Phrase(marked("Dialled: %(who)s"), who)
    else:
        said = Phrase(marked("Rung: %(who)s"), who)
    return Entry(
        at=first.rung_at, mark=Mark("ring", "bell", ""), said=said, more=more, skipped=_skipped(tries, names)
    )


def _tried(each: Try) -> str:
    return formats.number(each.number) if each.agent is None else each.agent.label


def _try_end(each: Try, *, is_alone: bool) -> Phrase | None:
    """How it ended and after how long; among several with the name."""
    if each.end is None or each.ended_at is None:
        return None
    word = story_words.TRY_ENDS.get(each.end, each.end)
    if each.end == "withdrawn" and each.reason == story_words.TAKEN:
        word = story_words.TAKEN_WORD
    lasted = each.ended_at - each.rung_at
    what = Phrase(word)
    if lasted >= SECOND_MS:
        what = Phrase(marked("%(what)s, after %(time)s"), {"what": what, "time": Lasting(lasted)})
    return what if is_alone else Phrase("%(who)s: %(what)s", {"who": _tried(each), "what": what})


def _skipped(tries: Sequence[Try], names: Mapping[str, str]) -> tuple[tuple[Phrase, tuple[str, ...]], ...]:
    """Who was not rung at this moment, by the reason; the order is the queue's."""
    found: dict[str, list[str]] = {}
    for skip in {skip: None for each in tries for skip in each.skipped}:
        if skip.agent_id in names:
            found.setdefault(skip.reason, []).append(names[skip.agent_id])
    return tuple(
        (Phrase(story_words.standing(reason).word), tuple(listed)) for reason, listed in found.items()
    )


def _talk(talk: Talk) -> Entry:
    if talk.agent is None:
        said = Phrase(marked("Talk on an outside number"))
    else:
        said = Phrase(marked("Talk: %(who)s"), {"who": talk.agent.label})
    lasted = Phrase(marked("Goes on"))
    if talk.until_at is not None:
        lasted = Phrase(marked("Lasted %(time)s"), {"time": Lasting(talk.until_at - talk.from_at)})
    return Entry(at=talk.from_at, mark=Mark("free", "bubble", ""), said=said, more=(lasted,))


def _callback(callback: CallbackTold) -> Iterator[Entry]:
    for step in callback.story:
        mark = story_words.STEPS.get(step.what) or Mark("away", "info", step.what)
        who = "" if step.agent is None else step.agent.label
        words = {
            "ordered": ORIGINS,
            "refused": callback_words.REFUSALS,
            "attempt_failed": callback_words.DIAL_ENDS,
            "apology_failed": callback_words.DIAL_ENDS,
        }.get(step.what, {})
        reason = words.get(step.reason)
        yield Entry(
            at=step.at,
            mark=mark,
            said=Phrase(mark.word, {"who": who} if "%(who)s" in mark.word else {}),
            more=() if reason is None else (Phrase(reason),),
        )


def _message(message: Message) -> Iterator[Entry]:
    lasted = Phrase(marked("Lasted %(time)s"), {"time": Lasting(message.duration_ms)})
    said = Phrase(marked("Voice message left"))
    yield Entry(at=message.taken_at, mark=Mark("talk", "voice", ""), said=said, more=(lasted,))
    for done, text in (
        (message.heard, marked("%(who)s has heard the voice message")),
        (message.claimed, marked("%(who)s has taken the voice message")),
        (message.called_back, marked("%(who)s has called back")),
    ):
        if done is not None:
            yield Entry(at=done.at, mark=Mark("wrap", "tick", ""), said=Phrase(text, {"who": done.name}))
    for letter in message.letters:
        who = {"who": letter.name}
        if letter.at is not None and letter.state == "accepted":
            said = Phrase(marked("Letter sent: %(who)s"), who)
            yield Entry(at=letter.at, mark=Mark("wait", "tick", ""), said=said)
        elif letter.at is not None and letter.state == "failed":
            said = Phrase(marked("Letter not delivered: %(who)s"), who)
            yield Entry(at=letter.at, mark=Mark("late", "warning", ""), said=said)


def _end(contact: Contact) -> Iterable[Entry]:
    row = contact.row
    if row.ended_at is None:
        return ()
    mark = mark_of(row.outcome)
    said = Phrase(marked("End: %(outcome)s"), {"outcome": Phrase(mark.word)})
    return (Entry(at=row.ended_at, mark=mark, said=said),)
