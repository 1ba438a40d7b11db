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
from services.gateway.simulated.lines import Line, Person
from services.gateway.simulated.media import Player, Recorder
from services.gateway.simulated.script import Behaviour, Call, Condition, PbxScript

DEAD_MS: Final = 32_000
"""SIP's timer B: 64 times T1 of 500 ms (RFC 3261 17.1.1.2)."""
NETWORK_RING_MS: Final = 180_000
"""Public networks give up by themselves after about three minutes."""
ANSWER_FAST_MS: Final = 60
"""How long a network takes to say that a number does not exist."""

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
        self.lines: dict[LegId, Line] = {}
        self.bridges: dict[BridgeId, tuple[Line, Line] | None] = {}
        self.is_there = True
        self.player = Player(self.agenda, audio, self.tell)
        self.recorder = Recorder(self.agenda, self.tell)
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
        return port.PbxThere(
            legs=tuple(
                port.LegSeen(
                    leg_id=line.leg_id,
                    is_answered=line.is_answered,
                    is_arrived=line.is_arrived,
                    since_at=line.since_at,  # type: ignore[arg-type]  # the simulation's clock is an int
                    caller=line.caller,
                    line=line.line,
                    is_internal=line.is_internal,
                    is_ringing=line.is_ringing,
                    ring_ms_max=line.ring_ms_max,
                )
                for line in self.lines.values()
                if not line.is_over
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
        for line in [each for each in self.lines.values() if not each.is_over]:
            if self._random.random() < drops:
                self.end(line, now, by_party=False, code=0)
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
                return self._on_line(now, request)

    def _on_line(self, now: int, request: telephony.TelephonyCommand) -> Result:
        line = self.lines.get(getattr(request, "leg_id", LegId("")))
        if line is None or line.is_over:
            return Result.GONE
        match request:
            case telephony.AnswerLeg():
                return self._answer(line, now)
            case telephony.CancelLeg() if request.keeps_answered and line.is_answered:
                return Result.ALREADY
            case telephony.CancelLeg() | telephony.HangUp() | telephony.RejectLeg():
                return self._end(line, now)
            case telephony.Play():
                return self.player.play(line, request, now) if line.is_answered else Result.REFUSED
            case telephony.StopPlay():
                return self.player.stop(line, request.play_id, now)
            case telephony.StartHoldMusic() | telephony.StopHoldMusic():
                return self._music(line, is_wanted=isinstance(request, telephony.StartHoldMusic))
            case telephony.Record():
                return self._record(line, request, now)
            case telephony.StopRecording():
                return self.recorder.stop(line, request.recording_id, now)
            case _:
                return Result.REFUSED

    def _end(self, line: Line, now: int) -> Result:
        self.end(line, now, by_party=False, code=0 if line.is_answered or line.is_arrived else 487)
        return Result.DONE

    @staticmethod
    def _music(line: Line, *, is_wanted: bool) -> Result:
        line.has_music = is_wanted
        return Result.DONE

    def _answer(self, line: Line, now: int) -> Result:
        if line.is_answered:
            return Result.ALREADY
        self.pick_up(line, now)
        return Result.DONE

    def _check(self, extension: str) -> Result:
        if self.script.network.checks_answered:
            handset = self.handsets.of(self.pbx_id, Address(f"sip:{extension}"))
            exists = handset is not None or extension in self.script.extensions
            self.tell(port.ExtensionFound(extension=extension, exists=exists))
        return Result.DONE

    def _bridge(self, request: telephony.Bridge, now: int) -> Result:
        if request.bridge_id in self.bridges:
            if self.bridges[request.bridge_id] is not None:
                self.tell(port.Wired(bridge_id=request.bridge_id))
            return Result.ALREADY
        first, second = (self.lines.get(leg_id) for leg_id in request.legs)
        if first is None or second is None or not self._can_talk(first) or not self._can_talk(second):
            return Result.GONE
        self.bridges[request.bridge_id] = (first, second)
        for line in (first, second):
            self.player.silence(line, now)
            line.bridge_id = request.bridge_id
        self.tell(port.Wired(bridge_id=request.bridge_id))
        for line in (first, second):
            if line.person is not None:
                line.person.notice("until", "bridged", now)
        return Result.DONE

    @staticmethod
    def _can_talk(line: Line) -> bool:
        return line.is_answered and not line.is_over

    def _record(self, line: Line, request: telephony.Record, now: int) -> Result:
        """Record a leg, or both sides of its bridge; `gone` if the bridge has ended."""
        if request.bridge_id is None or request.recording_id in self.recorder.tapes:
            return self.recorder.record(line, request, now)
        legs = self.bridges.get(request.bridge_id)
        if legs is None or line not in legs:
            return Result.GONE
        other = legs[1] if legs[0] is line else legs[0]
        return self.recorder.record(line, request, now, other)

    def _unbridge(self, bridge_id: BridgeId, now: int) -> Result:
        legs = self.bridges.get(bridge_id)
        if legs is None:
            return Result.GONE
        self.bridges[bridge_id] = None
        self.tell(port.Unwired(bridge_id=bridge_id))
        for line in legs:
            line.bridge_id = None
            self.recorder.close_bridge(bridge_id, line, now)
            if line.person is not None and not line.is_over:
                line.person.notice("until", "unbridged", now)
        return Result.DONE

    # Dialled legs

    def _dial(self, command: telephony.DialLeg, now: int) -> Result:
        """Dial a phone; a used leg id is not dialled again."""
        if command.leg_id in self.lines:
            return Result.ALREADY
        handset = self.handsets.of(self.pbx_id, command.address)
        behaviour = (
            handset.next_behaviour() if handset is not None else Behaviour(condition=Condition.UNKNOWN)
        )
        line = Line(
            leg_id=command.leg_id,
            is_arrived=False,
            since_at=now,
            handset=handset,
            behaviour=behaviour,
            caller_id=command.caller_id,
            headers=command.headers,
            ring_ms_max=command.ring_ms_max,
        )
        self.lines[line.leg_id] = line
        self.counts["dials"] += 1
        self.counts[f"dialled {command.address}"] += 1
        if self.handsets.is_cut_off(command.address):
            self.agenda.put(now + ANSWER_FAST_MS, lambda at: self.end(line, at, by_party=False, code=503))
        else:
            self._ring(line, self._condition(handset, behaviour), now)
        return Result.DONE

    @staticmethod
    def _condition(handset: Handset | None, behaviour: Behaviour) -> Condition:
        if handset is not None and not handset.is_reachable:
            return Condition.UNAVAILABLE
        if handset is not None and handset.is_busy:
            return Condition.BUSY
        return behaviour.condition

    def _ring(self, line: Line, condition: Condition, now: int) -> None:
        behaviour = line.behaviour
        rings_at = now + _ms(behaviour.ring_after_s)
        if condition is Condition.DEAD:
            self.agenda.put(now + DEAD_MS, lambda at: self.end(line, at, by_party=False, code=408))
            return
        if condition is not Condition.RINGS:
            code = CODES[condition]
            is_person = condition is Condition.BUSY
            self.agenda.put(
                now + ANSWER_FAST_MS, lambda at: self.end(line, at, by_party=is_person, code=code)
            )
            return
        self.agenda.put(rings_at, lambda _: self._rings(line))
        if behaviour.answer_after_s is not None:
            self.agenda.put(rings_at + _ms(behaviour.answer_after_s), lambda at: self._answered(line, at))
        if behaviour.decline_after_s is not None:
            declined_at = rings_at + _ms(behaviour.decline_after_s)
            self.agenda.put(declined_at, lambda at: self.end(line, at, by_party=True, code=603))
        self.agenda.put(now + NETWORK_RING_MS, lambda at: self._rung_out(line, at))

    def _rings(self, line: Line) -> None:
        if not line.is_over:
            line.is_ringing = True
            self.tell(port.Progressed(leg_id=line.leg_id))

    def _answered(self, line: Line, now: int) -> None:
        """The person takes the call, unless their phone is busy by now."""
        if line.handset is not None and line.handset.is_busy:
            self.end(line, now, by_party=True, code=486)
            return
        self.pick_up(line, now)

    def _rung_out(self, line: Line, now: int) -> None:
        if not line.is_answered:
            self.end(line, now, by_party=False, code=408)

    # Legs

    def call_in(self, now: int, call: Call) -> LegId:
        """Somebody calls one of the PBX's lines; the phone they call from is in use."""
        self.advance(now)
        self._arrivals += 1
        handset = self._caller_handset(call)
        line = Line(
            leg_id=LegId(f"in.{self.pbx_id}.{self._boot}.{self._arrivals}"),
            is_arrived=True,
            since_at=now,
            handset=handset,
            caller=call.caller,
            line=call.line,
            is_internal=call.is_internal,
            is_ringing=True,
        )
        line.person = Person(self, line, call.then)
        self.lines[line.leg_id] = line
        self.counts["calls_in"] += 1
        if handset is not None:
            handset.take_line()
        arrived = port.Arrived(
            leg_id=line.leg_id, caller=call.caller, line=call.line, is_internal=call.is_internal
        )
        self.tell(arrived)
        line.person.go_on(now)
        return line.leg_id

    def _caller_handset(self, call: Call) -> Handset | None:
        if call.caller is None:
            return None
        if call.is_internal:
            return self.handsets.of(self.pbx_id, Address(f"sip:{call.caller}"))
        return self.handsets.public(call.caller)

    def pick_up(self, line: Line, now: int) -> None:
        """A leg is answered: a dialled phone by its person, an arrived call by the gateway."""
        if line.is_answered or line.is_over:
            return
        line.is_answered = True
        self.tell(port.PickedUp(leg_id=line.leg_id))
        if line.is_arrived and line.person is not None:
            line.person.notice("until", "answered", now)
        elif line.person is None:
            if line.handset is not None:
                line.handset.take_line()
            line.person = Person(self, line, line.behaviour.then)
            line.person.go_on(now)

    def press(self, line: Line, digit: str, now: int) -> None:
        """Press a key; it ends a recording that has it as terminator, and a play with barge-in."""
        if line.is_over or not line.is_answered:
            return
        self.tell(port.Pressed(leg_id=line.leg_id, digit=digit))
        self.player.key_pressed(line, now)
        if line.tape is not None and digit in line.tape.command.terminators:
            self.recorder.close(line, line.tape, now, Cause.TERMINATOR)

    def hang_up(self, line: Line, now: int) -> None:
        """The person on a leg hangs up."""
        self.end(line, now, by_party=True, code=0)

    def end(self, line: Line, now: int, *, by_party: bool, code: int) -> None:
        """End a leg; its recordings are closed, sometimes after the end was sent, as on real systems."""
        if line.is_over:
            return
        line.is_over = True
        line.token += 1
        line.queue.clear()
        if line.handset is not None and (line.is_arrived or line.is_answered):
            line.handset.free_line()
        if line.bridge_id is not None:
            self._unbridge(line.bridge_id, now)
        tapes = self.recorder.of(line.leg_id)
        is_close_late = bool(tapes) and self._random.random() < 0.5
        if not is_close_late:
            self._close_tapes(line, now)
        self.tell(port.Ended(leg_id=line.leg_id, by_party=by_party, code=code))
        if is_close_late:
            self.agenda.put(now + self._latency(), lambda at: self._close_tapes(line, at, ended_at=now))

    def _close_tapes(self, line: Line, now: int, *, ended_at: int | None = None) -> None:
        for tape in self.recorder.of(line.leg_id):
            self.recorder.close(line, tape, now if ended_at is None else ended_at, Cause.HANG_UP)

    def _device_changed(self, handset: Handset) -> None:
        self.tell(port.DeviceSeen(address=handset.address, state=handset.state))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
