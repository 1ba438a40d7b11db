"""The port of speech engines, and espeak-ng behind it.

Another engine is another class with `speak`: festival (`text2wave`, text on stdin) and piper (a folder of
voices, text on stdin, raw PCM out) fit as they are. Its name is part of every content address, so that a
change of engine renders everything anew and mixes no voices.
"""

from typing import Final, Protocol

import msgspec

from services.tts.activities import process
from services.tts.rules.address import Voice

_SPEECH_SECONDS_MAX: Final = 20.0
"""espeak-ng speaks 14 s in 0.03 s; a thousand characters need a tenth of a second."""
_MEMORY_BYTES_MAX: Final = 512 * 1024 * 1024
_OUTPUT_BYTES_MAX: Final = 32 * 1024 * 1024
"""Twelve minutes at 22,050 Hz: more than the five that a notice may last."""
_HEADER_BYTES: Final = 44
_RATE_AT: Final = slice(24, 28)


class Sound(msgspec.Struct, frozen=True):
    """Mono PCM, 16 bits, little-endian."""

    rate: int
    pcm: bytes


class EngineUnavailable(Exception):
    """No speech can be made now; the same text may work later."""


class Engine(Protocol):
    """Speaks a text that `rules.reading` has left without mark-up."""

    name: str
    """Part of the content address; says which engine and which generation of voices."""

    async def speak(self, text: str, voice: Voice) -> Sound:
        """Speak it. Raises EngineUnavailable; an engine that can't say a text answers with silence."""
        ...


class EspeakNg:
    """espeak-ng as a separate process for each text, which it gets on stdin."""

    name = "espeak-ng"

    def __init__(self, program: str = "espeak-ng", *, seconds_max: float = _SPEECH_SECONDS_MAX) -> None:
        self._program = program
        self._seconds_max = seconds_max

    async def speak(self, text: str, voice: Voice) -> Sound:
        """Speak it. Without `-m` espeak-ng takes nothing for mark-up."""
        argv = (self._program, "-b", "1", "-v", voice.name, "-s", str(voice.words_per_minute))
        try:
            wav = await process.run(
                (*argv, "--stdin", "--stdout"),
                text.encode() + b"\n",
                seconds_max=self._seconds_max,
                output_bytes_max=_OUTPUT_BYTES_MAX,
                memory_bytes_max=_MEMORY_BYTES_MAX,
            )
        except (process.ProgramMissing, process.ProgramFailed, process.ProgramOverran) as error:
            raise EngineUnavailable(str(error)) from error
        if wav[:4] != b"RIFF" or len(wav) < _HEADER_BYTES:
            raise EngineUnavailable(f"{self._program} answered with no WAV but {wav[:16]!r}")
        # The sizes in its header are made up, since it writes to a pipe; the rest is what was said.
        pcm = wav[_HEADER_BYTES:]
        return Sound(int.from_bytes(wav[_RATE_AT], "little"), pcm[: len(pcm) // 2 * 2])
