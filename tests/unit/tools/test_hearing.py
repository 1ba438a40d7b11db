"""What a phone heard, judged by its own recording (devtools.hearing)."""

import audioop
import math
import struct

import pytest

from contracts.directory import Language
from devtools.hearing import Heard, heard, level_at, pcm_of, share_heard, tone_ms
from ringback.phones import speak

SILENCE = b"\xd5"
MS = 8
TEXT = "Здравствуйте, вы позвонили в отдел продаж. Оставайтесь, пожалуйста, на линии."
OTHER_TEXT = "Перезвоните мне завтра после обеда по поводу доставки двадцати коробок в Самару."
CHORDS_HZ = ((262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294))


def sines(*voices_hz: int, duration_ms: int) -> bytes:
    """Some voices at once, as samples."""
    turns = [math.tau * hertz / (1_000 * MS) for hertz in voices_hz]
    samples = [sum(6_000 * math.sin(turn * at) for turn in turns) for at in range(duration_ms * MS)]
    return struct.pack(f"<{len(samples)}h", *map(round, samples))


MUSIC = b"".join(sines(*chord, duration_ms=800) for chord in CHORDS_HZ)


def a_law(pcm: bytes) -> bytes:
    return audioop.lin2alaw(pcm, 2)


def silence(duration_ms: int) -> bytes:
    return SILENCE * (duration_ms * MS)


@pytest.fixture(scope="module")
def speech() -> bytes:
    return speak(TEXT, Language.RUSSIAN)


def test_each_kind_of_sound_is_counted_as_what_it_is(speech: bytes) -> None:
    """The demo's table rests on it: a phone that heard only tones heard nobody."""
    recording = b"".join(
        [silence(1_000), speech, silence(1_000), a_law(sines(425, duration_ms=1_000)), a_law(MUSIC + MUSIC)]
    )
    found = heard(recording, MUSIC)
    assert found.music_ms == pytest.approx(6_400, abs=400)
    assert found.tone_ms == pytest.approx(1_000, abs=300)
    assert found.speech_ms == pytest.approx(len(speech) / MS - 500, abs=800)
    assert found.silence_ms >= 2_000


def test_music_is_recognized_wherever_it_begins_and_whatever_its_level() -> None:
    """A caller joins the music in its middle, and after each announcement again."""
    shifted = audioop.mul(MUSIC[2 * 4_321 :] + MUSIC, 2, 0.4)
    found = heard(a_law(shifted), MUSIC)
    assert found.music_ms == pytest.approx(len(shifted) / 2 / MS, abs=400)


def test_another_music_is_not_taken_for_ours() -> None:
    other = b"".join(sines(*chord, duration_ms=700) for chord in ((277, 349, 415), (233, 311, 370)))
    assert heard(a_law(other), MUSIC).music_ms == 0


@pytest.mark.parametrize("hertz", [350, 425, 1_000], ids=["low", "busy", "beep"])
def test_a_tone_is_no_speech(hertz: int) -> None:
    found = heard(a_law(sines(hertz, duration_ms=2_000)), MUSIC)
    assert found == Heard(tone_ms=2_000)


def test_a_known_sentence_is_found_in_a_recording_and_another_one_is_not(speech: bytes) -> None:
    """Networks change the level and where a sample begins; the words stay."""
    recording = audioop.mul(pcm_of(silence(731) + SILENCE * 3 + speech + silence(400)), 2, 0.5)
    assert share_heard(pcm_of(speech), recording) == 1.0
    assert share_heard(pcm_of(speak(OTHER_TEXT, Language.RUSSIAN)), recording) == 0.0


def test_a_sentence_that_was_cut_off_is_found_in_part(speech: bytes) -> None:
    recording = silence(500) + speech[: len(speech) // 2] + silence(3_000)
    assert 0.3 < share_heard(pcm_of(speech), pcm_of(recording)) < 0.7


def test_the_level_of_one_frequency_is_told_apart_from_others() -> None:
    """The tone of one person must be on the other's phone, and nothing of it where it must not be."""
    tone = sines(600, duration_ms=500)
    assert level_at(tone, 600) == pytest.approx(6_000 / 32_768, rel=0.05)
    assert level_at(tone, 800) < 0.002
    assert level_at(b"", 600) == 0.0


def test_the_tone_before_a_recording_is_found_between_words(speech: bytes) -> None:
    """A caller speaks after it, and must have heard it."""
    words = pcm_of(speech)
    assert tone_ms(words + sines(1_000, duration_ms=200) + words, 1_000) == pytest.approx(200, abs=20)
    assert tone_ms(words + sines(425, duration_ms=200), 1_000) == 0
