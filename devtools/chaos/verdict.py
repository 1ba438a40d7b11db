"""Judges a run by what it left behind: lost or doubled effects, broken invariants."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from contracts import callback, gateway, queue, routing, voicemail
from contracts.callback import CallbackEnd
from contracts.telephony import DialLeg
from devtools.chaos.reading import CompanyHistory, Leavings
from devtools.chaos.silences import (
    Hearing,
    hearing,
    nobody_holds_a_dead_line,
    nobody_is_left_in_silence,
)
from devtools.invariants import SENTENCES, History, accepted, accepted_records, by_gateways, deadlines_met
from devtools.oracle import no_offer_inverts_the_order, the_log_explains_itself
from runtime.decision import Decider
from services.callback.service import SERVICE as CALLBACK
from services.queue.service import SERVICE as QUEUE
from services.routing.service import SERVICE as ROUTING
from services.voicemail.service import SERVICE as VOICEMAIL

DECIDERS: Final[tuple[Decider[Any], ...]] = (ROUTING, QUEUE, CALLBACK, VOICEMAIL)
LATE_MS_MAX: Final = 45_000
"""A ring may finish (12 s) and a notice may play; the rest is for a busy machine.
Outages, from each fault to its recovery, are subtracted before."""
REFUSED_ON_DEMAND: Final = "on demand"
"""The mark in a mail server's answer that the chaos run itself ordered."""


@dataclass(slots=True)
class Effect:
    """One kind of effect: how many were due, and which never came or came more than once."""

    name: str
    due: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    repeats_allowed: int = 0
    """Second copies that are allowed (a letter whose answer was lost)."""

    def count(self, due: Iterable[str], done: Mapping[Any, int], allowed: Iterable[str] = ()) -> None:
        """Count effects that are due once each; `allowed` ones may come again and are counted."""
        may_repeat = set(allowed)
        for each in sorted(set(due)):
            self.due += 1
            if done.get(each, 0) == 0:
                self.lost.append(each)
            elif done[each] > 1 and each in may_repeat:
                self.repeats_allowed += done[each] - 1
            elif done[each] > 1:
                self.doubled.append(f"{each} ({done[each]} times)")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The effects, and every broken invariant with its name."""

    effects: tuple[Effect, ...]
    wrongs: tuple[tuple[str, str], ...]
    sentences: int
    hearing: Hearing | None = None
    """What the sentences about sound rest on; None: nobody's phone can tell."""

    @property
    def lost(self) -> int:
        """Effects that never came."""
        return sum(len(effect.lost) for effect in self.effects)

    @property
    def doubled(self) -> int:
        """Effects that came more than once."""
        return sum(len(effect.doubled) for effect in self.effects)

    @property
    def is_fine(self) -> bool:
        """Whether nothing was lost or doubled, every invariant holds, and the run was not empty."""
        return not (self.wrongs or self.lost or self.doubled) and all(effect.due for effect in self.effects)

    def lines(self) -> list[str]:
        """All that is wrong, one line each."""
        lines = []
        for effect in self.effects:
            lines += [f"{effect.name}, lost: {each}" for each in effect.lost]
            lines += [f"{effect.name}, doubled: {each}" for each in effect.doubled]
            if not effect.due:
                lines.append(f"{effect.name}: none was due, so nothing is shown")
        return lines + [f"{sentence}: {wrong}" for sentence, wrong in self.wrongs]


def calls(history: History, effect: Effect) -> None:
    """Routing has taken every call that arrived."""
    arrived = [fact.leg_id for fact in by_gateways(history) if isinstance(fact, gateway.CallArrived)]
    said = accepted(history, "routing")
    effect.count(arrived, Counter(fact.leg_id for fact in said if isinstance(fact, routing.CallTaken)))


def joinings(history: History, effect: Effect) -> None:
    """Every caller who was still there when a department was reached got one place in its queue."""
    ended: dict[str, int] = {}
    for each in history.facts:
        if isinstance(each.fact, gateway.LegEnded):
            ended.setdefault(each.fact.leg_id, each.offset)
    reached = [
        each.fact.leg_id
        for each in accepted_records(history, "routing")
        if isinstance(each.fact, routing.DepartmentReached)
        and ended.get(each.fact.leg_id, each.offset) >= each.offset
    ]
    # A place that was passed on by another department is not the call's own.
    taken = Counter(
        fact.leg_id
        for fact in accepted(history, "queue")
        if isinstance(fact, queue.PlaceTaken) and fact.leg_id is not None and fact.passed_from is None
    )
    effect.count(reached, taken)


def places(history: History, effect: Effect) -> None:
    """Every place ended once."""
    taken, ends = [], Counter[str]()
    for fact in accepted(history, "queue"):
        match fact:
            case queue.PlaceTaken():
                taken.append(fact.place_id)
            case queue.CallbackTakenOver():
                ends[fact.new_place_id] += 1
            case (
                queue.PlaceConnected() | queue.PlaceAbandoned() | queue.PlaceDiverted() | queue.PlaceClosed()
            ):
                ends[fact.place_id] += 1
            case _:
                pass
    effect.count(taken, ends)


def callbacks(history: History, effect: Effect) -> None:
    """Every callback ended once."""
    said = tuple(accepted(history, "callback"))
    ordered = [fact.callback_id for fact in said if isinstance(fact, callback.CallbackOrdered)]
    effect.count(ordered, Counter(fact.callback_id for fact in said if isinstance(fact, CallbackEnd)))


def dials(history: History, effect: Effect) -> None:
    """Every command to dial was carried out or refused, and no phone rang more often than was requested."""
    asked = [each.command.leg_id for each in history.commands if isinstance(each.command, DialLeg)]
    requested, refused, addresses = Counter[str](), set[str](), Counter[str]()
    for fact in by_gateways(history):
        if isinstance(fact, gateway.LegRequested):
            requested[fact.leg_id] += 1
            addresses[f"dialled {fact.address}"] += 1
        if isinstance(fact, gateway.CommandRefused) and fact.leg_id is not None:
            refused.add(fact.leg_id)
    # Many legs are cancelled before their command is carried out: that is a refusal, not a loss.
    answered = requested + Counter(leg_id for leg_id in refused if requested[leg_id] == 0)
    effect.count(asked, answered)
    for what, count in sorted(history.dialled.items()):
        if what.startswith("dialled ") and count > addresses[what]:
            effect.doubled.append(f"{what}: {count} times for {addresses[what]} requests")


def legs(history: History, effect: Effect) -> None:
    """Every leg ended once."""
    said = tuple(by_gateways(history))
    begun = [fact.leg_id for fact in said if isinstance(fact, gateway.CallArrived | gateway.LegRequested)]
    effect.count(begun, Counter(fact.leg_id for fact in said if isinstance(fact, gateway.LegEnded)))


def recordings(history: History, effect: Effect) -> None:
    """Every recording became a voice message, or has a reason why not."""
    asked = [
        fact.voice_message_id
        for fact in accepted(history, "voicemail")
        if isinstance(fact, voicemail.RecordingAsked)
    ]
    kinds = (voicemail.MessageStored, voicemail.MessageMissing, voicemail.MessageQuarantined)
    # An edge may say a result several times; one must exist.
    ended = {each.fact.voice_message_id for each in history.facts if isinstance(each.fact, kinds)}
    effect.count(asked, Counter(dict.fromkeys(ended, 1)))


def letters(history: History, effect: Effect) -> None:
    """Every letter came once, or the mail server refused it for good."""
    due = [fact.letter_id for fact in accepted(history, "voicemail") if isinstance(fact, voicemail.LetterDue)]
    came = Counter(letter.letter_id for letter in history.mailbox)
    allowed = []
    for each in history.facts:
        match each.fact:
            case voicemail.LetterFailed() if REFUSED_ON_DEMAND in each.fact.answer:
                came[each.fact.letter_id] = max(1, came[each.fact.letter_id])
            case voicemail.LetterAccepted() if each.fact.is_repeat_possible:
                allowed.append(each.fact.letter_id)
            case _:
                pass
    effect.count(due, came, allowed)


EFFECTS: Final[tuple[tuple[str, Callable[[History, Effect], None]], ...]] = (
    ("calls that routing took", calls),
    ("callers who got a place", joinings),
    ("places that ended", places),
    ("callbacks that ended", callbacks),
    ("phones dialled", dials),
    ("legs that ended", legs),
    ("recordings kept or explained", recordings),
    ("letters delivered", letters),
)


def nobody_waits_past_a_deadline(history: CompanyHistory) -> Iterator[str]:
    """Q5: faults delay deadlines by no more than the recovery takes."""
    yield from deadlines_met(history, slack_ms=LATE_MS_MAX, outages=[each.span for each in history.outages])


def no_letter_fails_by_itself(history: History) -> Iterator[str]:
    """V4: a letter fails for good only after a final refusal by the mail server."""
    for each in history.facts:
        if isinstance(each.fact, voicemail.LetterFailed) and REFUSED_ON_DEMAND not in each.fact.answer:
            yield f"the letter {each.fact.letter_id} failed: {each.fact.answer}"


def every_agent_is_free_again(history: History) -> Iterator[str]:
    """G3: no agent stays busy for a call that has ended."""
    busy = set()
    for fact in accepted(history, "queue"):
        if isinstance(fact, queue.AgentBusy):
            busy.add(fact.agent_id)
        elif isinstance(fact, queue.AgentFreed):
            busy.discard(fact.agent_id)
    for agent_id in sorted(busy):
        yield f"{agent_id} is still busy"


def the_log_is_explained(history: History) -> Iterator[str]:
    """Every output of every decider follows from the log, each once, in order, none missing."""
    yield from the_log_explains_itself(history, DECIDERS)


def no_inversion(history: History) -> Iterator[str]:
    """Q3: no agent is offered a later place while an earlier one could have the agent."""
    yield from no_offer_inverts_the_order(history, QUEUE)


ALL_SENTENCES: Final = (
    *SENTENCES,
    nobody_waits_past_a_deadline,
    no_letter_fails_by_itself,
    every_agent_is_free_again,
    the_log_is_explained,
    no_inversion,
)
OF_EARS: Final = (nobody_is_left_in_silence, nobody_holds_a_dead_line)
"""Sentences about what people heard, which only real phones can tell."""


def verdict(found: Leavings) -> Verdict:
    """Judge all companies of a run."""
    effects = []
    for name, counted in EFFECTS:
        effect = Effect(name)
        for company in found.companies:
            counted(company, effect)
        effects.append(effect)
    wrongs = [each for company in found.companies for each in broken(company)]
    if found.dead_letters:
        wrongs.append(("no record is unreadable", f"{found.dead_letters} dead letters"))
    wrongs += [("every letter was asked for", f"nobody asked for {each}") for each in found.unknown_letters]
    if not any(company.ears for company in found.companies):
        return Verdict(tuple(effects), tuple(wrongs), len(ALL_SENTENCES) + 2)
    count = len(ALL_SENTENCES) + len(OF_EARS) + 2
    return Verdict(tuple(effects), tuple(wrongs), count, hearing(found.companies))


def broken(company: CompanyHistory) -> Iterator[tuple[str, str]]:
    """The invariants that do not hold for a company."""
    for sentence in (*ALL_SENTENCES, *(OF_EARS if company.ears else ())):
        for wrong in sentence(company):
            yield sentence.__name__.replace("_", " "), f"{company.name}: {wrong}"
