"""One simulated PBX: legs, replies and the network's bad habits.

Theory of operation. Everything happens on one agenda in order of time. A request is carried out a network
latency after it was sent, in order; its reply, and everything that is told, takes another latency, in order.
A reply may be lost, late or doubled. While the PBX is away nothing gets in or out, calls go on without us,
and some are gone when it is back: then `PbxThere` tells what there is, and nothing that was missed is told.
"""

import random
from collections import Counter, deque

from contracts import telephony
from contracts.ids import Address, BridgeId, LegId, PbxId
from services.gateway import port
from services.gateway.port import Cause, Result
from services.gateway.simulated import dialling
from services.gateway.simulated.lines import Agenda, Line
from services.gateway.simulated.media import Player, Recorder
from services.gateway.simulated.people import Person
from services.gateway.simulated.phones import Handset, PhoneBook
from services.gateway.simulated.script import Call, PbxScript
from services.gateway.simulated.sounds import Sounds


class SimulatedPbx:
    """Feed it requests and the time; `events` gives what it told."""

    def __init__(
        self,
        pbx_id: PbxId,
        script: PbxScript,
        *,
        phones: PhoneBook,
        sounds: Sounds,
        seed: int,
        boot: str,
        counts: Counter[str],
    ) -> None:
        self.pbx_id = pbx_id
        self.script = script
        self.phones = phones
        self.sounds = sounds
        self.agenda = Agenda()
        self.counts = counts
        self.lines: dict[LegId, Line] = {}
        self.bridges: dict[BridgeId, tuple[Line, Line] | None] = {}
        self.is_there = True
        self.player = Player(self.agenda, sounds, self.tell)
        self.recorder = Recorder(self.agenda, self.tell)
        self._random = random.Random(seed)
        self._boot = boot
        self._arrivals = 0
        self._out: deque[tuple[int, port.AnyHappening]] = deque()
        self._last_in = self._last_out = 0
        for handset in phones.registered(pbx_id):
            handset.changed = self._device_changed

    # From outside

    def command(self, now: int, number: int, request: port.Request) -> None:
        """A request is on its way."""
        self.advance(now)
        if not self.is_there:
            return
        self._last_in = max(self._last_in, now + self._latency())
        self.agenda.put(self._last_in, lambda at: self._carry_out(at, number, request))

    def advance(self, now: int) -> None:
        """Let everything due happen."""
        self.agenda.run(now)

    def events(self, now: int) -> list[port.AnyHappening]:
        """What has been told up to an instant, taken away."""
        self.advance(now)
        found = []
        while self._out and self._out[0][0] <= now:
            found.append(self._out.popleft()[1])
        return found

    def next_event_at(self, after: int = 0) -> int | None:
        """When something happens, or is told, by itself; `after` leaves out what was told and not taken."""
        due_at = self.agenda.next_at()
        told_at = next((at for at, _ in self._out if at > after), None)
        if due_at is None or told_at is None:
            return told_at if due_at is None else due_at
        return min(due_at, told_at)

    def there(self, now: int) -> port.PbxThere:
        """All that it has now, for whoever connects; what was on its way to an earlier one is dropped."""
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
                for each in self.phones.registered(self.pbx_id)
            ),
        )

    def vanish(self, now: int, *, for_ms: int, drops: float = 0.0) -> None:
        """Be away for a while, and come back without a share of the legs."""
        self._out.clear()
        self.is_there = False
        self.phones.away.add(self.pbx_id)
        self._out.append((now, port.PbxGone()))
        for line in [each for each in self.lines.values() if not each.is_over]:
            if self._random.random() < drops:
                self.end(line, now, by_party=False, code=0)
        self.agenda.put(now + for_ms, self._come_back)

    def _come_back(self, now: int) -> None:
        self.is_there = True
        self.phones.away.discard(self.pbx_id)
        there = self.there(now)
        self._out.append((now, there))

    # What is told, and replies

    def _latency(self) -> int:
        network = self.script.network
        return self._random.randint(network.latency_ms_min, network.latency_ms_max)

    def tell(self, event: port.AnyHappening) -> None:
        """Tell the gateway, a latency later and in order; while away, nobody hears it."""
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
                return dialling.dial(self, request, now)
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
            handset = self.phones.of(self.pbx_id, Address(f"sip:{extension}"))
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
        """A leg, or both sides of its bridge; of one that is over there is nothing to hear."""
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

    # Legs

    def call_in(self, now: int, call: Call) -> LegId:
        """Somebody calls one of our lines; the phone they call from is in use."""
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
            return self.phones.of(self.pbx_id, Address(f"sip:{call.caller}"))
        return self.phones.public(call.caller)

    def pick_up(self, line: Line, now: int) -> None:
        """Somebody answers: the person of a dialled phone, or we on an arrived call."""
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
        """A key; it ends a recording of which it is a terminator, and a play that may be interrupted."""
        if line.is_over or not line.is_answered:
            return
        self.tell(port.Pressed(leg_id=line.leg_id, digit=digit))
        self.player.key_pressed(line, now)
        if line.tape is not None and digit in line.tape.command.terminators:
            self.recorder.close(line, line.tape, now, Cause.TERMINATOR)

    def hang_up(self, line: Line, now: int) -> None:
        """The person on a leg puts the phone down."""
        self.end(line, now, by_party=True, code=0)

    def end(self, line: Line, now: int, *, by_party: bool, code: int) -> None:
        """A leg is over; its recordings are closed, sometimes after the end was told, as on real systems."""
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
