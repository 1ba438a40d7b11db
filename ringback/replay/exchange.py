"""The model's phones: they carry out the deciders' commands and report what happens, on one agenda.

They are deterministic and lose nothing: a command takes the delay that was usual on the recorded log, and a
phone's sample says what it does next.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from contracts import gateway as g
from contracts import telephony as t
from contracts.gateway import EndedBy, Outcome
from contracts.ids import Address, AgentId, BridgeId, LegId, PbxId, PlaceId, PlayId
from contracts.message import Fact, Message, type_name
from ringback.replay.legs import Dialling, Keys, phone_at
from ringback.replay.people import People
from ringback.replay.plays import kind_of
from ringback.replay.recorded import Caller, Recorded, Zero
from ringback.replay.uses import Phone, Use

BUSY_MS: Final = 60
"""How quickly a PBX reports a phone as busy or unavailable."""
RACE_MS: Final = 100
"""Two events closer together than this happen in the recorded order."""
NOTHING_KNOWN: Final = Dialling()


class Agenda:
    """Future events in order of time; events of the same instant keep the order in which they were put."""

    def __init__(self) -> None:
        self._due: list[tuple[int, int, Callable[[int], None]]] = []
        self._number = 0

    def put(self, at: int, act: Callable[[int], None]) -> None:
        """Schedule an event; it is called with its instant."""
        self._number += 1
        heapq.heappush(self._due, (at, self._number, act))

    def next_at(self) -> int | None:
        """The instant of the next event."""
        return self._due[0][0] if self._due else None

    def go_on(self) -> int:
        """Run the next event, and return its instant."""
        at, _, act = heapq.heappop(self._due)
        act(at)
        return at


@dataclass(slots=True)
class Leg:
    """One leg in the model."""

    leg_id: LegId
    pbx_id: PbxId
    begun_at: int
    caller: Caller | None = None
    sample: Dialling = NOTHING_KNOWN
    phone: Phone | None = None
    is_answered: bool = False
    answered_at: int = 0
    is_over: bool = False
    peer: LegId | None = None
    plays: list[tuple[PlayId, bool]] = field(default_factory=list)
    """The current play and those after it, each with whether a key ends it."""
    zeros: set[Zero] = field(default_factory=set)


@dataclass(slots=True)
class Handset:
    """A phone whose state its PBX reports."""

    is_own_use: bool = False
    is_unreachable: bool = False
    legs: int = 0
    told: g.DeviceState | None = None


def _is_there(at: int, leg: Leg) -> bool:
    """Whether the leg can be bridged; a person who hung up at that instant was gone before, as recorded."""
    drops_ms = leg.sample.drops_ms
    is_leaving = drops_ms is not None and leg.answered_at + drops_ms - at <= RACE_MS
    return leg.is_answered and not leg.is_over and not is_leaving


class Exchange:
    """Every leg of every PBX."""

    def __init__(self, recorded: Recorded, people: People, agenda: Agenda) -> None:
        self.told: list[Fact] = []
        self.legs: dict[LegId, Leg] = {}
        self.offered: dict[LegId, tuple[AgentId, int]] = {}
        """The agent whose phone an offer's leg rings."""
        self.missed: set[str] = set()
        """Offers whose ring time had elapsed."""
        self.places: dict[LegId, PlaceId] = {}
        """Which place a caller's or a customer's leg belongs to."""
        self.plays: dict[str, str] = {}
        """The kind of each play, as far as a fact named it."""
        self._people = people
        self._lengths = recorded.plays
        self._agenda = agenda
        self._delays, self._done_ms = recorded.delays, recorded.delays.done_ms()
        self._handsets = {phone: Handset() for phone in recorded.told_phones}

    def command(self, at: int, command: Message) -> None:
        """Take a command, which is carried out a moment later."""
        match command:
            case t.DialLeg():
                requested_at = at + self._delays.request_ms(command.leg_id)
                self._agenda.put(requested_at, lambda at: self._dial(at, command))
            case t.AnswerLeg():
                self._answer_caller(at, command)
            case t.Play():
                self._play(at, command)
            case t.HangUp() | t.CancelLeg() | t.RejectLeg():
                self._agenda.put(at + self._done_ms, lambda at: self._stop(at, command))
            case t.Bridge():
                bridged_at = at + self._delays.bridge_ms(command.bridge_id)
                self._agenda.put(bridged_at, lambda at: self._bridge(at, command))
            case t.StopPlay():
                self._agenda.put(at + self._done_ms, lambda at: self._stop_play(at, command))
            case _:
                # Music, collected digits and recordings cause no fact that queue or callback wait for.
                pass

    # Legs begin.

    def arrive(self, at: int, caller: Caller) -> Leg:
        """Let a customer call."""
        arrived = caller.arrived
        leg = self.legs[arrived.leg_id] = Leg(arrived.leg_id, arrived.pbx_id, at, caller=caller)
        leg.is_answered = arrived.is_answered
        self.told.append(
            g.CallArrived(
                pbx_id=arrived.pbx_id,
                leg_id=arrived.leg_id,
                caller=arrived.caller,
                line=arrived.line,
                is_internal=arrived.is_internal,
            )
        )
        self.told.append(arrived)
        return leg

    def _answer_caller(self, at: int, command: t.AnswerLeg) -> None:
        leg = self.legs[command.leg_id]
        ms = None if leg.caller is None else leg.caller.answer_ms
        answered_at = at + self._done_ms if ms is None else max(at, leg.begun_at + ms)
        self._agenda.put(answered_at, lambda at: self._answered(at, leg))

    def _dial(self, at: int, command: t.DialLeg) -> None:
        phone = phone_at(command.pbx_id, command.address)
        leg = self.legs[command.leg_id] = Leg(command.leg_id, command.pbx_id, at, phone=phone)
        self.told.append(
            g.LegRequested(pbx_id=leg.pbx_id, leg_id=leg.leg_id, address=Address(command.address))
        )
        handset = self._handsets.get(phone) if phone is not None else None
        if handset is not None and (handset.is_own_use or handset.legs or handset.is_unreachable):
            outcome = Outcome.UNAVAILABLE if handset.is_unreachable else Outcome.BUSY
            self._end_later(at + BUSY_MS, leg, outcome, EndedBy.NETWORK)
            return
        leg.sample = sample = self._sample(leg.leg_id)
        if sample.rings_ms is not None:
            self._agenda.put(at + sample.rings_ms, lambda at: self._rings(at, leg, command.ring_ms_max))
        if sample.answered_ms is not None:
            self._agenda.put(at + sample.answered_ms, lambda at: self._answered(at, leg))
        if sample.ended_ms is not None:
            self._end_later(at + sample.ended_ms, leg, sample.outcome, EndedBy.PARTY)

    def _sample(self, leg_id: LegId) -> Dialling:
        if leg_id in self.offered:
            return self._people.agent(*self.offered[leg_id], leg_id)
        return self._people.customer(self.places[leg_id])

    def _rings(self, at: int, leg: Leg, ring_ms_max: int) -> None:
        if leg.is_over or leg.is_answered:
            return
        self.told.append(g.LegRinging(pbx_id=leg.pbx_id, leg_id=leg.leg_id))
        self._agenda.put(at + ring_ms_max, lambda at: self._rung_out(at, leg))

    def _rung_out(self, at: int, leg: Leg) -> None:
        if not leg.is_answered:
            self.end(at, leg, Outcome.NO_ANSWER, EndedBy.US)

    def _answered(self, at: int, leg: Leg) -> None:
        if leg.is_over or leg.is_answered:
            return
        leg.is_answered, leg.answered_at = True, at
        self._use_phone(leg, 1)
        self.told.append(g.LegAnswered(pbx_id=leg.pbx_id, leg_id=leg.leg_id))
        self.press_later(at, leg, leg.sample.keys)
        if leg.sample.drops_ms is not None:
            self._agenda.put(at + leg.sample.drops_ms, lambda at: self.leave(at, leg))

    # People on legs.

    def press_later(self, zero_at: int, leg: Leg, keys: Keys) -> None:
        """Schedule a person's keys, each so long after an instant."""
        for ms, digits, is_complete in keys:
            pressed = g.DigitsEntered(
                pbx_id=leg.pbx_id, leg_id=leg.leg_id, digits=digits, is_complete=is_complete
            )
            self._agenda.put(zero_at + ms, lambda at, pressed=pressed: self._press(at, leg, pressed))  # type: ignore[misc]

    def _press(self, at: int, leg: Leg, pressed: g.DigitsEntered) -> None:
        if leg.is_over or not leg.is_answered:
            return
        self.told.append(pressed)
        if leg.plays and leg.plays[0][1] and not pressed.is_complete:
            self._play_over(at, leg, leg.plays[0][0], was_interrupted=True)

    def leave(self, at: int, leg: Leg) -> None:
        """Hang up, unless the leg is bridged by then."""
        if leg.peer is None:
            self.end(at, leg, Outcome.COMPLETED if leg.is_answered else Outcome.ABANDONED, EndedBy.PARTY)

    def use(self, use: Use) -> None:
        """Change whether a phone is on its own call, and whether it can be reached."""
        handset = self._handsets[use.phone]
        handset.is_own_use, handset.is_unreachable = use.is_own_use, use.is_unreachable
        self._tell_phone(use.phone)

    def _use_phone(self, leg: Leg, legs: int) -> None:
        if leg.phone is not None and leg.phone in self._handsets:
            self._handsets[leg.phone].legs += legs
            self._tell_phone(leg.phone)

    def _tell_phone(self, phone: Phone) -> None:
        handset = self._handsets[phone]
        state = g.DeviceState.IN_USE if handset.is_own_use or handset.legs else g.DeviceState.IDLE
        if handset.is_unreachable:
            state = g.DeviceState.UNREACHABLE
        if state is not handset.told:
            handset.told = state
            self.told.append(g.DeviceChanged(pbx_id=phone[0], address=phone[1], state=state))

    # Sound.

    def _play(self, at: int, command: t.Play) -> None:
        leg = self.legs.get(command.leg_id)
        if leg is None or leg.is_over:
            self._agenda.put(at + self._done_ms, lambda _: self._refuse(command, command.leg_id))
            return
        if command.interrupts:
            for play_id, _ in reversed(tuple(leg.plays)):
                self._play_over(at, leg, play_id, was_interrupted=True)
        leg.plays.append((command.play_id, command.barge_in))
        exact_ms = self._lengths.exact_ms(command.play_id)
        if exact_ms is not None:
            # Counted from the decision, including plays before it, as it was recorded.
            self._play_ends(at + exact_ms, leg, command.play_id)
        elif len(leg.plays) == 1:
            self._start_play(at, leg, command.play_id)

    def _start_play(self, at: int, leg: Leg, play_id: PlayId) -> None:
        kind = self.plays.get(play_id) or kind_of(play_id)
        self._play_ends(at + self._lengths.usual_ms(play_id, kind), leg, play_id)

    def _play_ends(self, at: int, leg: Leg, play_id: PlayId) -> None:
        self._agenda.put(at, lambda at: self._play_over(at, leg, play_id, was_interrupted=False))

    def _play_over(self, at: int, leg: Leg, play_id: PlayId, *, was_interrupted: bool) -> None:
        number = next((at for at, each in enumerate(leg.plays) if each[0] == play_id), None)
        if leg.is_over or number is None:
            return
        leg.plays.pop(number)
        self.told.append(
            g.PlayFinished(
                pbx_id=leg.pbx_id,
                leg_id=leg.leg_id,
                play_id=play_id,
                ok=True,
                was_interrupted=was_interrupted,
            )
        )
        if leg.plays and number == 0 and self._lengths.exact_ms(leg.plays[0][0]) is None:
            self._start_play(at, leg, leg.plays[0][0])

    def _stop_play(self, at: int, command: t.StopPlay) -> None:
        leg = self.legs.get(command.leg_id)
        if leg is not None:
            self._play_over(at, leg, command.play_id, was_interrupted=True)

    # Bridges and ends.

    def _bridge(self, at: int, command: t.Bridge) -> None:
        legs = [self.legs[leg_id] for leg_id in command.legs if leg_id in self.legs]
        if len(legs) < len(command.legs) or not all(_is_there(at, leg) for leg in legs):
            self._refuse(command, command.legs[0])
            return
        one, other = legs
        one.peer, other.peer = other.leg_id, one.leg_id
        for leg in legs:
            leg.plays.clear()
        self.told.append(
            g.Bridged(pbx_id=command.pbx_id, bridge_id=BridgeId(command.bridge_id), legs=command.legs)
        )
        agent, customer = (one, other) if one.leg_id in self.offered else (other, one)
        agent_id = self.offered[agent.leg_id][0] if agent.leg_id in self.offered else None
        talk = self._people.talk(self.places[customer.leg_id], agent_id)
        first = agent if talk.is_ended_by_agent else customer
        self._end_later(at + talk.ms, first, Outcome.COMPLETED, EndedBy.PARTY)

    def _stop(self, at: int, command: t.HangUp | t.CancelLeg | t.RejectLeg) -> None:
        leg = self.legs.get(command.leg_id)
        if leg is None or leg.is_over:
            self._refuse(command, command.leg_id)
        elif not (isinstance(command, t.CancelLeg) and command.keeps_answered and leg.is_answered):
            if not leg.is_answered:
                self._give_back(leg)
            self.end(at, leg, Outcome.COMPLETED if leg.is_answered else Outcome.CANCELLED, EndedBy.US)

    def _give_back(self, leg: Leg) -> None:
        """Keep an unanswered dialling's sample for another one, unless its ring time had elapsed (a miss)."""
        offer_id = leg.leg_id.rpartition(".")[0]
        if leg.leg_id in self.offered and offer_id not in self.missed and leg.sample is not NOTHING_KNOWN:
            self._people.give_back(*self.offered[leg.leg_id], leg.sample)

    def _refuse(self, command: t.TelephonyCommand, leg_id: LegId) -> None:
        self.told.append(
            g.CommandRefused(pbx_id=command.pbx_id, command=type_name(command), reason="gone", leg_id=leg_id)
        )

    def _end_later(self, at: int, leg: Leg, outcome: Outcome, by: EndedBy) -> None:
        self._agenda.put(at, lambda at: self.end(at, leg, outcome, by))

    def end(self, at: int, leg: Leg, outcome: Outcome, by: EndedBy) -> None:
        """End a leg, unless it has ended already."""
        if leg.is_over or (leg.is_answered and outcome in (Outcome.BUSY, Outcome.DECLINED)):
            return
        leg.is_over = True
        if leg.is_answered:
            self._use_phone(leg, -1)
        self.told.append(g.LegEnded(pbx_id=leg.pbx_id, leg_id=leg.leg_id, outcome=outcome, by=by))
