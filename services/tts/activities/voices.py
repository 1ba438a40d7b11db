"""Whether the engine can speak, and with the voices of the settings: asked at start, and by the doctor.

espeak-ng itself does not always tell: it takes `ru-nosuch` for `ru` and `ru+nosuch` for `ru`. Sound that was
rendered so would stay under the wrong voice's address for ever.
"""

import asyncio
from typing import Final

from contracts.directory import Language
from runtime import programs
from runtime.lack import Lack
from services.tts.activities.engine import EngineUnavailable, EspeakNg
from services.tts.rules.content_address import Voice
from services.tts.settings import Settings

ENGINE: Final = "RINGBACK_TTS_ENGINE"
"""Under which the check stands among the parts of the service."""
PROGRAMS: Final = "programs"
INSTALL: Final = "On Debian and Ubuntu: apt-get install espeak-ng sox ffmpeg util-linux"
WORDS: Final = {Language.RUSSIAN: "один", Language.ENGLISH: "one"}
LIST_S_MAX: Final = 10.0
LIST_BYTES_MAX: Final = 1 << 20
"""A hundred voices have 10 kB."""
MEMORY_BYTES_MAX: Final = 512 << 20


def named(settings: Settings) -> tuple[str, ...]:
    """The programs that speak and convert."""
    return (settings.tts_engine, "sox", "ffmpeg", "prlimit")


async def lack(settings: Settings) -> Lack | None:
    """What keeps us from speaking, for the check at start."""
    found = await faults(settings)
    return Lack("; ".join(found.values())) if found else None


async def faults(settings: Settings) -> dict[str, str]:
    """What is wrong, by `PROGRAMS` or language, each with its remedy."""
    missing = programs.missing(*named(settings))
    if missing:
        return {PROGRAMS: f"these programs are missing: {', '.join(missing)}. {INSTALL}"}
    try:
        voices, variants = await _known(settings.tts_engine)
    except (programs.ProgramMissing, programs.ProgramFailed, programs.ProgramOverran) as error:
        return {PROGRAMS: f"{settings.tts_engine} lists no voices: {error}. {INSTALL}"}
    found: dict[str, str] = {}
    engine = EspeakNg(settings.tts_engine)
    for language, voice in settings.voices(engine.name).items():
        name, plus, variant = voice.name.partition("+")
        setting = f"RINGBACK_TTS_VOICE_{language.upper()}"
        if name.lower() not in voices:
            found[language] = (
                f"{name} is no voice of {settings.tts_engine}: set {setting} to one that "
                f"`{settings.tts_engine} --voices` lists"
            )
        elif plus and variant.lower() not in variants:
            found[language] = (
                f"{variant} is no variant of {settings.tts_engine}'s voices: let {setting} end with one that "
                f"`{settings.tts_engine} --voices=variant` lists"
            )
        elif fault := await _silence(engine, language, voice):
            found[language] = f"{voice.name} of {setting} {fault}"
    return found


async def _silence(engine: EspeakNg, language: Language, voice: Voice) -> str | None:
    """Why a known voice does not speak; None if it does."""
    try:
        sound = await engine.speak(WORDS[language], voice)
    except EngineUnavailable as error:
        return f"does not speak: {error}: {INSTALL}"
    return None if sound.pcm else "is silent: install the engine's data again"


async def _known(engine: str) -> tuple[set[str], set[str]]:
    """What the engine takes for voices, MBROLA's among them, and for their variants; in lower case."""
    own, mbrola, variants = await asyncio.gather(
        *(_listed(engine, kind) for kind in ("--voices", "--voices=mb", "--voices=variant"))
    )
    return own | mbrola, variants


async def _listed(engine: str, kind: str) -> set[str]:
    """The names in a list of voices: of language, voice and file, the latter without its folder, too."""
    printed = await programs.run(
        (engine, kind),
        seconds_max=LIST_S_MAX,
        output_bytes_max=LIST_BYTES_MAX,
        memory_bytes_max=MEMORY_BYTES_MAX,
    )
    names: set[str] = set()
    for line in printed.decode(errors="replace").lower().splitlines()[1:]:
        # Priority, language, age and gender, voice, file, and other languages as `(en 2)`.
        _, language, _, voice, file, *others = line.split()
        names |= {language, voice, file, file.rpartition("/")[2]}
        names |= {each.removeprefix("(") for each in others if each.startswith("(")}
    return names
