"""Speech and uploads come out in one form at even loudness; hostile input gets a clear answer."""

import asyncio
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.directory import Language
from runtime import uploads
from runtime.uploads import Container
from services.tts.activities import audio
from services.tts.activities.engine import EngineUnavailable, EspeakNg, Sound
from services.tts.rules import notice_text, prompt_texts
from services.tts.rules.content_address import AudioFormat
from services.tts.rules.notice_text import NoticeRefused, Refusal
from services.tts.rules.text_normalization import as_spoken
from tests.integration.tts.sounds import VOICES, encoded, measured, probed

RU = Language.RUSSIAN
LEVEL = 2_320
SENTENCE = "Здравствуйте! Вы позвонили в отдел продаж. Мы работаем с 9:00 до 18:00."


async def spoken(text: str, language: Language = RU) -> bytes:
    """A text as canonical PCM."""
    [pcm] = await audio.canonical([await EspeakNg().speak(as_spoken(language, text), VOICES[language])])
    return pcm


@pytest.mark.rule("T2")
async def test_speech_is_canonical_and_evenly_loud() -> None:
    """A word and a long sentence, in either language, have one form and one level."""
    for language, text in ((RU, "да"), (RU, SENTENCE), (Language.ENGLISH, "Please stay on the line.")):
        found = measured(audio.wav(await spoken(text, language)))
        assert (found.rate, found.channels, found.sample_bytes) == (8_000, 1, 2)
        assert 0.9 * LEVEL < found.level < 1.1 * LEVEL, text
        assert found.peak > 3_000, text


async def test_speech_lasts_as_long_as_its_words_need() -> None:
    """Nothing is cut off, and no second of silence surrounds it: a word is short, a sentence is not."""
    assert 200 < audio.duration_ms(await spoken("да")) < 1_000
    assert 4_000 < audio.duration_ms(await spoken(SENTENCE)) < 12_000


async def test_a_batch_sounds_as_each_alone() -> None:
    """The standard prompts share a run of sox, and none hears its neighbour."""
    sounds = [await EspeakNg().speak(word, VOICES[RU]) for word in ("двадцать", "пятьсот", "один")]
    together = await audio.canonical(sounds)
    alone = [(await audio.canonical([sound]))[0] for sound in sounds]
    for one, other in zip(together, alone, strict=True):
        assert abs(audio.duration_ms(one) - audio.duration_ms(other)) <= 40
        assert abs(measured(audio.wav(one)).level - measured(audio.wav(other)).level) < 100


@pytest.mark.rule("T2")
async def test_other_forms_are_made_from_the_canonical_one(tmp_path: Path) -> None:
    """A PBX that wants A-law, µ-law or 16 kHz gets the very same sound, and players can read it."""
    pcm = await spoken(SENTENCE)
    formats = {form: await audio.as_format(pcm, form) for form in AudioFormat}
    assert probed(formats[AudioFormat.ALAW], tmp_path) == "pcm_alaw,8000,1"
    assert probed(formats[AudioFormat.ULAW], tmp_path) == "pcm_mulaw,8000,1"
    assert probed(formats[AudioFormat.WIDE], tmp_path) == "pcm_s16le,16000,1"
    assert abs(measured(formats[AudioFormat.WIDE]).duration_ms - audio.duration_ms(pcm)) <= 1


@pytest.mark.parametrize("language", Language)
async def test_prompts_spoken_together_are_those_spoken_alone(language: Language) -> None:
    """Twenty-four in one process: none is cut short, none runs into the next, and all are in order."""
    texts = [
        as_spoken(language, prompt_texts.text(language, prompt))
        for prompt in prompt_texts.in_order_of_use()[:24]
    ]
    together = await audio.canonical(await EspeakNg().speak_all(texts, VOICES[language]))
    assert len(together) == len(texts)
    for text, pcm in zip(texts, together, strict=True):
        assert abs(audio.duration_ms(pcm) - audio.duration_ms(await spoken(text, language))) < 250, text


async def test_texts_that_cannot_be_told_apart_are_spoken_alone() -> None:
    """A text that comes out silent would shift its neighbours: then each is spoken for itself."""
    sounds = await EspeakNg().speak_all(["раз", "...", "три"], VOICES[RU])
    assert len(sounds) == 3
    [one, three] = await audio.canonical([sounds[0], sounds[2]])
    assert abs(audio.duration_ms(one) - audio.duration_ms(await spoken("раз"))) < 100
    assert abs(audio.duration_ms(three) - audio.duration_ms(await spoken("три"))) < 100


async def test_the_ringing_tone_rings_one_second_in_five() -> None:
    """The agent who waits for the customer's answer hears what a phone in this country sounds like."""
    pcm = await audio.ringing_tone()
    assert audio.duration_ms(pcm) == 45_000
    for second in range(45):
        frame = pcm[second * 16_000 + 1_600 : second * 16_000 + 14_400]
        crossings = sum(1 for at in range(0, len(frame) - 4, 2) if (frame[at + 1] ^ frame[at + 3]) & 0x80)
        heard = crossings / 2 / 0.8
        assert (420 < heard < 430) if second % 5 == 0 else heard == 0


async def test_silence_is_never_taken_for_speech() -> None:
    """EC-112: nothing silent is ever saved, whatever the engine's output."""
    for pcm in (b"", b"\0\0" * 22_050, b"\x05\0\xfb\xff" * 10_000):
        with pytest.raises(audio.SoundSilent):
            await audio.canonical([Sound(22_050, pcm)])


@pytest.mark.rule("T6")
async def test_an_engine_interprets_nothing_of_a_text() -> None:
    """EC-112: a pause in mark-up is spoken and not kept, dashes are no options, phonemes are letters."""
    for text in ('Раз <break time="9s"/> два', "--help", "-w /tmp/x", "\x01[5V\x0130S раз", "[[h@l'oU]]"):
        said = as_spoken(RU, text)
        sound = await EspeakNg().speak(said, VOICES[RU])
        [pcm] = await audio.canonical([sound])
        assert audio.duration_ms(pcm) < 4_000 + 150 * len(said)


@pytest.mark.rule("T6")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=400), language=st.sampled_from(Language))
async def test_hostile_text_is_spoken_or_refused(text: str, language: Language) -> None:
    """Whatever is typed: sound in the canonical form, or an error with cause and remedy."""
    try:
        parts = notice_text.parts(language, text, {})
    except NoticeRefused:
        return
    for part in parts:
        if isinstance(part, notice_text.SpokenPart):
            sound = await EspeakNg().speak(part.text, VOICES[language])
            try:
                [pcm] = await audio.canonical([sound])
            except audio.SoundSilent:
                continue
            assert measured(audio.wav(pcm)).peak > 100


async def test_the_longest_text_is_spoken_at_once() -> None:
    """A thousand characters, or a thousand digits, take a moment and stay within memory."""
    started = time.monotonic()
    assert audio.duration_ms(await spoken("слово " * 166)) > 45_000
    await spoken("1" * 1_000)
    assert time.monotonic() - started < 60


async def test_an_engine_that_is_missing_or_hangs_is_unavailable(tmp_path: Path) -> None:
    """EC-110: whatever is wrong with the engine is the same passing fault, in bounded time."""
    hangs = tmp_path / "hangs"
    hangs.write_text("#!/bin/sh\nsleep 60\n", encoding="utf-8")
    fails = tmp_path / "fails"
    fails.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    floods = tmp_path / "floods"
    floods.write_text("#!/bin/sh\nexec cat /dev/zero\n", encoding="utf-8")
    for program in (hangs, fails, floods):
        program.chmod(0o755)
    for program in (hangs, fails, floods, tmp_path / "absent"):
        with pytest.raises(EngineUnavailable):
            await EspeakNg(str(program), seconds_max=1.5).speak("да", VOICES[RU])


async def test_what_an_engine_started_ends_with_it(tmp_path: Path) -> None:
    """An engine that leaves a process behind, which holds its pipes, costs its time and nothing after."""
    leaves = tmp_path / "leaves"
    leaves.write_text(f"#!/bin/sh\nsleep 60 &\necho $! >{tmp_path}/child\n", encoding="utf-8")
    leaves.chmod(0o755)
    with pytest.raises(EngineUnavailable):
        await EspeakNg(str(leaves), seconds_max=1.5).speak("да", VOICES[RU])
    while is_running((tmp_path / "child").read_text(encoding="ascii").strip()):
        await asyncio.sleep(0.01)


def is_running(number: str) -> bool:
    """Whether there is such a process, and it has not ended unnoticed."""
    try:
        return bool(Path("/proc", number, "cmdline").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return False


FILES = {
    "recording.wav": (Container.WAV, ("-c:a", "pcm_s16le")),
    "recording.mp3": (Container.MP3, ("-c:a", "libmp3lame")),
    "recording.ogg": (Container.OGG, ("-c:a", "libopus", "-f", "ogg")),
    "recording.m4a": (Container.M4A, ("-c:a", "aac", "-f", "ipod")),
}


@pytest.mark.rule("T4", "T2")
@pytest.mark.parametrize("name", FILES)
async def test_uploads_of_every_kind_come_out_canonical_and_evenly_loud(name: str, tmp_path: Path) -> None:
    """A loud MP3 and a quiet WAV sound alike to the caller, and as loud as speech does."""
    kind, arguments = FILES[name]
    for volume in (1.0, 0.05):
        data = encoded(tmp_path, *arguments, name=name, volume=volume)
        assert uploads.container(data) is kind
        found = measured(audio.wav(await audio.of_upload(data)))
        assert (found.rate, found.channels, found.sample_bytes) == (8_000, 1, 2)
        assert 2_900 < found.duration_ms < 3_200
        assert 0.85 * LEVEL < found.level < 1.15 * LEVEL


@pytest.mark.rule("T4")
async def test_a_broken_upload_is_refused_and_a_torn_one_is_kept_as_far_as_it_goes(tmp_path: Path) -> None:
    """What can be read is kept; for what can't, the author learns why."""
    wav = encoded(tmp_path, "-c:a", "pcm_s16le", name="a.wav")
    m4a = encoded(tmp_path, "-c:a", "aac", "-f", "ipod", name="a.m4a")
    streamed = wav[:4] + b"\0\0\0\0" + wav[8:40] + b"\0\0\0\0" + wav[44:]
    assert audio.duration_ms(await audio.of_upload(wav[: len(wav) // 2])) > 1_000
    if wav[36:40] == b"data":
        assert audio.duration_ms(await audio.of_upload(streamed)) > 2_900
    for data in (
        wav[:44],
        b"RIFF\0\0\0\0WAVE",
        m4a[: len(m4a) // 2],
        b"ID3" + b"\0" * 2_000,
        b"OggS" + b"\xff" * 2_000,
    ):
        with pytest.raises(NoticeRefused) as found:
            await audio.of_upload(data)
        assert found.value.refusal is Refusal.UPLOAD_BROKEN


@pytest.mark.rule("T4")
async def test_an_upload_that_is_too_long_or_silent_is_refused(tmp_path: Path) -> None:
    """Five minutes are the limit, and hours of silence in a small file do not tie the converter up."""
    silence = ("-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-c:a", "libmp3lame", "-b:a", "8k")
    for seconds, refusal in ((3_600, Refusal.UPLOAD_TOO_LONG), (2, Refusal.UPLOAD_SILENT)):
        file = tmp_path / f"{seconds}.mp3"
        command = ["ffmpeg", "-v", "error", *silence, "-t", str(seconds), str(file)]
        await asyncio.to_thread(subprocess.run, command, check=True, timeout=60)
        with pytest.raises(NoticeRefused) as found:
            await audio.of_upload(file.read_bytes())
        assert found.value.refusal is refusal


async def test_an_upload_can_make_the_converter_read_nothing_else(tmp_path: Path) -> None:
    """A file that names other files is read as what its first bytes said it is, and is then broken."""
    playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    assert uploads.container(playlist) is None
    for head in (b"", b"RIFF\0\0\0\0WAVE", b"ID3\x04", b"OggS", b"\0\0\0 ftypM4A "):
        with pytest.raises(NoticeRefused):
            await audio.of_upload(head + playlist)


@pytest.mark.rule("T4")
async def test_an_upload_waits_for_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault is not the file's, and passes."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(EngineUnavailable):
        await audio.of_upload(audio.wav(bytes(16_000)))
