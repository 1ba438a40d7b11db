"""Speech: the programs that speak and convert, and a word from each voice."""

from typing import Final

from contracts.directory import Language
from ringback.doctor.findings import Section
from ringback.doctor.scope import SPEECH, Scope, Settings
from runtime import programs
from services.tts.activities.engine import EngineUnavailable, EspeakNg

WORDS: Final = {Language.RUSSIAN: "один", Language.ENGLISH: "one"}
LIST_S_MAX: Final = 20.0
LIST_BYTES_MAX: Final = 1 << 20
"""A hundred voices have 10 kB."""
MEMORY_BYTES_MAX: Final = 512 << 20
INSTALL: Final = "On Debian and Ubuntu: apt-get install espeak-ng sox ffmpeg util-linux"


async def examine(settings: Settings, scope: Scope) -> Section | None:
    """Let each voice say a word; None where no service that was named speaks."""
    if not scope.looks_at(SPEECH):
        return None
    section = Section("speech")
    missing = programs.missing(settings.tts_engine, "sox", "ffmpeg", "prlimit")
    if missing:
        section.red("programs", f"{', '.join(missing)} missing. {INSTALL}")
    else:
        section.green("programs", f"{settings.tts_engine}, sox, ffmpeg, prlimit")
    if settings.tts_engine in missing:
        return section
    engine = EspeakNg(settings.tts_engine)
    try:
        known = await _voices(settings.tts_engine)
    except (programs.ProgramMissing, programs.ProgramFailed, programs.ProgramOverran) as error:
        section.red("programs", f"{settings.tts_engine} lists no voices: {error}. {INSTALL}")
        return section
    for language, voice in settings.voices(engine.name).items():
        if voice.name.partition("+")[0].lower() not in known:
            # It would speak with another voice, without a word.
            section.red(
                f"voice {language}",
                f"{voice.name} is no voice of {settings.tts_engine}: set RINGBACK_TTS_VOICE_"
                f"{language.upper()} to one that `{settings.tts_engine} --voices` lists",
            )
            continue
        try:
            sound = await engine.speak(WORDS[language], voice)
        except EngineUnavailable as error:
            section.red(f"voice {language}", f"{voice.name}: {error}: {INSTALL}")
            continue
        if sound.pcm:
            section.green(f"voice {language}", f"{voice.name} speaks")
        else:
            section.red(f"voice {language}", f"{voice.name} is silent: install the engine's data again")
    return section


async def _voices(engine: str) -> set[str]:
    """The languages and names of its voices, in lower case."""
    listed = await programs.run(
        (engine, "--voices"),
        seconds_max=LIST_S_MAX,
        output_bytes_max=LIST_BYTES_MAX,
        memory_bytes_max=MEMORY_BYTES_MAX,
    )
    return set(listed.decode(errors="replace").lower().split())
