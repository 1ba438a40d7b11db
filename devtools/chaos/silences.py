"""Nobody is left in silence while services are up: judged from what each phone itself heard.

A person is judged from the moment the call was answered, and the phone could hear, until it ended. In that
time the person hears something (music, speech, a tone, the other side) at least every `SILENCE_MS_MAX`,
except

* while the log says that a message of this leg is recorded: then the person speaks, and nobody answers;
* in the pauses of the ringing tone, which an agent hears while a customer is dialled;
* while an agent waits and the other side is told that the call is recorded (`NOTICE_MS_MAX`);
* after a question, while the person may press a key (`KEY_MS_MAX`);
* in a bridge, while the other side says nothing (what it says is known from its own phone);
* after the PBX was killed: its calls are gone, which no phone is told;
* from the beginning of a fault that concerns the person's PBX, or one of our processes, until it has been
  recovered from, and `AGAIN_MS` more.

Times are ms since 1970: log, phones and faults are on one machine.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from contracts import callback, gateway, queue
from contracts.ids import LegId
from contracts.telephony import Record
from devtools.chaos.reading import CompanyHistory, Ear, Span
from ringback.log import Reading

CHANNEL: Final = re.compile(r"-(\d{10})\.\d+\Z")
SILENCE_MS_MAX: Final = 2_000
AGAIN_MS: Final = 2_000
"""What a service that is back has to do first, it may take the time that silence may last."""
NOTICE_MS_MAX: Final = 4_000
"""Telling that a call is recorded takes 2 s."""
RINGING_PAUSE_MS: Final = 4_300
"""The ringing tone is 1 s of sound and 4 s without (services/tts/activities/audio.py)."""
KEY_MS_MAX: Final = 10_500
"""The longest time that a person has for a key after a question, and a little (callback/rules.py)."""
TOLD_MS_MAX: Final = 40_000
"""A phone that its PBX can't reach is told of its end for so long (SIP's timer F), and then hears nothing."""
ARRIVES_MS_MAX: Final = 90_000
"""A call may ring in the dialplan so long before a gateway hears of it."""
EDGE_MS: Final = 500
"""Log, phone and sound tell of the same moment a little apart."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch in which a person heard nothing and should have."""

    ear: Ear
    from_at: int
    until_at: int

    @property
    def lasted_ms(self) -> int:
        """Its length."""
        return self.until_at - self.from_at


@dataclass(slots=True)
class _Leg:
    begun_at: int
    address: str = ""
    line: str = ""
    caller: str | None = None
    ended_at: int | None = None
    is_answered: bool = False


# Stretches of time


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same time in stretches that neither overlap nor touch, in order."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif begin < end:
            found.append((begin, end))
    return found


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What is left of some time without another."""
    cuts = joined(taken)
    found: list[Span] = []
    for begin, end in joined(spans):
        at = begin
        for cut_begin, cut_end in cuts:
            if cut_end <= at or cut_begin >= end:
                continue
            if cut_begin > at:
                found.append((at, cut_begin))
            at = max(at, cut_end)
        if at < end:
            found.append((at, end))
    return found


def total_ms(spans: Iterable[Span]) -> int:
    """How long all of it is."""
    return sum(end - begin for begin, end in joined(spans))


# Who is who


def _legs(company: CompanyHistory) -> dict[LegId, _Leg]:
    found: dict[LegId, _Leg] = {}
    for each in company.facts:
        match each.fact:
            case gateway.CallArrived() as fact:
                begun_at = _channel_at(fact.leg_id) or each.at
                found.setdefault(fact.leg_id, _Leg(begun_at, line=fact.line, caller=fact.caller))
            case gateway.LegRequested() as fact:
                found.setdefault(fact.leg_id, _Leg(each.at, address=fact.address))
            case gateway.LegAnswered() as fact if fact.leg_id in found:
                found[fact.leg_id].is_answered = True
            case gateway.LegEnded() as fact if fact.leg_id in found:
                found[fact.leg_id].ended_at = each.at
            case _:
                pass
    # A leg that only rang was at nobody's ear.
    return {leg_id: leg for leg_id, leg in found.items() if leg.is_answered}


def _channel_at(leg_id: LegId) -> int | None:
    """When an arrived call began, which may ring for long before a gateway hears of it: Asterisk names its
    channels by the second."""
    found = CHANNEL.search(leg_id)
    return int(found[1]) * 1000 if found else None


def owners(company: CompanyHistory) -> dict[LegId, Ear]:
    """Whose ear each leg of the log is at: by address and time, each ear once."""
    pairs = [
        (_apart_ms(leg, ear), leg_id, number)
        for leg_id, leg in _legs(company).items()
        for number, ear in enumerate(company.ears)
        if _fits(leg, ear)
    ]
    found: dict[LegId, Ear] = {}
    taken: set[int] = set()
    for _, leg_id, number in sorted(pairs):
        if leg_id not in found and number not in taken:
            taken.add(number)
            found[leg_id] = company.ears[number]
    return found


def _apart_ms(leg: _Leg, ear: Ear) -> int:
    """How badly the times of a leg and of a call fit together."""
    end_ms = 0 if leg.ended_at is None else abs(leg.ended_at - ear.ended_at)
    return abs(leg.begun_at - ear.begun_at) + end_ms


def _fits(leg: _Leg, ear: Ear) -> bool:
    if leg.address:
        is_same = leg.address == ear.address
        latest = ear.answered_at
    else:
        is_same = not ear.address and (leg.line, leg.caller) == (ear.line, ear.caller)
        latest = ear.begun_at + ARRIVES_MS_MAX
    if not is_same or leg.begun_at - EDGE_MS > latest or leg.begun_at - EDGE_MS > ear.ended_at:
        return False
    return leg.ended_at is None or ear.begun_at <= leg.ended_at + EDGE_MS


# What may be silent


def _recorded(company: CompanyHistory) -> dict[LegId, list[Span]]:
    """When each leg left a message."""
    messages = {
        each.command.recording_id
        for each in company.commands
        if isinstance(each.command, Record) and each.command.bridge_id is None
    }
    begun: dict[LegId, int] = {}
    found: dict[LegId, list[Span]] = {}
    for each in company.facts:
        match each.fact:
            case gateway.RecordingRequested() as fact if fact.recording_id in messages:
                begun[fact.leg_id] = each.at
            case gateway.RecordingSpooled() | gateway.RecordingFinished() | gateway.LegEnded() as fact:
                if fact.leg_id in begun:
                    since = begun.pop(fact.leg_id)
                    found.setdefault(fact.leg_id, []).append((since - EDGE_MS, each.at + EDGE_MS))
            case _:
                pass
    return found


def _bridges(facts: Sequence[Reading]) -> Iterator[tuple[tuple[LegId, ...], Span]]:
    """Who was bridged with whom, and when."""
    begun: dict[str, tuple[tuple[LegId, ...], int]] = {}
    for each in facts:
        match each.fact:
            case gateway.Bridged() as fact:
                begun[fact.bridge_id] = (fact.legs, each.at)
            case gateway.Unbridged() as fact if fact.bridge_id in begun:
                legs, since = begun.pop(fact.bridge_id)
                yield legs, (since - EDGE_MS, each.at + EDGE_MS)
            case gateway.LegEnded() as fact:
                for bridge_id, (legs, since) in list(begun.items()):
                    if fact.leg_id in legs:
                        del begun[bridge_id]
                        yield legs, (since - EDGE_MS, each.at + EDGE_MS)
            case _:
                pass


def _rung(company: CompanyHistory) -> Iterator[tuple[LegId, Span]]:
    """When each agent heard a ringing tone: from the dialling until both talk, or the agent has gone."""
    agents: dict[str, LegId] = {}
    begun: dict[LegId, int] = {}
    for each in company.facts:
        match each.fact:
            case callback.AttemptStarted() as fact:
                agents[fact.callback_id] = fact.agent_leg_id
            case callback.CustomerDialled() | callback.CustomerExpected() as fact:
                if fact.callback_id in agents:
                    begun.setdefault(agents[fact.callback_id], each.at)
            case gateway.LegEnded() as fact if fact.leg_id in begun:
                yield fact.leg_id, (begun.pop(fact.leg_id), each.at)
            case gateway.Bridged() as fact:
                for leg_id in fact.legs:
                    if leg_id in begun:
                        yield leg_id, (begun.pop(leg_id), each.at)
            case _:
                pass


def _told(company: CompanyHistory) -> Iterator[tuple[LegId, Span]]:
    """When each agent waited while the other side was told that the call is recorded (R1)."""
    begun: dict[LegId, int] = {}
    for each in company.facts:
        match each.fact:
            case queue.OfferAccepted() as fact:
                begun[fact.leg_id] = each.at
            case gateway.Bridged() as fact:
                for leg_id in fact.legs:
                    if leg_id in begun:
                        since = begun.pop(leg_id)
                        yield leg_id, (since - EDGE_MS, min(each.at, since + NOTICE_MS_MAX) + EDGE_MS)
            case _:
                pass


def _asked(company: CompanyHistory) -> Iterator[tuple[LegId, Span]]:
    """When each leg was asked for a key and given time for it."""
    asked: dict[str, LegId] = {}
    for each in company.facts:
        match each.fact:
            case callback.ApologyMade() | callback.ConfirmationAsked() as fact:
                asked[fact.play_id] = fact.leg_id
            case gateway.PlayFinished() as fact if fact.play_id in asked:
                yield asked.pop(fact.play_id), (each.at - EDGE_MS, each.at + KEY_MS_MAX)
            case _:
                pass


def _allowed(company: CompanyHistory, owned: dict[LegId, Ear]) -> dict[int, list[Span]]:
    """When each ear (by its `id`) may hear nothing."""
    found: dict[int, list[Span]] = {id(ear): [] for ear in company.ears}
    for leg_id, spans in _recorded(company).items():
        if leg_id in owned:
            found[id(owned[leg_id])] += spans
    for leg_id, span in (*_asked(company), *_told(company)):
        if leg_id in owned:
            found[id(owned[leg_id])].append(span)
    for legs, span in _bridges(company.facts):
        for leg_id in legs:
            others = [owned[each] for each in legs if each != leg_id and each in owned]
            if leg_id in owned:
                said = [each for other in others for each in other.spoke]
                found[id(owned[leg_id])] += without([span], said)
    return found


# The sentence


def judged(company: CompanyHistory) -> Iterator[tuple[Ear, list[Span]]]:
    """Of each ear the time in which it has to hear something, at least every `SILENCE_MS_MAX`."""
    owned, legs = owners(company), _legs(company)
    allowed = _allowed(company, owned)
    for leg_id, span in _rung(company):
        if leg_id in owned:
            ear = owned[leg_id]
            allowed[id(ear)] += [
                (end, end + RINGING_PAUSE_MS) for _, end in ear.heard if span[0] <= end <= span[1]
            ]
    ends = {id(ear): legs[leg_id].ended_at for leg_id, ear in owned.items()}
    outages = [(each.span[0], each.span[1] + AGAIN_MS) for each in company.outages if each.is_for_ears]
    kills = [each.span[0] for each in company.outages if each.ends_calls]
    for ear in company.ears:
        # From the end of its leg on a phone only has not been told yet that it is hung up.
        hung_up_at = ends.get(id(ear)) or ear.ended_at
        ended_at = min([ear.ended_at, hung_up_at, *(at for at in kills if at > ear.answered_at)])
        # The word that ends a call and the last sound of it are on their way together.
        whole = [(max(ear.answered_at, ear.deaf_until), ended_at - EDGE_MS)]
        yield ear, without(whole, [*allowed[id(ear)], *outages])


def silences(company: CompanyHistory) -> Iterator[Silence]:
    """Every stretch in which a person heard nothing for too long."""
    for ear, spans in judged(company):
        for begin, end in without(spans, ear.heard):
            if end - begin > SILENCE_MS_MAX:
                yield Silence(ear, begin, end)


def nobody_is_left_in_silence(company: CompanyHistory) -> Iterator[str]:
    """Everybody hears something at least every two seconds while services are up."""
    for each in silences(company):
        after_s = (each.from_at - each.ear.answered_at) / 1000
        yield (
            f"{each.ear.name} heard nothing for {each.lasted_ms / 1000:.1f} s, "
            f"{after_s:.1f} s after the call was answered"
        )


def nobody_holds_a_dead_line(company: CompanyHistory) -> Iterator[str]:
    """A phone is hung up when its leg has ended, unless its PBX was killed and can't tell it."""
    legs = _legs(company)
    kills = [each.span[0] for each in company.outages if each.ends_calls]
    for leg_id, ear in owners(company).items():
        ended_at = legs[leg_id].ended_at
        is_told = not any(ear.answered_at < at < ear.ended_at for at in kills)
        if ended_at is not None and is_told and ear.ended_at - ended_at > TOLD_MS_MAX:
            late_s = (ear.ended_at - ended_at) / 1000
            yield f"{ear.name} was on the line {late_s:.0f} s after the leg {leg_id} had ended"


@dataclass(frozen=True, slots=True)
class Hearing:
    """How much the sentence rests on."""

    calls: int
    judged_s: float
    """The time in which people had to hear something."""
    answered_s: float
    """The whole time for which people were on the line."""
    longest_s: float
    """The longest silence in the judged time, also if it is allowed."""


def hearing(companies: Iterable[CompanyHistory]) -> Hearing:
    """Sum up all that people heard."""
    calls = judged_ms = answered_ms = longest_ms = 0
    for company in companies:
        for ear, spans in judged(company):
            calls += 1
            judged_ms += total_ms(spans)
            answered_ms += ear.ended_at - ear.answered_at
            quiet = (end - begin for begin, end in without(spans, ear.heard))
            longest_ms = max(longest_ms, *quiet, 0)
    return Hearing(calls, judged_ms / 1000, answered_ms / 1000, longest_ms / 1000)
