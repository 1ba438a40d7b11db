"""What must be true of any morning, each a sentence, decided from log, commands and mailbox alone.

A checker yields what is wrong, in words; yielding nothing is passing. That none passes by doing nothing is
shown in test_checkers.py.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from contracts import callback, gateway, log, queue, voicemail
from contracts.callback import CallbackEnd
from contracts.dialling import refusal
from contracts.directory import OrganizationSaved
from contracts.telephony import DialLeg
from tests.sim.world import Run

Checker = Callable[[Run], Iterator[str]]
OFFER_ENDS: Final = (
    queue.OfferAccepted,
    queue.OfferDeclined,
    queue.OfferMissed,
    queue.OfferUnreachable,
    queue.OfferWithdrawn,
)


def every_place_ends_exactly_once(run: Run) -> Iterator[str]:
    """Connected, abandoned, diverted, closed, or taken over by the number's first callback."""
    taken, ends = set(), Counter[str]()
    for said in accepted(run, "queue"):
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


def every_callback_ends_exactly_once(run: Run) -> Iterator[str]:
    """C13."""
    ends: Counter[str] = Counter()
    ordered = []
    for said in accepted(run, "callback"):
        if isinstance(said, callback.CallbackOrdered):
            ordered.append(said.callback_id)
        if isinstance(said, CallbackEnd):
            ends[said.callback_id] += 1
    for callback_id in ordered:
        if ends[callback_id] != 1:
            yield f"the callback {callback_id} ended {ends[callback_id]} times"


def nobody_holds_two_offers(run: Run) -> Iterator[str]:
    """Also when in several departments (Q2)."""
    held: dict[str, str] = {}
    for said in accepted(run, "queue"):
        if isinstance(said, queue.OfferMade | queue.FallbackRung):
            if said.agent_id in held:
                yield f"{said.agent_id} was offered {said.offer_id} while holding {held[said.agent_id]}"
            held[said.agent_id] = said.offer_id
        if isinstance(said, OFFER_ENDS):
            held.pop(said.agent_id, None)
    for agent_id, offer_id in held.items():
        yield f"{agent_id} still holds {offer_id}"


def every_attempt_has_one_agent_who_answered(run: Run) -> Iterator[str]:
    """First the agent, then the customer (C3)."""
    answered = {each.fact.leg_id for each in run.facts if isinstance(each.fact, gateway.LegAnswered)}
    agents: dict[str, str] = {}
    for said in accepted(run, "callback"):
        if not isinstance(said, callback.CustomerDialled):
            continue
        if said.agent_leg_id not in answered:
            yield f"{said.leg_id} was dialled for {said.agent_leg_id}, which nobody answered"
        if agents.setdefault(said.agent_leg_id, said.leg_id) != said.leg_id:
            yield f"the agent's leg {said.agent_leg_id} served {agents[said.agent_leg_id]} and {said.leg_id}"


def no_apology_after_an_attempt_dialled(run: Run) -> Iterator[str]:
    """An apology only if no attempt ever dialled the customer (C4)."""
    dialled, requested = set(), legs_requested(run)
    for said in accepted(run, "callback"):
        if isinstance(said, callback.CustomerDialled) and said.leg_id in requested:
            dialled.add(said.callback_id)
        if isinstance(said, callback.ApologyDialled) and said.callback_id in dialled:
            yield f"{said.callback_id} was called with an apology after an attempt"


def no_number_is_dialled_more_often_than_its_attempts(run: Run) -> Iterator[str]:
    """Two attempts, or two tries of an apology; and one dialling of a leg, whatever was sent twice."""
    attempts: Counter[str] = Counter()
    requested = legs_requested(run)
    for said in accepted(run, "callback"):
        match said:
            case callback.CustomerDialled() | callback.ApologyDialled() if said.leg_id in requested:
                attempts[said.callback_id] += 1
            case _:
                pass
    for callback_id, count in attempts.items():
        if count > 2:
            yield f"{callback_id} dialled the customer {count} times"
    for leg_id, count in requested.items():
        if count > 1:
            yield f"the leg {leg_id} was requested {count} times"
    dials = sum(count for what, count in run.dialled.items() if what.startswith("dialled "))
    if dials > len(requested):
        yield f"{dials} phones were dialled for {len(requested)} requests"


def nothing_is_dialled_outside_policy(run: Run) -> Iterator[str]:
    """C10, G4: whatever reached the gateway is allowed."""
    policy = next(each.fact.dialling_policy for each in run.facts if isinstance(each.fact, OrganizationSaved))
    for sent in run.commands:
        if isinstance(sent.command, DialLeg) and sent.command.address.startswith("tel:"):
            number = sent.command.address.removeprefix("tel:")
            reason = refusal(number, policy, is_employee=sent.envelope.source == "queue")
            if reason is not None:
                yield f"{sent.command.leg_id} was dialled although {reason}"


def every_recording_becomes_a_message_or_a_reason(run: Run) -> Iterator[str]:
    """Nothing that was said to the machine is lost (V1, V2, V8)."""
    asked, ended = set(), Counter[str]()
    for said in accepted(run, "voicemail"):
        if isinstance(said, voicemail.RecordingAsked):
            asked.add(said.voice_message_id)
    for each in run.facts:
        kinds = (voicemail.MessageStored, voicemail.MessageMissing, voicemail.MessageQuarantined)
        if isinstance(each.fact, kinds):
            ended[each.fact.voice_message_id] += 1
    for voice_message_id in sorted(asked):
        if ended[voice_message_id] == 0:
            yield f"the recording of {voice_message_id} became nothing"


def every_recipient_gets_one_letter(run: Run) -> Iterator[str]:
    """One letter per voice message and recipient, and it is accepted or has failed for good (V4)."""
    due: Counter[tuple[str, str, str]] = Counter()
    letters = set()
    for said in accepted(run, "voicemail"):
        if isinstance(said, voicemail.LetterDue):
            due[(said.kind, said.voice_message_id or said.callback_id or "", said.recipient.email)] += 1
            letters.add(said.letter_id)
    for what, count in due.items():
        if count != 1:
            yield f"{count} letters are due for {what}"
    ended = {
        each.fact.letter_id
        for each in run.facts
        if isinstance(each.fact, voicemail.LetterAccepted | voicemail.LetterFailed)
    }
    for letter_id in sorted(letters - ended):
        yield f"the letter {letter_id} is still on its way"
    for letter_id, count in Counter(letter.letter_id for letter in run.mailbox).items():
        if count != 1:
            yield f"the letter {letter_id} came {count} times"


def every_leg_has_ended(run: Run) -> Iterator[str]:
    """Exactly once and last per leg; nobody's phone is left off the hook (G3)."""
    begun, ended = set(), Counter[str]()
    for fact in by_gateways(run):
        if isinstance(fact, gateway.CallArrived | gateway.LegRequested):
            begun.add(fact.leg_id)
            if ended[fact.leg_id]:
                yield f"the leg {fact.leg_id} began after its end"
        if isinstance(fact, gateway.LegEnded):
            ended[fact.leg_id] += 1
    for leg_id in sorted(begun):
        if ended[leg_id] != 1:
            yield f"the leg {leg_id} ended {ended[leg_id]} times"


def a_deadline_is_met_within_one_ring(run: Run) -> Iterator[str]:
    """Nobody waits on past the deadline but for a phone that rings already, and our own crashes (Q5)."""
    # Crashes and pauses of processes delay what is due; each is at most so long.
    slack_ms = 60_000 + 30_000 * len(run.crashes)
    deadline: dict[str, int] = {}
    for each in run.facts:
        match each.fact:
            case queue.PlaceTaken():
                deadline[each.fact.place_id] = each.fact.deadline_at
            case queue.NoAnswerReached() | queue.DeadlinePassed():
                late_ms = each.at - deadline.get(each.fact.place_id, each.at)
                if late_ms > slack_ms and not isinstance(each.fact, queue.DeadlinePassed):
                    yield f"{each.fact.place_id} waited {late_ms} ms past its deadline"
            case _:
                pass


def no_organization_is_parked(run: Run) -> Iterator[str]:
    """No decider raised, and none said a thing twice in different words."""
    for each in run.facts:
        if isinstance(each.fact, log.OrganizationParked):
            yield f"{each.fact.service} parked at {each.fact.offset}: {each.fact.reason}"


def accepted(run: Run, service: str) -> Iterator[object]:
    """What readers have accepted of a service: every number once, in order."""
    last = 0
    for each in run.facts:
        if each.envelope.source == service and each.envelope.seq == last + 1:
            last += 1
            yield each.fact


def legs_requested(run: Run) -> Counter[str]:
    """What the gateway has dialled: a command that it refused as too late has rung nobody's phone."""
    return Counter(fact.leg_id for fact in by_gateways(run) if isinstance(fact, gateway.LegRequested))


def by_gateways(run: Run) -> Iterator[object]:
    """What readers have accepted of gateways: of each the newest incarnation, every number once."""
    last: dict[str, tuple[int, int]] = {}
    for each in run.facts:
        source = each.envelope.source
        if not source.startswith("gateway/"):
            continue
        is_claim = isinstance(each.fact, gateway.PbxClaimed)
        number = (each.offset, 0) if is_claim else (each.envelope.incarnation, each.envelope.seq)
        if number > last.get(source, (0, 0)):
            last[source] = number
            yield each.fact


CHECKERS: Final[tuple[Checker, ...]] = (
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
    a_deadline_is_met_within_one_ring,
    no_organization_is_parked,
)
