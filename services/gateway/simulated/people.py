"""Who is on a leg: does one step after the other, waiting for what is heard and what happens."""

from typing import Protocol

from services.gateway.simulated.lines import Agenda, Line
from services.gateway.simulated.script import Step, Until
from services.gateway.simulated.sounds import SAMPLES_PER_MS, Sounds

KEY_MS = 150
"""Two keys are never pressed at once."""


class Room(Protocol):
    """What a person can do with the phone."""

    agenda: Agenda
    sounds: Sounds

    def press(self, line: Line, digit: str, now: int) -> None:
        """Press a key."""

    def hang_up(self, line: Line, now: int) -> None:
        """Put the phone down."""


class Person:
    """One person on one leg."""

    def __init__(self, room: Room, line: Line, steps: tuple[Step, ...]) -> None:
        self._room = room
        self._line = line
        self._steps = steps
        self._at = 0
        self._awaits: tuple[str, str] | None = None

    def go_on(self, now: int) -> None:
        """Do the steps from here on, until one has to be waited for."""
        self._awaits = None
        while self._at < len(self._steps) and not self._line.is_over:
            step = self._steps[self._at]
            self._at += 1
            if self._begin(step, now):
                return

    def _begin(self, step: Step, now: int) -> bool:
        """Begin a step; True: what follows has to wait."""
        if step.hang_up:
            self._room.hang_up(self._line, now)
            return True
        if step.wait_s is not None:
            self._room.agenda.put(now + round(step.wait_s * 1000), self.go_on)
            return True
        if step.press is not None:
            self._press(step.press, now)
            return True
        if step.say is not None:
            self._say(step, now)
            return True
        if step.until is not None:
            return self._wait_until(step.until)
        self._awaits = ("during", step.during) if step.during is not None else ("after", step.after or "")
        return True

    def _press(self, keys: str, now: int) -> None:
        for index, digit in enumerate(keys):
            self._room.agenda.put(
                now + index * KEY_MS,
                lambda at, digit=digit: self._room.press(self._line, digit, at),  # type: ignore[misc]
            )
        self._room.agenda.put(now + len(keys) * KEY_MS, self.go_on)

    def _say(self, step: Step, now: int) -> None:
        sound = self._room.sounds.spoken(step.say or "", step.language)
        if self._line.tape is not None:
            self._line.tape.track.add(now, sound)
        self._room.agenda.put(now + len(sound) // SAMPLES_PER_MS, self.go_on)

    def _wait_until(self, until: Until) -> bool:
        line = self._line
        is_so = {
            Until.ANSWERED: line.is_answered,
            Until.BRIDGED: line.bridge_id is not None,
            Until.UNBRIDGED: False,
            Until.RECORDING: line.tape is not None,
        }[until]
        if is_so:
            return False
        self._awaits = ("until", str(until))
        return True

    def notice(self, kind: str, what: str, now: int) -> None:
        """Something was heard (`during`, `after`: a media key) or happened (`until`)."""
        if self._awaits is None or self._awaits[0] != kind:
            return
        wanted = self._awaits[1]
        if (wanted == what) if kind == "until" else (wanted in what):
            self.go_on(now)
