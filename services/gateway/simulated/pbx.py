"""One simulated PBX: its legs, its replies, and an unreliable network.

Theory of operation. Everything happens on one agenda in order of time. A request is carried out one network
latency after it was sent, in order; its reply, and every event, takes another latency, in order. A reply may
be lost, late or doubled. While the PBX is away nothing gets in or out, calls go on without us, and some are
gone when it is back: then `PbxThere` says what there is, and missed events are not repeated.
"""

import random
from collections import Counter, deque
from typing import Final

from contracts import telephony
from contracts.ids import Address, BridgeId, LegId, PbxId
from services.gateway import port
from services.gateway.port import Cause, Result
from services.gateway.simulated.agenda import Agenda
from services.gateway.simulated.audio import AudioLibrary
from services.gateway.simulated.handsets import Handset, HandsetRegistry
from services.gateway.simulated.legs import ScriptedPerson, SimulatedLeg
from services.gateway.simulated.media import Player, Recorder
from services.gateway.simulated.script import Behaviour, Call, Condition, PbxScript

DEAD_MS: Final = 32_000
"""SIP's timer B: 64 times T1 of 500 ms (RFC 3261 17.1.1.2)."""
NETWORK_RING_MS: Final = 180_000
"""Public networks give up by themselves after about three minutes."""
ANSWER_FAST_MS: Final = 60
"""How long a network takes to say that a number does not exist."""

SILENT_AFTER_MS: Final = 5_000
"""A phone sends a packet every 20 ms, also of silence: after so long without any it is gone."""

CODES: Final = {
    Condition.BUSY: 486,
    Condition.UNAVAILABLE: 480,
    Condition.UNKNOWN: 404,
    Condition.BLOCKED: 403,
    Condition.NO_CODEC: 488,
}


class SimulatedPbx:
    """Takes requests and the time; `events` returns what it sent."""

    def __init__(
        self,
        pbx_id: PbxId,
        script: PbxScript,
        *,
        handsets: HandsetRegistry,
        audio: AudioLibrary,
        seed: int,
        boot: str,
        counts: Counter[str],
    ) -> None:
        self.pbx_id = pbx_id
        self.script = script
        self.handsets = handsets
        self.audio = audio
        self.agenda = Agenda()
        self.counts = counts
        self.legs: dict[LegId, SimulatedLeg] = {}
        self.bridges: dict[BridgeId, tuple[SimulatedLeg, SimulatedLeg] | None] = {}
        self.is_there = True
        self.player = Player(self.agenda, audio, self.tell)
        self.recorder = Recorder(self.agenda, self.tell, script.network.sound_bytes_per_s)
        self._random = random.Random(seed)
        self._boot = boot
        self._arrivals = 0
        self._out: deque[tuple[int, port.AnyPbxEvent]] = deque()
        self._last_in = self._last_out = 0
        for handset in handsets.registered(pbx_id):
            handset.changed = self._device_changed

    # From outside

    def command(self, now: int, number: int, request: port.Request) -> None:
        """Send it a request; it arrives a latency later."""
        self.advance(now)
        if not self.is_there:
            return
        self._last_in = max(self._last_in, now + self._latency())
        self.agenda.put(self._last_in, lambda at: self._carry_out(at, number, request))

    def advance(self, now: int) -> None:
        """Do everything that is due."""
        self.agenda.run(now)

    def events(self, now: int) -> list[port.AnyPbxEvent]:
        """Take the events that have arrived up to an instant."""
        self.advance(now)
        found = []
        while self._out and self._out[0][0] <= now:
            found.append(self._out.popleft()[1])
        return found

    def next_event_at(self, after: int = 0) -> int | None:
        """When the next action or event is due; `after` leaves out earlier events that nobody has taken."""
        due_at = self.agenda.next_at()
        told_at = next((at for at, _ in self._out if at > after), None)
        if due_at is None or told_at is None:
            return told_at if due_at is None else due_at
        return min(due_at, told_at)

    def there(self, now: int) -> port.PbxThere:
        """All that it has now, for a gateway that connects; events on their way are dropped."""
        self.advance(now)
        self._out.clear()
        self.recorder.interrupt()
        return port.PbxThere(
            legs=tuple(
                port.LegSeen(
                    leg_id=leg.leg_id,
                    is_answered=leg.is_answered,
                    is_arrived=leg.is_arrived,
                    since_at=leg.since_at,  # type: ignore[arg-type]  # the simulation's clock is an int
                    caller=leg.caller,
                    line=leg.line,
                    is_internal=leg.is_internal,
                    is_ringing=leg.is_ringing,
                    ring_ms_max=leg.ring_ms_max,
                )
                for leg in self.legs.values()
                if not leg.is_over
            ),
            recordings=self.recorder.seen(now),
            bridges=tuple(bridge_id for bridge_id, legs in self.bridges.items() if legs is not None),
            devices=tuple(
                port.DeviceSeen(address=each.address, state=each.state)
                for each in self.handsets.registered(self.pbx_id)
            ),
        )

    def vanish(self, now: int, *, for_ms: int, drops: float = 0.0) -> None:
        """Go away for a while; `drops` is the share of legs that is gone afterwards."""
        self._out.clear()
        self.is_there = False
        self.handsets.away.add(self.pbx_id)
        self._out.append((now, port.PbxGone()))
        for leg in [each for each in self.legs.values() if not each.is_over]:
            if self._random.random() < drops:
                self.end(leg, now, by_party=False, code=0)
        self.agenda.put(now + for_ms, self._come_back)

    def _come_back(self, now: int) -> None:
        self.is_there = True
        self.handsets.away.discard(self.pbx_id)
        there = self.there(now)
        self._out.append((now, there))

    # Events and replies

    def _latency(self) -> int:
        network = self.script.network
        return self._random.randint(network.latency_ms_min, network.latency_ms_max)

    def tell(self, event: port.AnyPbxEvent) -> None:
        """Send an event, a latency later and in order; while the PBX is away it is lost."""
        if not self.is_there:
            return
        self._last_out = max(self._last_out, self.agenda.now + self._latency())
        self._out.append((self._last_out, event))

    def _reply(self, now: int, number: int, result: Result, reason: str = "") -> None:
        network = self.script.network
        reply = port.Replied(request=number, result=result, reason=reason)
        if self._random.random() < network.replies_lost:
            self.counts["replies_lost"] += 1
            return
        if self._random.random() < network.replies_late:
            self.counts["replies_late"] += 1
            self.agenda.put(now + self._random.randint(1, network.late_ms_max), lambda _: self.tell(reply))
            return
        self.tell(reply)
        if self._random.random() < network.replies_doubled:
            self.counts["replies_doubled"] += 1
            self.tell(reply)

    # Requests

    def _carry_out(self, now: int, number: int, request: port.Request) -> None:
        if not self.is_there:
            return
        self.counts["requests"] += 1
        result = self._result(now, request)
        self._reply(now, number, result)

    def _result(self, now: int, request: port.Request) -> Result:
        match request:
            case telephony.DialLeg():
                return self._dial(request, now)
            case telephony.Bridge():
                return self._bridge(request, now)
            case telephony.Unbridge():
                return self._unbridge(request.bridge_id, now)
            case telephony.CheckExtension():
                return self._check(request.extension)
            case port.FetchSound():
                return self.recorder.fetch(request.recording_id, request.from_byte, now)
            case port.ReleaseRecording():
                self.recorder.release(request.recording_id)
                return Result.DONE
            case _:
                return self._on_leg(now, request)

    def _on_leg(self, now: int, request: telephony.TelephonyCommand) -> Result:
        leg = self.legs.get(getattr(request, "leg_id", LegId("")))
        if leg is None or leg.is_over:
            return Result.GONE
        match request:
            case telephony.AnswerLeg():
                return self._answer(leg, now)
            case telephony.CancelLeg() if request.keeps_answered and leg.is_answered:
                return Result.ALREADY
            case telephony.CancelLeg() | telephony.HangUp() | telephony.RejectLeg():
                return self._end(leg, request, now)
            case telephony.Play():
                return self.player.play(leg, request, now) if leg.is_answered else Result.REFUSED
            case telephony.StopPlay():
                return self.player.stop(leg, request.play_id, now)
            case telephony.StartHoldMusic() | telephony.StopHoldMusic():
                return self._music(leg, is_wanted=isinstance(request, telephony.StartHoldMusic))
            case telephony.Record():
                return self._record(leg, request, now)
            case telephony.StopRecording():
                return self.recorder.stop(leg, request.recording_id, now)
            case _:
                return Result.REFUSED

    def _note_missed(self, leg: SimulatedLeg, *, is_answered_elsewhere: bool) -> None:
        """A phone that rang in vain notes a missed call, unless it is told that another one was picked up."""
        if leg.handset is not None and leg.is_ringing and not leg.is_answered and not is_answered_elsewhere:
            self.counts[f"missed {leg.handset.address}"] += 1

    def _end(self, leg: SimulatedLeg, request: telephony.TelephonyCommand, now: int) -> Result:
        if isinstance(request, telephony.CancelLeg):
            self._note_missed(leg, is_answered_elsewhere=request.is_answered_elsewhere)
        self.end(leg, now, by_party=False, code=0 if leg.is_answered or leg.is_arrived else 487)
        return Result.DONE

    @staticmethod
    def _music(leg: SimulatedLeg, *, is_wanted: bool) -> Result:
        leg.has_music = is_wanted
        return Result.DONE

    def _answer(self, leg: SimulatedLeg, now: int) -> Result:
        if leg.is_answered:
            return Result.ALREADY
        self.pick_up(leg, now)
        return Result.DONE

    def _check(self, extension: str) -> Result:
        if self.script.network.checks_answered:
            handset = self.handsets.of(self.pbx_id, Address(f"sip:{extension}"))
            exists = handset is not None or extension in self.script.extensions
            self.tell(port.ExtensionFound(extension=extension, exists=exists))
        return Result.DONE

    def _bridge(self, request: telephony.Bridge, now: int) -> Result:
        if request.bridge_id in self.bridges:
            if self.bridges[request.bridge_id] is None:
                return Result.GONE
            self.tell(port.LegsBridged(bridge_id=request.bridge_id))
            return Result.ALREADY
        first, second = (self.legs.get(leg_id) for leg_id in request.legs)
        if first is None or second is None or not self._can_talk(first) or not self._can_talk(second):
            return Result.GONE
        self.bridges[request.bridge_id] = (first, second)
        for leg in (first, second):
            self.player.silence(leg, now)
            leg.bridge_id = request.bridge_id
        self.tell(port.LegsBridged(bridge_id=request.bridge_id))
        for leg in (first, second):
            if leg.person is not None:
                leg.person.notice("until", "bridged", now)
        return Result.DONE

    @staticmethod
    def _can_talk(leg: SimulatedLeg) -> bool:
        return leg.is_answered and not leg.is_over

    def _record(self, leg: SimulatedLeg, request: telephony.Record, now: int) -> Result:
        """Record a leg, or both sides of its bridge; `gone` if the bridge has ended."""
        if request.bridge_id is None or request.recording_id in self.recorder.tapes:
            return self.recorder.record(leg, request, now)
        legs = self.bridges.get(request.bridge_id)
        if legs is None or leg not in legs:
            return Result.GONE
        other = legs[1] if legs[0] is leg else legs[0]
        return self.recorder.record(leg, request, now, other)

    def _unbridge(self, bridge_id: BridgeId, now: int) -> Result:
        legs = self.bridges.get(bridge_id)
        if legs is None:
            return Result.GONE
        self.bridges[bridge_id] = None
        self.tell(port.LegsUnbridged(bridge_id=bridge_id))
        for leg in legs:
            leg.bridge_id = None
            self.recorder.close_bridge(bridge_id, leg, now)
            if leg.person is not None and not leg.is_over:
                leg.person.notice("until", "unbridged", now)
        return Result.DONE

    # Dialled legs

    def _dial(self, command: telephony.DialLeg, now: int) -> Result:
        """Dial a phone; a used leg id is not dialled again."""
        if command.leg_id in self.legs:
            return Result.ALREADY
        handset = self.handsets.of(self.pbx_id, command.address)
        behaviour = (
            handset.next_behaviour() if handset is not None else Behaviour(condition=Condition.UNKNOWN)
        )
        leg = SimulatedLeg(
            leg_id=command.leg_id,
            is_arrived=False,
            since_at=now,
            handset=handset,
            behaviour=behaviour,
            caller_id=command.caller_id,
            headers=command.headers,
            display_name=command.display_name,
            ring_ms_max=command.ring_ms_max,
        )
        self.legs[leg.leg_id] = leg
        if handset is not None:
            handset.shown = (command.caller_id, command.display_name)
        self.counts["dials"] += 1
        self.counts[f"dialled {command.address}"] += 1
        if self.handsets.is_cut_off(command.address):
            self.agenda.put(now + ANSWER_FAST_MS, lambda at: self.end(leg, at, by_party=False, code=503))
        else:
            self._ring(leg, self._condition(handset, behaviour), now)
        return Result.DONE

    @staticmethod
    def _condition(handset: Handset | None, behaviour: Behaviour) -> Condition:
        if handset is not None and not handset.is_reachable:
            return Condition.UNAVAILABLE
        if handset is not None and handset.is_busy:
            return Condition.BUSY
        return behaviour.condition

    def _ring(self, leg: SimulatedLeg, condition: Condition, now: int) -> None:
        behaviour = leg.behaviour
        rings_at = now + _ms(behaviour.ring_after_s)
        if condition is Condition.DEAD:
            self.agenda.put(now + DEAD_MS, lambda at: self.end(leg, at, by_party=False, code=408))
            return
        if condition is not Condition.RINGS:
            code = CODES[condition]
            is_person = condition is Condition.BUSY
            self.agenda.put(now + ANSWER_FAST_MS, lambda at: self.end(leg, at, by_party=is_person, code=code))
            return
        self.agenda.put(rings_at, lambda _: self._rings(leg))
        if behaviour.answer_after_s is not None:
            self.agenda.put(rings_at + _ms(behaviour.answer_after_s), lambda at: self._answered(leg, at))
        if behaviour.decline_after_s is not None:
            declined_at = rings_at + _ms(behaviour.decline_after_s)
            self.agenda.put(declined_at, lambda at: self.end(leg, at, by_party=True, code=603))
        if behaviour.gives_up_after_s is not None:
            given_up_at = rings_at + _ms(behaviour.gives_up_after_s)
            self.agenda.put(given_up_at, lambda at: self._given_up(leg, at))
        self.agenda.put(now + NETWORK_RING_MS, lambda at: self._rung_out(leg, at))

    def _rings(self, leg: SimulatedLeg) -> None:
        if not leg.is_over:
            leg.is_ringing = not leg.behaviour.is_progress_only
            self.tell(port.Progressed(leg_id=leg.leg_id, is_ringing=leg.is_ringing))

    def _answered(self, leg: SimulatedLeg, now: int) -> None:
        """The person takes the call, unless their phone is busy by now."""
        if leg.handset is not None and leg.handset.is_busy:
            self.end(leg, now, by_party=True, code=486)
            return
        self.pick_up(leg, now)

    def _given_up(self, leg: SimulatedLeg, now: int) -> None:
        if not leg.is_answered:
            self.end(leg, now, by_party=False, code=CODES[Condition.UNAVAILABLE])

    def _rung_out(self, leg: SimulatedLeg, now: int) -> None:
        if not leg.is_answered:
            self.end(leg, now, by_party=False, code=408)

    # Legs

    def call_in(self, now: int, call: Call) -> LegId:
        """Somebody calls one of the PBX's lines; the phone they call from is in use."""
        self.advance(now)
        self._arrivals += 1
        handset = self._caller_handset(call)
        leg = SimulatedLeg(
            leg_id=LegId(f"in.{self.pbx_id}.{self._boot}.{self._arrivals}"),
            is_arrived=True,
            since_at=now,
            handset=handset,
            caller=call.caller,
            line=call.line,
            is_internal=call.is_internal,
            is_ringing=True,
        )
        leg.person = ScriptedPerson(self, leg, call.then)
        self.legs[leg.leg_id] = leg
        self.counts["calls_in"] += 1
        if handset is not None:
            handset.take_line()
        arrived = port.Arrived(
            leg_id=leg.leg_id, caller=call.caller, line=call.line, is_internal=call.is_internal
        )
        self.tell(arrived)
        leg.person.go_on(now)
        return leg.leg_id

    def _caller_handset(self, call: Call) -> Handset | None:
        if call.caller is None:
            return None
        if call.is_internal:
            return self.handsets.of(self.pbx_id, Address(f"sip:{call.caller}"))
        return self.handsets.public(call.caller)

    def pick_up(self, leg: SimulatedLeg, now: int) -> None:
        """A leg is answered: a dialled phone by its person, an arrived call by the gateway."""
        if leg.is_answered or leg.is_over:
            return
        leg.is_answered = True
        self.tell(port.PickedUp(leg_id=leg.leg_id))
        if leg.is_arrived and leg.person is not None:
            leg.person.notice("until", "answered", now)
        elif leg.person is None:
            if leg.handset is not None:
                leg.handset.take_line()
            leg.person = ScriptedPerson(self, leg, leg.behaviour.then)
            leg.person.go_on(now)

    def press(self, leg: SimulatedLeg, digit: str, now: int) -> None:
        """Press a key; it ends a recording that has it as terminator, and a play with barge-in."""
        if leg.is_over or not leg.is_answered:
            return
        self.tell(port.Pressed(leg_id=leg.leg_id, digit=digit))
        self.player.key_pressed(leg, now)
        if leg.tape is not None and digit in leg.tape.command.terminators:
            self.recorder.close(leg, leg.tape, now, Cause.TERMINATOR)

    def hang_up(self, leg: SimulatedLeg, now: int) -> None:
        """The person on a leg hangs up."""
        self.end(leg, now, by_party=True, code=0)

    def lose_sound(self, leg: SimulatedLeg, now: int) -> None:
        """No sound comes from a leg any more, which the PBX notices after a while."""
        self.agenda.put(now + SILENT_AFTER_MS, lambda _: self._is_silent(leg))

    def _is_silent(self, leg: SimulatedLeg) -> None:
        if not leg.is_over:
            self.tell(port.Silent(leg_id=leg.leg_id))

    def end(self, leg: SimulatedLeg, now: int, *, by_party: bool, code: int) -> None:
        """End a leg; its recordings are closed, sometimes after the end was sent, as on real systems."""
        if leg.is_over:
            return
        leg.is_over = True
        leg.token += 1
        leg.queue.clear()
        if leg.handset is not None and (leg.is_arrived or leg.is_answered):
            leg.handset.free_line()
        if leg.bridge_id is not None:
            self._unbridge(leg.bridge_id, now)
        tapes = self.recorder.of(leg.leg_id)
        is_close_late = bool(tapes) and self._random.random() < 0.5
        if not is_close_late:
            self._close_tapes(leg, now)
        self.tell(port.Ended(leg_id=leg.leg_id, by_party=by_party, code=code))
        if is_close_late:
            self.agenda.put(now + self._latency(), lambda at: self._close_tapes(leg, at, ended_at=now))

    def _close_tapes(self, leg: SimulatedLeg, now: int, *, ended_at: int | None = None) -> None:
        for tape in self.recorder.of(leg.leg_id):
            self.recorder.close(leg, tape, now if ended_at is None else ended_at, Cause.HANG_UP)

    def _device_changed(self, handset: Handset) -> None:
        self.tell(port.DeviceSeen(address=handset.address, state=handset.state))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
