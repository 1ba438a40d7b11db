"""One leg as the simulated PBX has it, its recording, and the person who acts on it."""

from typing import Final, Protocol

import msgspec

from contracts.ids import BridgeId, LegId, PlayId, RecordingId
from contracts.telephony import Play, Record
from services.gateway.port import Cause, PlayEnded
from services.gateway.simulated.agenda import Agenda
from services.gateway.simulated.audio import SAMPLES_PER_MS, AudioLibrary, Track, tone
from services.gateway.simulated.handsets import Handset
from services.gateway.simulated.script import Behaviour, Step, Until

KEY_MS: Final = 150
"""The time between two keys of one `press`."""


class SimulatedLeg(msgspec.Struct, kw_only=True, eq=False):
    """One leg; `token` changes with every play, so that the planned end of an earlier play does nothing."""

    leg_id: LegId
    is_arrived: bool
    since_at: int
    handset: Handset | None
    behaviour: Behaviour = Behaviour()
    caller: str | None = None
    line: str = ""
    is_internal: bool = False
    caller_id: str = ""
    headers: dict[str, str] = {}
    display_name: str = ""
    ring_ms_max: int = 0
    is_ringing: bool = False
    is_answered: bool = False
    is_over: bool = False
    has_music: bool = False
    bridge_id: BridgeId | None = None
    queue: list[Play] = msgspec.field(default_factory=list)
    token: int = 0
    heard: list[str] = msgspec.field(default_factory=list)
    plays_over: dict[PlayId, PlayEnded] = msgspec.field(default_factory=dict)
    tape: "Tape | None" = None
    person: "ScriptedPerson | None" = None

    @property
    def listening(self) -> str:
        """What the person on this leg hears: a play, a bridge, music, or silence."""
        if self.queue:
            return str(self.queue[0].play_id)
        if self.bridge_id is not None:
            return str(self.bridge_id)
        return "music" if self.has_music else "silence"


class Tape(msgspec.Struct, kw_only=True, eq=False):
    """One recording: open, or closed and kept until it is released; `told` bytes of it were sent."""

    recording_id: RecordingId
    leg_id: LegId
    command: Record
    track: Track
    other: SimulatedLeg | None = None
    """The other side, when a bridge is recorded."""
    told: int = 0
    sending: int | None = None
    """Which sending of the whole recording goes on, where that takes time; None: no one does."""
    closed_at: int | None = None
    cause: Cause | None = None


class PhoneControls(Protocol):
    """What a person needs of the PBX: keys, hanging up, time, and a voice."""

    agenda: Agenda
    audio: AudioLibrary

    def press(self, leg: SimulatedLeg, digit: str, now: int) -> None:
        """Press a key."""

    def hang_up(self, leg: SimulatedLeg, now: int) -> None:
        """Hang up."""

    def lose_sound(self, leg: SimulatedLeg, now: int) -> None:
        """Lose the network, without a word."""


class ScriptedPerson:
    """The person on one leg: does the script's steps one by one, and waits where a step says so."""

    def __init__(self, controls: PhoneControls, leg: SimulatedLeg, steps: tuple[Step, ...]) -> None:
        self._controls = controls
        self._leg = leg
        self._steps = steps
        self._at = 0
        self._awaits: tuple[str, str] | None = None

    def go_on(self, now: int) -> None:
        """Do the next steps, up to one that has to be waited for."""
        self._awaits = None
        while self._at < len(self._steps) and not self._leg.is_over:
            step = self._steps[self._at]
            self._at += 1
            if self._begin(step, now):
                return

    def _begin(self, step: Step, now: int) -> bool:
        """Begin a step; whether the next one has to wait."""
        if step.hang_up:
            self._controls.hang_up(self._leg, now)
            return True
        if step.loses_sound:
            self._controls.lose_sound(self._leg, now)
            return True
        if step.wait_s is not None:
            self._controls.agenda.put(now + round(step.wait_s * 1000), self.go_on)
            return True
        if step.press is not None:
            self._press(step.press, now)
            return True
        if step.say is not None or step.tone_hz is not None:
            self._say(step, now)
            return True
        if step.until is not None:
            return self._wait_until(step.until)
        self._awaits = ("during", step.during) if step.during is not None else ("after", step.after or "")
        return True

    def _press(self, keys: str, now: int) -> None:
        for index, digit in enumerate(keys):
            self._controls.agenda.put(
                now + index * KEY_MS,
                lambda at, digit=digit: self._controls.press(self._leg, digit, at),  # type: ignore[misc]
            )
        self._controls.agenda.put(now + len(keys) * KEY_MS, self.go_on)

    def _say(self, step: Step, now: int) -> None:
        if step.tone_hz is not None:
            sound = tone(step.tone_hz)
        else:
            sound = self._controls.audio.spoken(step.say or "", step.language)
        if self._leg.tape is not None:
            self._leg.tape.track.add(now, sound)
        self._controls.agenda.put(now + len(sound) // SAMPLES_PER_MS, self.go_on)

    def _wait_until(self, until: Until) -> bool:
        leg = self._leg
        is_so = {
            Until.ANSWERED: leg.is_answered,
            Until.BRIDGED: leg.bridge_id is not None,
            Until.UNBRIDGED: False,
            Until.RECORDING: leg.tape is not None,
        }[until]
        if is_so:
            return False
        self._awaits = ("until", str(until))
        return True

    def notice(self, kind: str, what: str, now: int) -> None:
        """Go on if the step waits for this: a media key heard (`during`, `after`), or a state (`until`)."""
        if self._awaits is None or self._awaits[0] != kind:
            return
        wanted = self._awaits[1]
        if (wanted == what) if kind == "until" else (wanted in what):
            self.go_on(now)
