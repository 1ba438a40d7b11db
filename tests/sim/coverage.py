"""What a set of mornings has shown: types of messages, and ends of places, offers, callbacks and letters.

If an end never comes, nothing is proven about what leads to it: `lacking` names it, and the run fails.
`ELSEWHERE` lists what the simulation can't show, with the reason.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final

from contracts import callback, gateway, queue, voicemail
from contracts.dialling import Refusal
from contracts.directory import ActionKind
from contracts.gateway import Outcome
from contracts.message import type_name
from contracts.queue import DivertReason
from contracts.voicemail import LetterKind, MissingReason
from services.gateway.service import SAYS as GATEWAY_SAYS
from tests.sim.returning_customers import BEGINS, IN_A_CALLBACK, Moment
from tests.sim.world import DECIDERS, Run

ACTIVITIES_SAY: Final = (
    voicemail.MessageStored,
    voicemail.MessageQuarantined,
    voicemail.StoringDeferred,
    voicemail.LetterAccepted,
    voicemail.LetterDeferred,
    voicemail.LetterFailed,
)
ELSEWHERE: Final = {
    "gateway says gateway.extension_checked": "only the directory asks for it, which is not played",
    "gateway says gateway.media_lost": "no phone of a morning loses its sound: tests/unit/gateway",
    "voicemail says voicemail.message_quarantined": "after a week without S3: tests/unit/voicemail",
    "letter: unheard": "three weeks after the voice message: tests/unit/voicemail, tests/integration/history",
    "routing says routing.try_leg_skipped": "a later phone that was given to another: tests/unit/routing",
    "callback says callback.join_refused": "a key in the very moment in which the attempt ends",
    "callback says callback.confirmation_asked": "no department wants a key: tests/unit/callback",
    "callback says telephony.start_hold_music": "for a held customer, beside callback.customer_held",
}


def seen(run: Run) -> frozenset[str]:
    """What one morning has shown, each thing as a line of text."""
    found = {f"{_speaker(said.envelope.source)} says {said.envelope.type}" for said in run.facts}
    found.update(f"{sent.envelope.source} says {type_name(sent.command)}" for sent in run.commands)
    found.update(end for said in run.facts if (end := _end(said.fact)) is not None)
    found.update(f"calls again: {moment}" for moment in _calls_again(run))
    return frozenset(found)


def _calls_again(run: Run) -> Iterator[Moment]:
    """In which phases of their callbacks customers have called."""
    numbers: dict[str, str] = {}
    moments: dict[str, Moment] = {}
    for said in run.facts:
        fact: Any = said.fact
        if isinstance(fact, callback.CallbackOrdered):
            numbers[fact.callback_id] = numbers[fact.place_id] = fact.number
        if isinstance(fact, gateway.CallArrived) and fact.caller in moments:
            yield moments[fact.caller]
        moment = BEGINS.get(said.envelope.type)
        number = numbers.get(str(getattr(fact, "callback_id", None) or getattr(fact, "place_id", "")))
        if moment is not None and number is not None:
            moments[number] = moment


def _speaker(source: str) -> str:
    return source.partition("/")[0]


def _end(fact: Any) -> str | None:
    return _end_in_the_queue(fact) or _end_elsewhere(fact)


def _end_in_the_queue(fact: Any) -> str | None:
    match fact:
        case queue.PlaceDiverted():
            return f"place diverted, {fact.action}: {fact.reason}"
        case queue.FallbackRung():
            return f"fallback employee rung: {fact.reason}"
        case queue.PlaceClosed():
            return f"place closed: {fact.outcome}"
        case queue.OfferWithdrawn():
            return f"offer withdrawn: {fact.reason}"
        case _:
            return None


def _end_elsewhere(fact: Any) -> str | None:
    match fact:
        case callback.CallbackExpired():
            message = "with a message" if fact.has_voice_message else "without a message"
            return f"callback expired: {message}, {'told' if fact.was_told else 'not told'}"
        case callback.CallbackCancelled():
            return f"callback cancelled: {fact.reason}"
        case callback.CallbackRefused():
            return f"order refused: {fact.reason}"
        case voicemail.MessageMissing():
            return f"voice message missing: {fact.reason}"
        case voicemail.LetterDue():
            return f"letter: {fact.kind}"
        case gateway.LegEnded():
            return f"leg ended: {fact.outcome}"
        case _:
            return None


def wanted() -> frozenset[str]:
    """Everything that must be shown: all messages in the services' `says`, and all ends."""
    says = {f"{decider.name} says {type_name(each)}" for decider in DECIDERS for each in decider.says} | {
        f"gateway says {type_name(each)}" for each in GATEWAY_SAYS
    }
    says |= {f"voicemail.activities says {type_name(each)}" for each in ACTIVITIES_SAY}
    actions = (ActionKind.HANG_UP, ActionKind.OTHER_DEPARTMENT, ActionKind.VOICEMAIL)
    reasons = (DivertReason.DEADLINE, DivertReason.NOBODY_CAN_COME, DivertReason.QUEUE_FULL)
    refusals = (
        Refusal.DENIED,
        Refusal.SWITCHED_OFF,
        Refusal.TOO_MANY_FOR_NUMBER,
        Refusal.NO_TIME_LEFT,
    )
    ends = {
        *(f"place diverted, {action}: {reason}" for action, reason in product(actions, reasons)),
        f"place diverted, {ActionKind.VOICEMAIL}: {DivertReason.FALLBACK_UNANSWERED}",
        *(f"fallback employee rung: {reason}" for reason in reasons),
        *(f"place closed: {how}" for how in ("connected", "expired", "unreached", "cancelled", "barred")),
        "place closed: confirmed",
        *(f"offer withdrawn: {why}" for why in ("caller_gone", "taken_by_another", "suspended", "removed")),
        "callback expired: with a message, told",
        "callback expired: without a message, told",
        "callback expired: without a message, not told",
        *(f"callback cancelled: {why}" for why in ("by_customer", "talked_on_ordering_leg")),
        *(f"order refused: {reason}" for reason in refusals),
        *(f"voice message missing: {reason}" for reason in MissingReason),
        *(f"letter: {kind}" for kind in LetterKind),
        *(f"leg ended: {outcome}" for outcome in Outcome),
        *(f"calls again: {moment}" for moment in IN_A_CALLBACK if moment in BEGINS.values()),
    }
    return frozenset(says | ends) - ELSEWHERE.keys()


def lacking(shown: Iterable[frozenset[str]]) -> list[str]:
    """What none of the mornings has shown, in alphabetical order."""
    return sorted(wanted().difference(*shown))


MORNINGS_MIN: Final = 200
"""How many mornings must show everything; fewer lack rare ends."""


class Gathered:
    """What mornings have shown, one file each, so that several processes can gather it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def note(self, run: Run) -> None:
        """Save what a morning has shown."""
        unfinished = self._folder / f"{run.seed}.unfinished"
        unfinished.write_text("\n".join(sorted(seen(run))))
        unfinished.rename(self._folder / f"{run.seed}.txt")

    def judge(self) -> None:
        """Write the report beside the mornings. Raises AssertionError if enough of them lack something."""
        shown = [frozenset(path.read_text().splitlines()) for path in sorted(self._folder.glob("*.txt"))]
        counts = Counter(thing for each in shown for thing in each)
        report = self._folder / "report.md"
        report.write_text("".join(f"{counts[thing]:5} {thing}\n" for thing in sorted({*counts, *wanted()})))
        lacks = lacking(shown) if len(shown) >= MORNINGS_MIN else []
        assert not lacks, f"none of {len(shown)} mornings shows {lacks}; the whole report is {report}"
