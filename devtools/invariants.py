"""Invariants of any run, decided from log, commands and mailbox alone.

Each is a function that yields its violations in words. The simulation and the chaos run share them; the tests
of both show that each one finds its violation.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

from contracts import callback, gateway, log, queue, voicemail
from contracts.callback import CallbackEnd
from contracts.codec import Envelope
from contracts.dialling import refusal
from contracts.directory import OrganizationSaved
from contracts.telephony import DialLeg
from contracts.voicemail import SendLetter
from ringback.log_replay import Record


class Sent(Protocol):
    """One command with its attributes."""

    @property
    def envelope(self) -> Envelope:
        """The command's attributes."""

    @property
    def command(self) -> Any:
        """The command itself."""


class History(Protocol):
    """All that a run leaves behind of one organization."""

    @property
    def facts(self) -> Sequence[Record]:
        """The log in order."""

    @property
    def commands(self) -> Sequence[Sent]:
        """All commands to edges, including repeats."""

    @property
    def mailbox(self) -> Sequence[SendLetter]:
        """The delivered letters, each as often as it came."""

    @property
    def dialled(self) -> Counter[str]:
        """How often each phone was dialled, as `dialled <address>`, by the network's count."""


Sentence = Callable[[Any], Iterator[str]]
TYPING_MS_MAX: Final = 45_000
"""A prompt, ten seconds until the first digit, and the others: a slow typist of the simulation takes 40 s."""
OFFER_ENDS: Final = (
    queue.OfferAccepted,
    queue.OfferDeclined,
    queue.OfferMissed,
    queue.OfferUnreachable,
    queue.OfferWithdrawn,
)


def every_place_ends_exactly_once(history: History) -> Iterator[str]:
    """A place is connected, abandoned, diverted, closed, or merged into the number's first callback."""
    taken, ends = set(), Counter[str]()
    for said in accepted(history, "queue"):
        match said:
            case queue.PlaceTaken():
                taken.add(said.place_id)
            case queue.CallbackTakenOver():
                ends[said.new_place_id] += 1
            case (
                queue.PlaceConnected() | queue.PlaceAbandoned() | queue.PlaceDiverted() | queue.PlaceClosed()
            ):
                ends[said.place_id] += 1
            case _:
                pass
    for place_id in sorted(taken):
        if ends[place_id] != 1:
            yield f"the place {place_id} ended {ends[place_id]} times"


def every_callback_ends_exactly_once(history: History) -> Iterator[str]:
    """C13."""
    ends: Counter[str] = Counter()
    ordered = []
    for said in accepted(history, "callback"):
        if isinstance(said, callback.CallbackOrdered):
            ordered.append(said.callback_id)
        if isinstance(said, CallbackEnd):
            ends[said.callback_id] += 1
    for callback_id in ordered:
        if ends[callback_id] != 1:
            yield f"the callback {callback_id} ended {ends[callback_id]} times"


def nobody_holds_two_offers(history: History) -> Iterator[str]:
    """No agent holds two offers, even one in several departments (Q2)."""
    held: dict[str, str] = {}
    for said in accepted(history, "queue"):
        if isinstance(said, queue.OfferMade | queue.FallbackRung):
            if said.agent_id in held:
                yield f"{said.agent_id} was offered {said.offer_id} while holding {held[said.agent_id]}"
            held[said.agent_id] = said.offer_id
        if isinstance(said, OFFER_ENDS):
            held.pop(said.agent_id, None)
    for agent_id, offer_id in held.items():
        yield f"{agent_id} still holds {offer_id}"


def every_attempt_has_one_agent_who_answered(history: History) -> Iterator[str]:
    """First the agent, then the customer: only that agent, even if dialled again after an own call (C3)."""
    answered = {each.fact.leg_id for each in history.facts if isinstance(each.fact, gateway.LegAnswered)}
    agents: dict[str, str] = {}
    for said in accepted(history, "callback"):
        if not isinstance(said, callback.CustomerDialled):
            continue
        if said.agent_leg_id not in answered:
            yield f"{said.leg_id} was dialled for {said.agent_leg_id}, which nobody answered"
        own = agents.setdefault(said.agent_leg_id, said.callback_id)
        if own != said.callback_id:
            yield f"the agent's leg {said.agent_leg_id} served {own} and {said.callback_id}"


def no_apology_after_an_attempt_dialled(history: History) -> Iterator[str]:
    """An apology only if no attempt ever dialled the customer (C4); uncounted attempts don't matter (C8)."""
    dialled: dict[str, set[int]] = {}
    at_hand: dict[str, int] = {}
    requested = legs_requested(history)
    for said in accepted(history, "callback"):
        match said:
            case callback.CustomerDialled() if said.leg_id in requested:
                dialled.setdefault(said.callback_id, set()).add(said.attempt)
                at_hand[said.callback_id] = said.attempt
            case callback.CustomerExpected() if said.callback_id in at_hand:  # the customer has called in
                dialled[said.callback_id].discard(at_hand.pop(said.callback_id))
            case callback.AttemptFailed():
                at_hand.pop(said.callback_id, None)
                if said.is_uncounted:
                    dialled.get(said.callback_id, set()).discard(said.attempt)
            case callback.ApologyDialled() if dialled.get(said.callback_id):
                yield f"{said.callback_id} was called with an apology after an attempt"
            case _:
                pass


def _dials_that_count(history: History, requested: Counter[str]) -> Counter[str]:
    """How often each callback's customer was dialled, without the dials that gave way to another call."""
    attempts: Counter[str] = Counter()
    counted: set[str] = set()
    for said in accepted(history, "callback"):
        match said:
            case callback.CustomerDialled() | callback.ApologyDialled() if said.leg_id in requested:
                attempts[said.callback_id] += 1
                counted.add(said.callback_id)
            case (
                callback.CustomerExpected()
                | callback.AttemptFailed(is_uncounted=True)
                | callback.ApologyFailed(is_uncounted=True)
            ) if said.callback_id in counted:
                attempts[said.callback_id] -= 1
                counted.discard(said.callback_id)
            case callback.AttemptFailed() | callback.ApologyFailed():
                counted.discard(said.callback_id)
            case _:
                pass
    return attempts


def no_number_is_dialled_more_often_than_its_attempts(history: History) -> Iterator[str]:
    """At most two attempts, or two tries of an apology; a leg is dialled once, even if a command came twice.

    An attempt that gave way to another call of the customer does not count (C8, C15), nor does a dial that
    gave way to one within an attempt, which goes on when that call has ended (seed 5002 of deploys).
    """
    requested = legs_requested(history)
    attempts = _dials_that_count(history, requested)
    for callback_id, count in attempts.items():
        if count > 2:
            yield f"{callback_id} dialled the customer {count} times"
    for leg_id, count in requested.items():
        if count > 1:
            yield f"the leg {leg_id} was requested {count} times"
    asked = Counter(
        f"dialled {fact.address}" for fact in by_gateways(history) if isinstance(fact, gateway.LegRequested)
    )
    for what, count in sorted(history.dialled.items()):
        if what.startswith("dialled ") and count > asked[what]:
            yield f"{count} times {what} for {asked[what]} requests"


def nothing_is_dialled_outside_policy(history: History) -> Iterator[str]:
    """C10, G4: every dialled number was allowed when the dialling was decided."""
    saved = [(each.offset, each.fact) for each in history.facts if isinstance(each.fact, OrganizationSaved)]
    if not saved:
        return
    for sent in history.commands:
        if isinstance(sent.command, DialLeg) and sent.command.address.startswith("tel:"):
            number = sent.command.address.removeprefix("tel:")
            before = [office for offset, office in saved if offset <= sent.envelope.cause_offset]
            office = max(before, key=lambda each: each.version, default=saved[0][1])
            reason = refusal(number, office.dialling_policy, is_employee=sent.envelope.source == "queue")
            if reason is not None:
                yield f"{sent.command.leg_id} was dialled although {reason}"


def every_recording_becomes_a_message_or_a_reason(history: History) -> Iterator[str]:
    """No recording of the answering machine is lost (V1, V2, V8)."""
    asked, ended = set(), Counter[str]()
    for said in accepted(history, "voicemail"):
        if isinstance(said, voicemail.RecordingAsked):
            asked.add(said.voice_message_id)
    for each in history.facts:
        kinds = (voicemail.MessageStored, voicemail.MessageMissing, voicemail.MessageQuarantined)
        if isinstance(each.fact, kinds):
            ended[each.fact.voice_message_id] += 1
    for voice_message_id in sorted(asked):
        if ended[voice_message_id] == 0:
            yield f"the recording of {voice_message_id} became nothing"


def every_recipient_gets_one_letter(history: History) -> Iterator[str]:
    """One letter per voice message and recipient, which is accepted or fails for good (V4)."""
    due: Counter[tuple[str, str, str]] = Counter()
    letters = set()
    for said in accepted(history, "voicemail"):
        if isinstance(said, voicemail.LetterDue):
            due[(said.kind, said.voice_message_id or said.callback_id or "", said.recipient.email)] += 1
            letters.add(said.letter_id)
    for what, count in due.items():
        if count != 1:
            yield f"{count} letters are due for {what}"
    ended = {
        each.fact.letter_id
        for each in history.facts
        if isinstance(each.fact, voicemail.LetterAccepted | voicemail.LetterFailed)
    }
    for letter_id in sorted(letters - ended):
        yield f"the letter {letter_id} is still on its way"
    came = Counter(letter.letter_id for letter in history.mailbox)
    taken = {
        each.fact.letter_id: each.fact.is_repeat_possible
        for each in history.facts
        if isinstance(each.fact, voicemail.LetterAccepted)
    }
    for letter_id in sorted(letters | came.keys()):
        # A second copy is possible only after a lost answer of the server, and then a fact says so.
        if came[letter_id] > 1 and not taken.get(letter_id, False):
            yield f"the letter {letter_id} came {came[letter_id]} times"
        if came[letter_id] == 0 and letter_id in taken:
            yield f"the letter {letter_id} was accepted and never came"


def every_leg_has_ended(history: History) -> Iterator[str]:
    """A leg ends exactly once, as its last fact; no phone stays off the hook (G3)."""
    begun, ended = set(), Counter[str]()
    for fact in by_gateways(history):
        if isinstance(fact, gateway.CallArrived | gateway.LegRequested):
            begun.add(fact.leg_id)
            if ended[fact.leg_id]:
                yield f"the leg {fact.leg_id} began after its end"
        if isinstance(fact, gateway.LegEnded):
            ended[fact.leg_id] += 1
    for leg_id in sorted(begun):
        if ended[leg_id] != 1:
            yield f"the leg {leg_id} ended {ended[leg_id]} times"


def deadlines_met(
    history: History, *, slack_ms: int, outages: Sequence[tuple[int, int]] = ()
) -> Iterator[str]:
    """No customer waits past the deadline, except for a phone that rings already, and our outages (Q5).

    Who is asked for a number meanwhile, as an order needs one, has the time to type it.
    `outages` are pairs of instants; the part of a delay within one is not counted.
    """
    deadline: dict[str, int] = {}
    for each in history.facts:
        match each.fact:
            case queue.PlaceTaken():
                deadline[each.fact.place_id] = each.fact.deadline_at
            case callback.NumberWanted():
                typed_at = max(deadline.get(each.fact.place_id, 0), each.at + TYPING_MS_MAX)
                deadline[each.fact.place_id] = typed_at
            case queue.NoAnswerReached():
                due_at = deadline.get(each.fact.place_id, each.at)
                late_ms = each.at - due_at - within(due_at, each.at, outages)
                if late_ms > slack_ms:
                    yield f"{each.fact.place_id} waited {late_ms} ms past its deadline"
            case _:
                pass


def within(from_at: int, until_at: int, spans: Sequence[tuple[int, int]]) -> int:
    """How many ms between two instants are in at least one of the spans."""
    covered_ms, reached = 0, from_at
    for begin, end in sorted(spans):
        begin, end = max(begin, reached), min(end, until_at)
        if end > begin:
            covered_ms += end - begin
            reached = end
    return covered_ms


def no_organization_is_parked(history: History) -> Iterator[str]:
    """No decider raised, and none said one fact twice with different content."""
    for each in history.facts:
        if isinstance(each.fact, log.OrganizationParked):
            yield f"{each.fact.service} parked at {each.fact.offset}: {each.fact.reason}"


def accepted(history: History, service: str) -> Iterator[object]:
    """A service's facts as readers accept them: every number once, in order."""
    return (each.fact for each in accepted_records(history, service))


def accepted_records(history: History, service: str) -> Iterator[Record]:
    """A service's accepted records, each with its place on the log."""
    last = 0
    for each in history.facts:
        if each.envelope.source == service and each.envelope.seq == last + 1:
            last += 1
            yield each


def legs_requested(history: History) -> Counter[str]:
    """What the gateway dialled: a command that it refused as too late rang no phone."""
    return Counter(fact.leg_id for fact in by_gateways(history) if isinstance(fact, gateway.LegRequested))


def by_gateways(history: History) -> Iterator[object]:
    """The gateways' facts as readers accept them: each one's newest incarnation, every number once."""
    return (each.fact for each in records_by_gateways(history))


def records_by_gateways(history: History) -> Iterator[Record]:
    """Their accepted records, each with its place on the log."""
    last: dict[str, tuple[int, int]] = {}
    for each in history.facts:
        source = each.envelope.source
        if not source.startswith("gateway/"):
            continue
        is_claim = isinstance(each.fact, gateway.PbxClaimed)
        number = (each.offset, 0) if is_claim else (each.envelope.incarnation, each.envelope.seq)
        if number > last.get(source, (0, 0)):
            last[source] = number
            yield each


SENTENCES: Final[tuple[Sentence, ...]] = (
    every_place_ends_exactly_once,
    every_callback_ends_exactly_once,
    nobody_holds_two_offers,
    every_attempt_has_one_agent_who_answered,
    no_apology_after_an_attempt_dialled,
    no_number_is_dialled_more_often_than_its_attempts,
    nothing_is_dialled_outside_policy,
    every_recording_becomes_a_message_or_a_reason,
    every_recipient_gets_one_letter,
    every_leg_has_ended,
    no_organization_is_parked,
)
