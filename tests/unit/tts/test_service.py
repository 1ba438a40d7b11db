"""The service is put together from its ports and settings."""

import pytest

from contracts.directory import Language
from contracts.ids import Instant
from contracts.topics import SPEECH
from runtime.edge import EdgePorts
from runtime.memory import MemoryBlobs, MemoryClock
from services.tts import service
from services.tts.rules.content_address import AudioFormat
from services.tts.settings import Settings
from tests.unit.tts.stories import Answers


def ports() -> EdgePorts:
    """What the composition root hands over, in memory."""
    return EdgePorts(say=Answers(), blobs=MemoryBlobs(), clock=MemoryClock(), log_time=lambda: Instant(0))


def test_it_hears_the_topic_of_speech_and_is_not_ready_before_the_standard_prompts() -> None:
    """A pod gets no traffic, and a demo does not start, before every caller can be told something."""
    work = service.build(ports(), Settings(kafka="127.0.0.1:1"))
    [subscription] = work.subscriptions
    assert subscription.topic is SPEECH
    assert subscription.hears == service.HEARS
    assert len(work.background) == 1
    assert not work.is_ready()


def test_voices_and_forms_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation chooses its voices, pace and formats by settings alone."""
    monkeypatch.setenv("RINGBACK_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("RINGBACK_TTS_VOICE_RU", "ru-lv")
    monkeypatch.setenv("RINGBACK_TTS_FORMS", '["alaw"]')
    settings = Settings()
    assert settings.voices("espeak-ng")[Language.RUSSIAN].name == "ru-lv"
    assert settings.tts_forms == (AudioFormat.ALAW,)
