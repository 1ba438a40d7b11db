"""The port of speech engines, and espeak-ng as its adapter.

Another engine is another class with `speak` and `speak_all`: festival (`text2wave`, text on stdin) and piper
(a folder of voices, text on stdin, raw PCM out) fit. The engine's name is part of every content address, so a
change of engine renders everything anew and never mixes voices.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from runtime import programs, wav
from services.tts.rules.content_address import Voice

_SPEECH_SECONDS_MAX: Final = 20.0
"""espeak-ng speaks 14 s in 0.03 s; a thousand characters need a tenth of a second."""
_MEMORY_BYTES_MAX: Final = 512 * 1024 * 1024
_OUTPUT_BYTES_MAX: Final = 32 * 1024 * 1024
"""Twelve minutes at 22,050 Hz: more than the five that a notice may last."""
_PAUSE_MS: Final = 2_500
_PAUSE_MS_MIN: Final = 1_500
"""Requested pauses come out as 2,480 to 2,630 ms; pauses between sentences stay below 550 ms."""
_MARGIN_MS: Final = 50
_FRAME_MS: Final = 10
_RATE_AT: Final = slice(4, 8)
"""Where the rate is in a WAV's `fmt ` chunk."""
_RATE_OF_SILENCE: Final = 22_050
"""The rate of espeak-ng; silence may have any."""


class Sound(msgspec.Struct, frozen=True):
    """Mono PCM, 16 bits, little-endian."""

    rate: int
    pcm: bytes


class EngineUnavailable(Exception):
    """The engine can't speak now; the same text may work later."""


class Engine(Protocol):
    """Speaks a text that `rules.text_normalization` has freed of mark-up."""

    name: str
    """Part of the content address: the engine and its generation of voices."""

    async def speak(self, text: str, voice: Voice) -> Sound:
        """Speak a text. Raises EngineUnavailable; a text that can't be spoken gives silence."""
        ...

    async def speak_all(self, texts: Sequence[str], voice: Voice) -> list[Sound]:
        """Speak several texts, each as if alone; in one run if that is cheaper."""
        ...


class EspeakNg:
    """espeak-ng as a process for each text, which it reads from stdin."""

    name = "espeak-ng"

    def __init__(self, program: str = "espeak-ng", *, seconds_max: float = _SPEECH_SECONDS_MAX) -> None:
        self._program = program
        self._seconds_max = seconds_max

    async def speak(self, text: str, voice: Voice) -> Sound:
        """Speak a text; without `-m` espeak-ng takes nothing in it for mark-up."""
        return await self._run(text, voice)

    async def speak_all(self, texts: Sequence[str], voice: Voice) -> list[Sound]:
        """Speak several texts in one process, with long pauses between them at which the sound is cut.

        Starting the process takes longer than a sentence: 24 prompts together take a sixth of the time. The
        pauses are the only mark-up that an engine ever gets; they stand between texts, never in one. If the
        number of pieces is wrong, each text is spoken alone.
        """
        if len(texts) > 1:
            pause = f' <break time="{_PAUSE_MS}ms"/> '
            together = await self._run(pause.join(texts), voice, "-m")
            pieces = _cut(together)
            if len(pieces) == len(texts):
                return pieces
        return [await self.speak(text, voice) for text in texts]

    async def _run(self, text: str, voice: Voice, *options: str) -> Sound:
        argv = (self._program, *options, "-b", "1", "-v", voice.name, "-s", str(voice.words_per_minute))
        try:
            answer = await programs.run(
                (*argv, "--stdin", "--stdout"),
                text.encode() + b"\n",
                seconds_max=self._seconds_max,
                output_bytes_max=_OUTPUT_BYTES_MAX,
                memory_bytes_max=_MEMORY_BYTES_MAX,
            )
        except (programs.ProgramMissing, programs.ProgramFailed, programs.ProgramOverran) as error:
            raise EngineUnavailable(str(error)) from error
        # espeak-ng writes to a pipe, so the sizes in its header are made up.
        try:
            found = wav.samples(answer) if wav.is_wav(answer) else None
        except wav.NoSamples:
            return Sound(_RATE_OF_SILENCE, b"")
        if found is None or len(found.form) < _RATE_AT.stop:
            raise EngineUnavailable(f"{self._program} answered with no WAV but {answer[:16]!r}")
        pcm = answer[found.since_byte : found.until_byte]
        return Sound(int.from_bytes(found.form[_RATE_AT], "little"), pcm[: len(pcm) // 2 * 2])


def _cut(sound: Sound) -> list[Sound]:
    """Cut a sound at each long run of exact zeros, and leave a margin of them on both sides."""
    step = sound.rate * _FRAME_MS // 1_000 * 2
    silence = bytes(step)
    margin = _MARGIN_MS // _FRAME_MS * step
    pieces: list[bytes] = []
    start = 0
    silent_from: int | None = None
    # One frame beyond the end, which counts as sound, so that a run at the end is closed, too.
    for at in range(0, len(sound.pcm) + step, step):
        if at < len(sound.pcm) and sound.pcm[at : at + step] == silence:
            silent_from = at if silent_from is None else silent_from
        elif silent_from is not None:
            if (at - silent_from) // step * _FRAME_MS >= _PAUSE_MS_MIN:
                pieces.append(sound.pcm[start : silent_from + margin])
                start = max(0, at - margin)
            silent_from = None
    pieces.append(sound.pcm[start:])
    return [Sound(sound.rate, piece) for piece in pieces]
