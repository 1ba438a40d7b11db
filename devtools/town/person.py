"""The person on a call: does a script's steps one by one, and waits for what they hear."""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

from contracts.directory import Language
from devtools.town.recognition import Following, Known, ToneListener, has_whisper
from devtools.town.sound import FRAME_BYTES, SAMPLES_PER_MS, Line
from services.gateway.simulated.audio import tone
from services.gateway.simulated.legs import KEY_MS
from services.gateway.simulated.script import Step, Until

LISTEN_S: Final = 0.06
"""How often somebody who waits listens: three frames."""
JUST_NOW_BYTES: Final = 1_000 * SAMPLES_PER_MS
ALONE_MS: Final = 600
"""Whoever hears nothing of the other side for so long is alone again."""


class Ears(Protocol):
    """What a person knows of sounds."""

    async def prompts(self, word: str) -> Known:
        """The prompts whose media key has this word in it."""

    async def speech(self, text: str, language: Language) -> bytes:
        """A text, spoken: A-law."""

    @property
    def voices(self) -> Known:
        """Everything that anybody says."""


class PhoneCall(Protocol):
    """A call as its person has it."""

    line: Line
    answered: asyncio.Event

    async def press(self, keys: str, *, by_info: bool) -> None:
        """Press keys, sent as sound (RFC 4733) or by SIP's INFO."""

    async def hang_up(self) -> None:
        """Hang up."""


class Person:
    """Acts on one call, until the steps or the call end."""

    def __init__(self, ears: Ears, call: PhoneCall, steps: tuple[Step, ...]) -> None:
        self._ears = ears
        self._call = call
        self._steps = steps
        self._byte = 0

    async def act(self) -> None:
        """Do all steps."""
        for step in self._steps:
            await self._do(step)

    async def _do(self, step: Step) -> None:
        self._byte = self._call.line.heard_bytes
        if step.hang_up:
            await self._call.hang_up()
        elif step.loses_sound:
            self._call.line.is_dead = True
        elif step.wait_s is not None:
            await asyncio.sleep(step.wait_s)
        elif step.press is not None:
            await self._call.press(step.press, by_info=step.by_info)
            await asyncio.sleep(len(step.press) * KEY_MS / 1_000)
        elif step.say is not None:
            sound = await self._ears.speech(step.say, step.language)
            await asyncio.sleep(self._call.line.say(sound))
        elif step.tone_hz is not None:
            await asyncio.sleep(self._call.line.say(tone(step.tone_hz)))
        elif step.until is not None:
            await self._until(step.until)
        else:
            await self._prompt(step.during or step.after or "", is_whole=step.during is None)

    async def _until(self, until: Until) -> None:
        match until:
            case Until.ANSWERED:
                await self._call.answered.wait()
            case Until.BRIDGED:
                await self._listen(self._hears_somebody)
            case Until.UNBRIDGED:
                await self._alone()
            case Until.RECORDING:
                tone = ToneListener()
                # Part of it may have been heard while the step before ended.
                self._byte = max(0, self._byte - JUST_NOW_BYTES)
                await self._listen(tone.hear)

    async def _listen(self, is_heard: Callable[[bytes], bool]) -> None:
        while not is_heard(self._hear()):
            await asyncio.sleep(LISTEN_S)

    def _hear(self) -> bytes:
        """What was heard since the last time, a whole frame or nothing."""
        heard = self._call.line.heard_since(self._byte)
        whole = len(heard) - len(heard) % FRAME_BYTES
        self._byte += whole
        return heard[:whole]

    def _hears_somebody(self, heard: bytes) -> bool:
        return has_whisper(heard) or self._ears.voices.find(heard) is not None

    async def _alone(self) -> None:
        """Wait until somebody was heard and is heard no longer."""
        await self._listen(self._hears_somebody)
        heard_at = time.monotonic()
        while (time.monotonic() - heard_at) * 1_000 < ALONE_MS:
            await asyncio.sleep(LISTEN_S)
            if self._hears_somebody(self._hear()):
                heard_at = time.monotonic()

    async def _prompt(self, word: str, *, is_whole: bool) -> None:
        known = await self._ears.prompts(word)
        following = Following(known)
        while True:
            has_ended = following.hear(self._hear(), time.monotonic() * 1_000)
            if has_ended or (following.has_begun and not is_whole):
                return
            if not following.has_begun and (newer := await self._ears.prompts(word)) is not known:
                known = newer
                following = Following(known)
            await asyncio.sleep(LISTEN_S)
