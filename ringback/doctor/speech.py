"""Speech: the programs that speak and convert, and a word from each voice."""

from ringback.doctor.findings import Section
from ringback.doctor.scope import Scope, Settings
from services.tts.activities import voices
from services.tts.activities.engine import EspeakNg


async def examine(settings: Settings, scope: Scope) -> Section | None:
    """Let each voice say a word; None where no service that was named speaks."""
    if not scope.looks_at(voices.ENGINE):
        return None
    section = Section("speech")
    faults = await voices.faults(settings)
    if voices.PROGRAMS in faults:
        section.red("programs", faults[voices.PROGRAMS])
        return section
    section.green("programs", ", ".join(voices.named(settings)))
    for language, voice in settings.voices(EspeakNg.name).items():
        if language in faults:
            section.red(f"voice {language}", faults[language])
        else:
            section.green(f"voice {language}", f"{voice.name} speaks")
    return section
