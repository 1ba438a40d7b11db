"""Settings of the speech service, beside those of every service (all `RINGBACK_…`)."""

from pydantic import Field

from contracts.directory import Language
from runtime.settings import RuntimeSettings
from services.tts.rules.content_address import AudioFormat, Voice


class Settings(RuntimeSettings):
    """Voices, and limits of the work. A changed voice renders everything anew."""

    tts_engine: str = "espeak-ng"
    """The program that speaks: a name on the path, or a path."""
    tts_voice_ru: str = "ru"
    tts_voice_en: str = "en-gb"
    tts_words_per_minute: int = Field(default=145, ge=80, le=300)
    """espeak-ng's default of 175 is too fast for people who write a number down."""
    tts_forms: tuple[AudioFormat, ...] = ()
    """Formats to keep beside the canonical one, as JSON: `["alaw", "ulaw", "wide"]`."""
    tts_programs_max: int = Field(default=2, ge=1, le=64)
    """Engines and converters that run at once: as many as processors."""
    tts_notices_max: int = Field(default=256, ge=1, le=1_000)
    """Notices in work at once, including those that wait for an engine or a store to come back."""

    def voices(self, engine: str) -> dict[Language, Voice]:
        """The voice of each language, for an engine of this name."""
        names = {Language.RUSSIAN: self.tts_voice_ru, Language.ENGLISH: self.tts_voice_en}
        return {language: Voice(engine, name, self.tts_words_per_minute) for language, name in names.items()}
