"""Plays, music and recordings on the legs of a simulated PBX, as the port asks of every adapter."""

from collections.abc import Callable

from contracts.ids import BridgeId, LegId, RecordingId
from contracts.telephony import Play, Record
from services.gateway import port
from services.gateway.port import Cause, Result
from services.gateway.simulated.agenda import Agenda
from services.gateway.simulated.audio import SAMPLES_PER_MS, AudioLibrary, Track
from services.gateway.simulated.legs import SimulatedLeg, Tape

TONE_MS = 300
PIECE_MS = 1_000
"""Sound is sent once a second: a gateway that dies loses no more than that."""
PIECE_BYTES_MAX = 16_000

Tell = Callable[[port.AnyPbxEvent], None]


class Player:
    """Plays on legs, one after the other, unless one interrupts the others."""

    def __init__(self, agenda: Agenda, audio: AudioLibrary, tell: Tell) -> None:
        self._agenda = agenda
        self._audio = audio
        self._tell = tell

    def play(self, leg: SimulatedLeg, command: Play, now: int) -> Result:
        """Queue a play; send the end of one that has ended again."""
        over = leg.plays_over.get(command.play_id)
        if over is not None:
            self._tell(over)
            return Result.ALREADY
        if any(each.play_id == command.play_id for each in leg.queue):
            return Result.ALREADY
        if command.interrupts:
            self._end_all(leg, now)
        leg.queue.append(command)
        if len(leg.queue) == 1:
            self._start(leg, now)
        return Result.DONE

    def _start(self, leg: SimulatedLeg, now: int) -> None:
        """Begin the first play of the queue; nothing is played if any of its media is missing."""
        leg.token += 1
        play, token = leg.queue[0], leg.token
        lengths = [self._audio.length_ms(key) for key in play.media]
        if any(length is None for length in lengths) or not lengths:
            self._over(leg, now, ok=False)
            return
        at = now
        for key, length in zip(play.media, lengths, strict=True):
            self._agenda.put(at, lambda t, key=key: self._notice(leg, token, "during", key, t))  # type: ignore[misc]
            at += length or 0
            self._agenda.put(at, lambda t, key=key: self._notice(leg, token, "after", key, t))  # type: ignore[misc]
        self._agenda.put(at, lambda t: self._finish(leg, token, t))

    def _notice(self, leg: SimulatedLeg, token: int, kind: str, key: str, now: int) -> None:
        if leg.token != token or leg.is_over:
            return
        if kind == "during":
            leg.heard.append(key)
        if leg.person is not None:
            leg.person.notice(kind, key, now)

    def _finish(self, leg: SimulatedLeg, token: int, now: int) -> None:
        if leg.token == token and leg.queue and not leg.is_over:
            self._over(leg, now, ok=True)

    def _over(self, leg: SimulatedLeg, now: int, *, ok: bool, was_interrupted: bool = False) -> None:
        play = leg.queue.pop(0)
        leg.token += 1
        ended = port.PlayEnded(
            leg_id=leg.leg_id, play_id=play.play_id, ok=ok, was_interrupted=was_interrupted
        )
        leg.plays_over[play.play_id] = ended
        self._tell(ended)
        if was_interrupted and leg.person is not None:
            for key in play.media:
                leg.person.notice("after", key, now)
        if leg.queue:
            self._start(leg, now)

    def stop(self, leg: SimulatedLeg, play_id: str, now: int) -> Result:
        """End a running play, or take a waiting one out of the queue."""
        found = [index for index, each in enumerate(leg.queue) if each.play_id == play_id]
        if not found:
            return Result.GONE
        if found[0] == 0:
            self._over(leg, now, ok=True, was_interrupted=True)
        else:
            play = leg.queue.pop(found[0])
            ended = port.PlayEnded(leg_id=leg.leg_id, play_id=play.play_id, ok=True, was_interrupted=True)
            leg.plays_over[play.play_id] = ended
            self._tell(ended)
        return Result.DONE

    def key_pressed(self, leg: SimulatedLeg, now: int) -> None:
        """A key ends a play with barge-in."""
        if leg.queue and leg.queue[0].barge_in:
            self._over(leg, now, ok=True, was_interrupted=True)

    def silence(self, leg: SimulatedLeg, now: int) -> None:
        """End every play, and the music for good, as a bridge does."""
        leg.has_music = False
        self._end_all(leg, now)

    def _end_all(self, leg: SimulatedLeg, now: int) -> None:
        """From the last waiting play to the running one, so that no waiting one begins."""
        while leg.queue:
            self.stop(leg, leg.queue[-1].play_id, now)


class Recorder:
    """Recordings; a closed one is kept until the gateway releases it."""

    def __init__(self, agenda: Agenda, tell: Tell, bytes_per_s: int | None) -> None:
        """With `bytes_per_s` sound is sent only when the recording is closed, and at that rate."""
        self._agenda = agenda
        self._tell = tell
        self._bytes_per_s = bytes_per_s
        self._sendings = 0
        self.tapes: dict[RecordingId, Tape] = {}
        self._released: set[RecordingId] = set()

    def record(
        self, leg: SimulatedLeg, command: Record, now: int, other: SimulatedLeg | None = None
    ) -> Result:
        """Start after the tone; a known recording is not started again. `other` is recorded, too."""
        known = self.tapes.get(command.recording_id)
        if known is not None or command.recording_id in self._released:
            if known is not None and known.cause is not None:
                self._tell_closed(known)
            return Result.ALREADY
        started_at = now + (TONE_MS if command.tone else 0)
        tape = Tape(
            recording_id=command.recording_id,
            leg_id=leg.leg_id,
            command=command,
            track=Track(started_at),
            other=other,
        )
        self.tapes[tape.recording_id] = tape
        self._agenda.put(started_at, lambda at: self._begin(leg, tape, at))
        return Result.DONE

    def _begin(self, leg: SimulatedLeg, tape: Tape, now: int) -> None:
        if leg.is_over:
            self.close(leg, tape, now, Cause.HANG_UP)
            return
        if tape.cause is not None:
            return
        heard = [each for each in (leg, tape.other) if each is not None]
        for each in heard:
            each.tape = tape
        self._agenda.put(
            now + tape.command.duration_ms_max, lambda at: self.close(leg, tape, at, Cause.MAXIMUM)
        )
        self._agenda.put(now + PIECE_MS, lambda at: self._tick(leg, tape, at))
        self._agenda.put(now + tape.command.silence_ms_max, lambda at: self._listen(leg, tape, at))
        for each in heard:
            if each.person is not None:
                each.person.notice("until", "recording", now)

    def _tick(self, leg: SimulatedLeg, tape: Tape, now: int) -> None:
        if tape.cause is None and self._bytes_per_s is None:
            self._tell_sound(tape, now)
            self._agenda.put(now + PIECE_MS, lambda at: self._tick(leg, tape, at))

    def _listen(self, leg: SimulatedLeg, tape: Tape, now: int) -> None:
        if tape.cause is not None:
            return
        quiet_at = tape.track.speech_ends_at() + tape.command.silence_ms_max
        if quiet_at <= now:
            self.close(leg, tape, now, Cause.SILENCE)
        else:
            self._agenda.put(quiet_at, lambda at: self._listen(leg, tape, at))

    def close(self, leg: SimulatedLeg, tape: Tape, now: int, cause: Cause) -> None:
        """End a recording; all its sound is sent before its end."""
        if tape.cause is not None:
            return
        # The end of a leg may come here late, when more was sent already: a file does not become shorter.
        told_until = tape.track.started_at + tape.told // SAMPLES_PER_MS
        tape.closed_at, tape.cause = max(now, told_until), cause
        for each in (leg, tape.other):
            if each is not None and each.tape is tape:
                each.tape = None
        self._tell_closed(tape)

    def stop(self, leg: SimulatedLeg, recording_id: RecordingId, now: int) -> Result:
        """End a recording on demand, and keep what was said."""
        for tape in self.of(leg.leg_id):
            if tape.recording_id == recording_id:
                self.close(leg, tape, now, Cause.STOPPED)
                return Result.DONE
        return Result.ALREADY

    def _tell_closed(self, tape: Tape) -> None:
        assert tape.closed_at is not None
        if self._bytes_per_s is None:
            self._tell_sound(tape, tape.closed_at)
            self._tell_end(tape)
        elif tape.sending is None:
            self._sendings += 1
            tape.sending = self._sendings
            self._send(tape, self._sendings, tape.track.until(tape.closed_at), self._agenda.now)

    def _send(self, tape: Tape, sending: int, sound: bytes, now: int) -> None:
        """Send the next piece of a closed recording, and the others after it; then its end."""
        if tape.sending != sending:
            return
        assert self._bytes_per_s is not None
        piece = sound[tape.told : tape.told + PIECE_BYTES_MAX]
        if not piece:
            tape.sending = None
            self._tell_end(tape)
            return
        self._tell(port.Sound(recording_id=tape.recording_id, from_byte=tape.told, data=piece))
        tape.told += len(piece)
        later = now + len(piece) * 1_000 // self._bytes_per_s
        self._agenda.put(later, lambda at: self._send(tape, sending, sound, at))

    def interrupt(self) -> None:
        """Whoever was being sent recordings is gone: a gateway that wants them fetches them."""
        for tape in self.tapes.values():
            tape.sending = None

    def _tell_end(self, tape: Tape) -> None:
        assert tape.cause is not None
        self._tell(
            port.RecordingClosed(
                leg_id=tape.leg_id, recording_id=tape.recording_id, bytes=tape.told, cause=tape.cause
            )
        )

    def _tell_sound(self, tape: Tape, until: int) -> None:
        sound = tape.track.until(until)
        while tape.told < len(sound):
            piece = sound[tape.told : tape.told + PIECE_BYTES_MAX]
            self._tell(port.Sound(recording_id=tape.recording_id, from_byte=tape.told, data=piece))
            tape.told += len(piece)

    def fetch(self, recording_id: RecordingId, from_byte: int, now: int) -> Result:
        """Send the sound again from a byte on."""
        tape = self.tapes.get(recording_id)
        if tape is None:
            return Result.GONE
        if tape.sending is not None:
            return Result.ALREADY
        tape.told = from_byte
        if tape.cause is not None:
            self._tell_closed(tape)
        elif self._bytes_per_s is None:
            self._tell_sound(tape, now)
        return Result.DONE

    def close_bridge(self, bridge_id: BridgeId, leg: SimulatedLeg, now: int) -> None:
        """End the recordings of a bridge that is over."""
        for tape in self.of(leg.leg_id):
            if tape.command.bridge_id == bridge_id:
                self.close(leg, tape, now, Cause.HANG_UP)

    def release(self, recording_id: RecordingId) -> None:
        """Forget a recording that the gateway has."""
        if self.tapes.pop(recording_id, None) is not None:
            self._released.add(recording_id)

    def of(self, leg_id: LegId) -> list[Tape]:
        """The open recordings of a leg."""
        return [tape for tape in self.tapes.values() if tape.leg_id == leg_id and tape.cause is None]

    def seen(self, now: int) -> tuple[port.RecordingSeen, ...]:
        """All recordings, for a gateway that connects."""
        return tuple(
            port.RecordingSeen(
                leg_id=tape.leg_id,
                recording_id=tape.recording_id,
                bytes=(max(0, (tape.closed_at or now) - tape.track.started_at)) * SAMPLES_PER_MS,
                cause=tape.cause,
            )
            for tape in self.tapes.values()
        )
