"""A voice that the engine does not have is told at start, before anything is rendered with another one."""

import pytest

from contracts.directory import Language
from services.tts import service
from services.tts.activities import voices
from services.tts.settings import Settings


def settings(**changed: str) -> Settings:
    return Settings.model_validate({"kafka": "127.0.0.1:1", **changed})


def test_the_service_asks_before_it_reads_anything() -> None:
    """A lack ends the start; what is not asked at start would be rendered with the wrong voice and kept."""
    assert service.EDGE.own_parts == {"RINGBACK_TTS_ENGINE": voices.lack}


@pytest.mark.parametrize("voice", ["ru", "RU", "ru-lv", "zle/ru", "russian", "ru+f2", "ru+F2"])
async def test_a_voice_that_the_engine_lists_is_taken(voice: str) -> None:
    assert await voices.lack(settings(tts_voice_ru=voice)) is None


@pytest.mark.parametrize(
    ("voice", "words"),
    [
        ("no-such-voice", "no-such-voice is no voice of espeak-ng: set RINGBACK_TTS_VOICE_EN to one that "),
        # espeak-ng speaks these with `en` and says nothing.
        ("en-nosuch", "`espeak-ng --voices` lists"),
        ("en+nosuch", "nosuch is no variant of espeak-ng's voices: let RINGBACK_TTS_VOICE_EN end with one"),
        # It lists this one with an underscore, and refuses it.
        ("English_(Great_Britain)", "of RINGBACK_TTS_VOICE_EN does not speak"),
    ],
)
async def test_a_voice_that_it_does_not_have_is_named_with_the_remedy(voice: str, words: str) -> None:
    found = await voices.faults(settings(tts_voice_en=voice))
    assert list(found) == [Language.ENGLISH]
    assert words in found[Language.ENGLISH]
    lack = await voices.lack(settings(tts_voice_en=voice))
    assert lack is not None
    assert not lack.may_pass, "nothing but another setting mends it"


async def test_a_missing_program_is_named_with_the_remedy() -> None:
    """An operator reads what to install, and not a stack of calls."""
    lack = await voices.lack(settings(tts_engine="no-such-engine"))
    assert lack is not None
    assert "programs are missing: no-such-engine. On Debian and Ubuntu: apt-get install" in lack.words
